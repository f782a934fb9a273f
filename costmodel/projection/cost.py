"""What a phase or a method costs in one step, draw by draw, and how such costs combine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
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
        by_shape: One layer of each shape, shape (shapes, draws); under the first draws alone where all are too many,
            and of no shape where they are joules.
        status: The weakest among the inputs that matter.
    """

    total: Draws
    by_shape: Draws
    status: Status


def total(costs: Iterable[Cost]) -> Cost:
    """Sum of costs, with the status of those that matter."""
    costs = list(costs)
    whole = _sum([cost.total for cost in costs])
    by_shape = _sum([cost.by_shape for cost in costs])
    return Cost(whole, by_shape, weakest_that_matters((cost.total, cost.status) for cost in costs))


def _sum(parts: list[Draws]) -> Draws:
    """Sum of arrays in order; numpy's own makes one array of them all first."""
    if not parts:
        return np.zeros(())
    if len(parts) == 1:
        return parts[0]
    whole = np.broadcast_to(parts[0], np.broadcast_shapes(*(part.shape for part in parts))).copy()
    for part in parts[1:]:
        whole += part
    return whole


def slowest(costs: list[Cost]) -> Cost:
    """Works that overlap: the slowest counts, draw by draw, and gives the status."""
    slowest = max(costs, key=lambda cost: median(cost.total))
    total = reduce(np.maximum, (cost.total for cost in costs))
    return Cost(total, reduce(np.maximum, (cost.by_shape for cost in costs)), slowest.status)


class Gathered:
    """The cost of one thing under stretches of draws, as they come; its layers' under the first stretch alone."""

    def __init__(self, draws: int) -> None:
        self._draws, self._filled = draws, 0
        self._found: Cost | None = None

    def take(self, cost: Cost) -> None:
        """Add the next stretch."""
        end = self._filled + len(cost.total)
        if self._found is None:
            whole = cost.total
            if end < self._draws:
                whole = np.empty(self._draws)
                whole[:end] = cost.total
            self._found = Cost(whole, cost.by_shape, cost.status)
        else:
            self._found.total[self._filled : end] = cost.total
            self._found = replace(self._found, status=weakest((self._found.status, cost.status)))
        self._filled = end

    @property
    def cost(self) -> Cost:
        """Under all draws.

        Raises:
            ValueError: Some stretches are missing.
        """
        if self._found is None or self._filled != self._draws:
            raise ValueError(f"{self._filled} of {self._draws} draws were evaluated")
        return self._found


def weakest_that_matters(parts: Iterable[tuple[Draws, Status]]) -> Status:
    """The weakest status among the parts that make up at least :data:`MATTERS` of the whole, by median."""
    parts = list(parts)
    known = {status for _, status in parts}
    if known <= {Status.MEASURED}:
        return Status.MEASURED
    # The largest of few parts matters, and all have one status.
    if len(known) == 1 and len(parts) * MATTERS < 1 and any(median(part) > 0 for part, _ in parts):
        return parts[0][1]
    medians = [(median(part), status) for part, status in parts]
    whole = sum(middle for middle, _ in medians)
    return weakest(status for middle, status in medians if middle > 0 and middle >= MATTERS * whole)
