"""How a card does on timings that no fit has read, against thresholds that stand here alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from costmodel.machines.cards import DigitalCard
from costmodel.machines.operations import OPERATIONS, Size, working_size
from costmodel.quantities.estimate import DEVIATE_95
from validation.fit.calibration import point_times
from validation.fit.networks import NEEDED, deviation, phases
from validation.heldout import BETWEEN, BEYOND, MODEL, for_scoring, held_out
from validation.measure.journal import Journal
from validation.measure.records import Point

#: Nominal 90 % intervals must cover this share of held-out points.
COVERAGE: Final = (0.85, 0.97)


@dataclass(frozen=True, slots=True)
class Limit:
    """What a group of held-out points must reach.

    Attributes:
        title: What the group is.
        median: Largest median of |predicted / measured - 1|.
        tail: Largest 90th percentile of it, or largest value where ``worst``.
        worst: The tail is the worst point.
    """

    title: str
    median: float
    tail: float
    worst: bool = False


LIMITS: Final = {
    BETWEEN: Limit("sizes between those fitted", 0.05, 0.15),
    BEYOND: Limit("sizes two to four times larger", 0.12, 0.25),
    MODEL: Limit("whole K-FAC steps of networks not fitted", 0.10, 0.25, worst=True),
}


@dataclass(frozen=True, slots=True)
class Scored:
    """One held-out point.

    Attributes:
        group: Key of :data:`LIMITS`.
        what: Operation, or network and phase.
        size: As text.
        reference: Seconds measured.
        model: Seconds predicted.
        inside: Whether the nominal 90 % interval holds the measurement.
    """

    group: str
    what: str
    size: str
    reference: float
    model: float
    inside: bool

    @property
    def error(self) -> float:
        """Predicted over measured less one."""
        return self.model / self.reference - 1


@dataclass(frozen=True, slots=True)
class Summary:
    """A group against its limit."""

    title: str
    points: int
    median: float
    tail: float
    coverage: float
    limit: Limit
    passed: bool


def score(card: DigitalCard, journal: Journal, threads: int, *, everything: bool = False) -> list[Scored]:
    """Every held-out point of a file on a card.

    Args:
        card: With fitted laws.
        journal: Timings of the same machine.
        threads: The card's thread count.
        everything: Score points the rule does not hold out too: for a file measured after the card was made.
    """
    timings = [timing for timing in journal.timings if timing.point.threads == threads]
    times = point_times(timings if everything else for_scoring(timings), journal.timings)
    found = [each for point, seconds in times.items() if (each := _operation(card, point, seconds)) is not None]
    return found + _steps(card, journal, times)


def summaries(scored: Sequence[Scored]) -> list[Summary]:
    """Each group that has points, whole steps alone of the phases."""
    found = []
    for group, limit in LIMITS.items():
        points = [each for each in scored if each.group == group and (group != MODEL or each.what.endswith(" step"))]
        if points:
            found.append(_summary(points, limit))
    return found


def coverage(scored: Sequence[Scored]) -> float:
    """Share of points inside their interval, phases of steps counted once, as the step."""
    counted = [each.inside for each in scored if each.group != MODEL or each.what.endswith(" step")]
    return float(np.mean(counted)) if counted else math.nan


def _summary(points: Sequence[Scored], limit: Limit) -> Summary:
    errors = np.array([abs(each.error) for each in points])
    median = float(np.median(errors))
    tail = float(errors.max() if limit.worst else np.quantile(errors, 0.9))
    inside = float(np.mean([each.inside for each in points]))
    return Summary(limit.title, len(points), median, tail, inside, limit, median <= limit.median and tail <= limit.tail)


def _operation(card: DigitalCard, point: Point, seconds: float) -> Scored | None:
    law = card.operations.get(point.op if point.dtype == "float32" else f"{point.op}.{point.dtype}")
    if point.model or law is None:
        return None
    size = Size(point.n, point.m, point.batch)
    group = held_out(point) or (BETWEEN if law.excess(working_size(size)) == 1 else BEYOND)
    predicted = law.seconds(OPERATIONS[point.op], size)
    inside = abs(math.log(predicted / seconds)) <= DEVIATE_95 * law.deviation(working_size(size))
    text = f"{point.m} x {point.n}" + (f" x {point.batch}" if point.batch > 1 else "")
    return Scored(group, point.op, text, seconds, predicted, inside)


def _steps(card: DigitalCard, journal: Journal, times: dict[Point, float]) -> list[Scored]:
    """Phases and whole steps of networks; a phase's interval is not scored, its step's is."""
    if card.passes is None or any(name not in card.operations for name in NEEDED):
        return []
    found = []
    for point, seconds in times.items():
        if point.model:
            sizes = journal.models[point.model]
            predicted = phases(sizes, card.operations, card.passes)
            wide = DEVIATE_95 * deviation(sizes, card.operations, card.passes)
            inside = abs(math.log(predicted[point.op] / seconds)) <= wide
            what = f"{point.model} {point.op}"
            found.append(Scored(MODEL, what, "", seconds, predicted[point.op], inside))
    return found


def by_operation(scored: Iterable[Scored]) -> dict[tuple[str, str], list[Scored]]:
    """Points of each group and operation."""
    found: dict[tuple[str, str], list[Scored]] = {}
    for each in scored:
        what = each.what.split(" ")[-1] if each.group == MODEL else each.what
        found.setdefault((each.group, what), []).append(each)
    return found
