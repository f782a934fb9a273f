"""What a phase or a method costs in one step, draw by draw, and how such costs combine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

import numpy as np

from costmodel.quantities.estimate import Draws, Status, median, weakest

#: A part below this share of a whole does not decide the whole's status.
MATTERS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds or joules of a phase or a method, already divided by how often it runs.

    Attributes:
        total: Whole network, shape (draws,).
        by_shape: One layer of each shape, shape (shapes, draws); under the first draws alone where all are too many.
        status: The weakest among the inputs that matter.
    """

    total: Draws
    by_shape: Draws
    status: Status


def total(costs: Iterable[Cost]) -> Cost:
    """Sum of costs, with the status of those that matter."""
    costs = list(costs)
    whole = np.sum([cost.total for cost in costs], axis=0)
    by_shape = np.sum([cost.by_shape for cost in costs], axis=0)
    return Cost(whole, by_shape, weakest_that_matters((cost.total, cost.status) for cost in costs))


def slowest(costs: list[Cost]) -> Cost:
    """Works that overlap: the slowest counts, draw by draw, and gives the status."""
    slowest = max(costs, key=lambda cost: median(cost.total))
    total = reduce(np.maximum, (cost.total for cost in costs))
    return Cost(total, reduce(np.maximum, (cost.by_shape for cost in costs)), slowest.status)


def joined(costs: Sequence[Cost]) -> Cost:
    """The cost of one thing under stretches of draws, in order; its layers' under the first stretch alone."""
    first = costs[0]
    if len(costs) == 1:
        return first
    return Cost(np.concatenate([each.total for each in costs]), first.by_shape, weakest(c.status for c in costs))


def weakest_that_matters(parts: Iterable[tuple[Draws, Status]]) -> Status:
    """The weakest status among the parts that make up at least :data:`MATTERS` of the whole, by median."""
    medians = [(median(part), status) for part, status in parts]
    whole = sum(middle for middle, _ in medians)
    return weakest(status for middle, status in medians if middle > 0 and middle >= MATTERS * whole)
