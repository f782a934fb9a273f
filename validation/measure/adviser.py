"""Which size to time next: where forms of law that fit the timings alike disagree most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from costmodel.machines.operations import OPERATIONS
from costmodel.machines.sizes import Size
from validation.fit.design import columns
from validation.fit.selection import FAMILIES, LEAST_SIZES, Data, best_form
from validation.fit.solve import solve
from validation.measure.timings import Point


@dataclass(frozen=True, slots=True)
class Advice:
    """A point with what timing it would tell.

    Attributes:
        point: Not timed yet.
        disagreement: Largest over smallest prediction of the families, less one; 1 for an operation without a law.
        seconds: Median of their predictions.
    """

    point: Point
    disagreement: float
    seconds: float


def advise(times: Mapping[Point, float], candidates: Iterable[Point]) -> list[Advice]:
    """Candidates not timed yet, the most informative first.

    The disagreement is set against the square root of the time a visit takes: a size that costs four times as much has
    to tell twice as much.

    Args:
        times: Seconds of the points timed so far.
        candidates: Points to choose among.
    """
    grouped: dict[tuple[str, str, int], list[Point]] = {}
    for point in candidates:
        if point not in times and not point.model:
            grouped.setdefault((point.op, point.dtype, point.threads), []).append(point)
    found = [advice for key, points in grouped.items() for advice in _of_operation(key, points, times)]
    return sorted(found, key=lambda each: -each.disagreement / np.sqrt(each.seconds + 5e-3))


def _of_operation(key: tuple[str, str, int], points: list[Point], times: Mapping[Point, float]) -> list[Advice]:
    known = [p for p in times if (p.op, p.dtype, p.threads) == key and not p.model]
    operation = OPERATIONS[key[0]]
    if len(known) < LEAST_SIZES:
        return [Advice(point, 1.0, 1e-4) for point in points]
    data = Data(operation, tuple(_size(point) for point in known), np.array([times[point] for point in known]))
    sizes = [_size(point) for point in points]
    predictions = []
    for family in FAMILIES[:3]:  # those that need no other operation's law
        form = best_form(family, data)
        found = solve(columns(form, operation, data.sizes), data.seconds)
        predictions.append(columns(form, operation, sizes) @ found.coefficients)
    table = np.maximum(np.array(predictions), 1e-9)
    spread, median = table.max(axis=0) / table.min(axis=0) - 1, np.median(table, axis=0)
    return [Advice(p, float(s), float(t)) for p, s, t in zip(points, spread, median, strict=True)]


def _size(point: Point) -> Size:
    return Size(point.n, point.m, point.batch)
