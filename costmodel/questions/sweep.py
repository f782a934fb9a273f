"""A sweep in chunks: which points each has, and what the estimator of a projection gives for them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from costmodel.inputs.sweep_file import SweepPlan
from costmodel.projection.points import Points
from costmodel.quantities.estimate import Draws

#: Points of a chunk without draws; a chunk is what a kill can cost.
CHUNK: Final = 100_000
_STATISTICS: Final = (("median", 50.0), ("p05", 5.0), ("p95", 95.0))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Points of one case, from ``start`` up to ``stop``."""

    number: int
    case: int
    start: int
    stop: int


def chunks(plan: SweepPlan, length: int = 0) -> Iterator[Chunk]:
    """The chunks of a sweep in the order of its points."""
    most = length or max(1000, CHUNK // max(1, plan.draws))
    number = 0
    for case in range(len(plan.cases)):
        for start in range(0, plan.points_of_case, most):
            yield Chunk(number, case, start, min(start + most, plan.points_of_case))
            number += 1


def axis_values(plan: SweepPlan, chunk: Chunk) -> dict[str, Draws]:
    """Values of each axis at the points of a chunk."""
    shape = tuple(len(values) for values in plan.axes.values())
    if not shape:
        return {}
    indices = np.unravel_index(np.arange(chunk.start, chunk.stop), shape)
    pairs = zip(plan.axes.items(), indices, strict=True)
    return {path: np.asarray(values, dtype=float)[index] for (path, values), index in pairs}


def result_columns(plan: SweepPlan, points: Points) -> list[str]:
    """Names of the numbers that are kept of each point, in the order of their rows in a chunk."""
    names = [f"{method}.step" for method in plan.methods]
    if "phases" in plan.columns:
        names += [f"{method}.{phase}" for method, phases in points.phases.items() for phase in phases]
    if not plan.draws:
        return [f"{name}_s" for name in names]
    return [f"{name}_{statistic}_s" for name in names for statistic, _ in _STATISTICS]


def evaluate(plan: SweepPlan, chunk: Chunk, points: Points) -> Draws:
    """Seconds at the points of a chunk, shape (columns, points)."""
    wanted = "phases" in plan.columns
    names = result_columns(plan, points)
    found = np.empty((len(names), chunk.stop - chunk.start))
    # What is the same at all points is evaluated once.
    columns = {path: _alike(values) for path, values in axis_values(plan, chunk).items()}
    for at, costs in points.chunks(columns, phases=wanted):
        rows = [costs.step[name] for name in plan.methods]
        if wanted:
            rows += [each for phases in costs.phases.values() for each in phases.values()]
        if plan.draws:
            levels = [level for _, level in _STATISTICS]
            rows = [row for values in rows for row in np.percentile(values, levels, axis=-1)]
        where = at if any(len(each) > 1 for each in columns.values()) else slice(None)
        for index, row in enumerate(rows):
            found[index, where] = row
    return found


def _alike(values: Draws) -> Draws:
    return values[:1] if np.all(values == values[0]) else values


class Evaluator:
    """Evaluates chunks; the points of the case that was asked for last are kept."""

    def __init__(self, plan: SweepPlan) -> None:
        self.plan = plan
        self._case, self._points = -1, None  # type: tuple[int, Points | None]

    def __call__(self, chunk: Chunk) -> Draws:
        """Seconds at the points of a chunk."""
        if self._points is None or self._case != chunk.case:
            self._case, self._points = chunk.case, self.plan.evaluator(chunk.case)
        return evaluate(self.plan, chunk, self._points)


def fingerprint(plan: SweepPlan, form: str) -> str:
    """Of a sweep with all that its models and cards hold, of the form of its file and of the code that runs it."""
    return hashlib.sha256(f"{form}\n{code_fingerprint()}\n{plan!r}".encode()).hexdigest()


@lru_cache(maxsize=1)
def code_fingerprint() -> str:
    """Of the package's sources: parts of two versions are never joined, nor those of two machines."""
    found = hashlib.sha256()
    root = Path(__file__).parents[1]
    for file in sorted(root.rglob("*.py")):
        found.update(file.relative_to(root).as_posix().encode())
        found.update(file.read_bytes())
    return found.hexdigest()
