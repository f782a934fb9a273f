"""How a card does on timings that no fit has read, against thresholds that stand here alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from costmodel.machines.cards import DigitalCard
from costmodel.methods import METHODS, FactorConstruction
from costmodel.projection.predict import predict
from validation.fit.calibration import point_times
from validation.fit.gpu_networks import ADAM, PHASES
from validation.fit.gpu_steps import PARTS
from validation.fit.networks import TimedNetwork, project_step
from validation.heldout import BETWEEN, BEYOND, MODEL, for_fitting, held_out
from validation.measure.journal import Journal, digest
from validation.measure.timings import Point, Timing

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


#: Groups of a GPU's points beside those of a processor: large sizes held out, and phases of networks not fitted.
LARGE: Final = "large"
PHASE: Final = "phase"
#: Work, not launches, decides what calls of a GPU take from this size on.
LARGE_FROM: Final = 1792

LIMITS: Final = {
    BETWEEN: Limit("sizes between those fitted", 0.05, 0.15),
    BEYOND: Limit("sizes two to four times larger", 0.12, 0.25),
    MODEL: Limit("whole K-FAC steps of networks not fitted", 0.10, 0.25, worst=True),
}
GPU_LIMITS: Final = {
    BETWEEN: Limit("sizes between those fitted, below 1792", 0.10, 0.25),
    LARGE: Limit("sizes between those fitted, from 1792", 0.10, 0.25),
    BEYOND: Limit("sizes beyond those fitted", 0.12, 0.25),
    PHASE: Limit("phases of networks not fitted", 0.10, 0.25),
    MODEL: Limit("whole K-FAC steps of networks not fitted", 0.10, 0.15, worst=True),
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


#: Draws that intervals of phases and steps rest on.
_DRAWS: Final = 2000


@dataclass(frozen=True, slots=True)
class Scores:
    """How a card does on a timing file.

    Attributes:
        points: Every point that counts.
        fitted: Points of the file that the card was fitted to, and that are therefore no test of it.
        device: ``cpu`` or ``cuda``.
    """

    points: tuple[Scored, ...]
    fitted: int
    device: str = "cpu"

    def summaries(self) -> list[Summary]:
        """Each group against the limits of the device."""
        return summaries(self.points, LIMITS if self.device == "cpu" else GPU_LIMITS)


def score(card: DigitalCard, journal: Journal, threads: int) -> Scores:
    """Every point of a file that no law of the card has read, as ``predict`` and ``project`` give its time.

    Args:
        card: With fitted laws.
        journal: Timings of the same machine. Where the card was fitted to these very timings, only what the rule holds
            out counts; of another file everything does.
        threads: The card's thread count.
    """
    timings = [timing for timing in journal.timings if timing.point.threads == threads]
    device = journal.environment.device if journal.environment else "cpu"
    fitted = fitted_points(card, timings, device)
    kept = [timing for timing in timings if timing.point not in fitted]
    times = point_times(kept, journal)
    found = [each for point, seconds in times.items() if (each := _operation(card, point, seconds, device)) is not None]
    return Scores((*found, *_steps(card, journal, times)), len(fitted), device)


def score_times(card: DigitalCard, times: Mapping[Point, float], device: str = "cuda") -> list[Scored]:
    """Points of which none went into a law of the card, beside its timing file; how far a law reaches is its own."""
    found = (_operation(card, point, seconds, device, "") for point, seconds in times.items())
    return [each for each in found if each is not None]


def score_steps(card: DigitalCard, networks: Sequence[TimedNetwork]) -> list[Scored]:
    """Phases and steps of networks timed by phase, as ``project`` gives them."""
    found = []
    adam = METHODS["adam"](FactorConstruction.EXPAND)
    for each in networks:
        draws = project_step(card, each.model, _DRAWS)
        draws[ADAM] = project_step(card, each.model, _DRAWS, method=adam)["update"]
        for phase, seconds in {**each.seconds, "step": sum(each.seconds[name] for name in PHASES)}.items():
            of_phase = np.sum([draws[part] for part in PARTS.get(phase, (phase,))], axis=0)
            low, middle, high = (float(value) for value in np.quantile(of_phase, (0.05, 0.5, 0.95)))
            group = MODEL if phase == "step" else PHASE
            found.append(Scored(group, f"{each.model.model} {phase}", "", seconds, middle, low <= seconds <= high))
    return found


def fitted_points(card: DigitalCard, timings: Sequence[Timing], device: str = "cpu") -> frozenset[Point]:
    """Points that a card was fitted to, by the digest of timings that it carries."""
    for part in (timings, for_fitting(timings, device)):
        if card.timings and digest(part) == card.timings:
            return frozenset(timing.point for timing in part)
    return frozenset()


def summaries(scored: Sequence[Scored], limits: Mapping[str, Limit] = LIMITS) -> list[Summary]:
    """Each group that has points, whole steps alone of the phases."""
    found = []
    for group, limit in limits.items():
        points = [each for each in scored if each.group == group and (group != MODEL or each.what.endswith(" step"))]
        if points:
            found.append(_summary(points, limit))
    return found


def intervals(scored: Sequence[Scored]) -> dict[str, list[Scored]]:
    """Points by what kind of interval they test: of calls, and of phases with the steps they make."""
    kinds = {"calls": [each for each in scored if each.group not in {MODEL, PHASE}]}
    kinds["phases and steps"] = [each for each in scored if each.group in {MODEL, PHASE}]
    return {what: points for what, points in kinds.items() if points}


def _summary(points: Sequence[Scored], limit: Limit) -> Summary:
    errors = np.array([abs(each.error) for each in points])
    median = float(np.median(errors))
    tail = float(errors.max() if limit.worst else np.quantile(errors, 0.9))
    inside = float(np.mean([each.inside for each in points]))
    return Summary(limit.title, len(points), median, tail, inside, limit, median <= limit.median and tail <= limit.tail)


def _operation(card: DigitalCard, point: Point, seconds: float, device: str, held: str | None = None) -> Scored | None:
    if point.model or (point.op if point.dtype == "float32" else f"{point.op}.{point.dtype}") not in card.laws:
        return None
    found = predict(card, point.op, point.n, point.m if point.m != point.n else None, point.batch, point.dtype)
    group = (held_out(point, device) if held is None else held) or (BETWEEN if found.excess == 1 else BEYOND)
    if device == "cuda" and group == BETWEEN and point.n >= LARGE_FROM:
        group = LARGE
    inside = found.time.p05 <= seconds <= found.time.p95
    text = f"{point.m} x {point.n}" + (f" x {point.batch}" if point.batch > 1 else "")
    return Scored(group, point.op, text, seconds, found.time.median, inside)


def _steps(card: DigitalCard, journal: Journal, times: dict[Point, float]) -> list[Scored]:
    """Phases and whole steps of networks, projected."""
    found: list[Scored] = []
    if card.step is None:  # no networks went into its laws
        return found
    for model, sizes in journal.models.items():
        timed = {point.op: seconds for point, seconds in times.items() if point.model == model}
        if not timed:
            continue
        draws = project_step(card, sizes, _DRAWS)
        for phase, seconds in timed.items():
            low, middle, high = (float(each) for each in np.quantile(draws[phase], (0.05, 0.5, 0.95)))
            found.append(Scored(MODEL, f"{model} {phase}", "", seconds, middle, low <= seconds <= high))
    return found


def by_operation(scored: Iterable[Scored]) -> dict[tuple[str, str], list[Scored]]:
    """Points of each group and operation."""
    found: dict[tuple[str, str], list[Scored]] = {}
    for each in scored:
        what = each.what.split(" ")[-1] if each.group in {MODEL, PHASE} else each.what
        found.setdefault((each.group, what), []).append(each)
    return found
