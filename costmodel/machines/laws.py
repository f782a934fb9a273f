"""Fitted laws of time: a cost for each call, matrix and element, and seconds for a unit of work that fall with size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from costmodel.machines.operations import Operation, Size, alignments, working_size
from costmodel.quantities.estimate import Draws

#: Spread, as the standard deviation of a logarithm, that no law goes below: a clock and a quiet machine still vary.
LEAST_SPREAD: Final = 0.01


@dataclass(frozen=True, slots=True)
class Curve:
    """A quantity against size: linear in the logarithm of size between knots, a physical tail beyond the last.

    Beyond the last knot the excess over ``limit`` falls as size to the power -1, as the share of a matrix's surface in
    its volume does; below the first knot the first value holds.

    Attributes:
        sizes: Knots, increasing.
        values: At the knots.
        limit: What the tail tends to.
    """

    sizes: tuple[float, ...]
    values: tuple[float, ...]
    limit: float

    def at(self, size: Draws | float) -> Draws:
        """The quantity at some sizes.

        >>> curve = Curve((10.0, 1000.0), (3.0, 2.0), limit=1.0)
        >>> [float(value) for value in curve.at(np.array([1.0, 100.0, 2000.0]))]
        [3.0, 2.5, 1.5]
        """
        sizes = np.asarray(size, dtype=float)
        inside = np.interp(np.log(sizes), np.log(self.sizes), self.values)
        tail = self.limit + (self.values[-1] - self.limit) * self.sizes[-1] / np.maximum(sizes, self.sizes[-1])
        found: Draws = np.where(sizes > self.sizes[-1], tail, inside)
        return found

    def times(self, factor: float) -> Curve:
        """The quantity times a factor."""
        return Curve(self.sizes, tuple(value * factor for value in self.values), self.limit * factor)

    def plus(self, other: Curve, ours: float = 1.0, theirs: float = 1.0) -> Curve:
        """A weighted sum, on the knots of both up to the smaller of the last knots."""
        last = min(self.sizes[-1], other.sizes[-1])
        knots = merged(size for size in (*self.sizes, *other.sizes) if size <= last)
        values = ours * self.at(np.array(knots)) + theirs * other.at(np.array(knots))
        return Curve(tuple(knots), tuple(map(float, values)), ours * self.limit + theirs * other.limit)


@dataclass(frozen=True, slots=True)
class FittedLaw:
    """Time of an operation, fitted.

        t = launch + batch (item + element elements + work(size) flops + sum of penalties(size) flops)

    Where an operation has no FLOPs, elements take their place as the unit of work.

    Attributes:
        launch: Seconds a call.
        item: Seconds a matrix of a batch.
        element: Seconds an element.
        work: Seconds a unit of work against working size.
        penalties: Seconds a unit of work, by alignment, that are added where a size has it.
        domain: Smallest and largest working size behind the law.
        spread: Standard deviation of log(measured / law) inside the domain, from sizes left out of the fit.
        growth: What is added, in quadrature, for each factor e outside.
    """

    launch: float
    item: float
    element: float
    work: Curve
    penalties: Mapping[str, Curve] = field(default_factory=dict)
    domain: tuple[float, float] = (1.0, math.inf)
    spread: float = LEAST_SPREAD
    growth: float = 0.15

    def seconds(self, operation: Operation, size: Size) -> float:
        """Time of one call."""
        n, m = float(size.n), float(size.m)
        units = operation.flops(n, m) or operation.elements(n, m)
        elements = operation.elements(n, m) if operation.flops(n, m) else 0.0
        each = self.item + self.element * elements + float(self.per_unit(working_size(size), size.n)) * units
        return self.launch + size.batch * each

    def per_unit(self, size: Draws | float, strided: int) -> Draws:
        """Seconds a unit of work of a working size, rows being ``strided`` elements long."""
        total = self.work.at(size)
        for name in alignments(strided):
            if name in self.penalties:
                total = total + self.penalties[name].at(size)
        return total

    def excess(self, size: float) -> float:
        """How many times a working size lies outside the domain; 1 inside."""
        return max(1.0, size / self.domain[1], self.domain[0] / size)

    def deviation(self, size: float) -> float:
        """Standard deviation of the logarithm of a time at a working size."""
        return math.hypot(self.spread, self.growth * math.log(self.excess(size)))

    def joined(self, other: FittedLaw, ours: float, theirs: float) -> FittedLaw:
        """The law of two operations one after the other, for a unit of work of both together.

        Args:
            other: The second operation.
            ours: Share of the unit that is work of this law.
            theirs: Share that is the other's.
        """
        nothing = Curve((1.0,), (0.0,), 0.0)
        names = dict.fromkeys([*self.penalties, *other.penalties])
        penalties = {
            name: _wide(self.penalties.get(name), nothing, self.domain).plus(
                _wide(other.penalties.get(name), nothing, self.domain), ours, theirs
            )
            for name in names
        }
        return FittedLaw(
            self.launch + other.launch,
            self.item + other.item,
            self.element + other.element,
            self.work.plus(other.work, ours, theirs),
            penalties,
            (max(self.domain[0], other.domain[0]), min(self.domain[1], other.domain[1])),
            max(self.spread, other.spread),
            max(self.growth, other.growth),
        )


def merged(sizes: Iterable[float]) -> list[float]:
    """Knots in order, those apart only by rounding as one.

    >>> merged([16.0, 8.0, 16.0000000001])
    [8.0, 16.0]
    """
    found: list[float] = []
    for size in sorted(sizes):
        if not found or size > found[-1] * (1 + 1e-8):
            found.append(float(size))
    return found


def _wide(curve: Curve | None, nothing: Curve, domain: tuple[float, float]) -> Curve:
    """A penalty with a knot at the end of a domain, so that a sum loses none of its range; zero where absent."""
    found = curve or nothing
    if found.sizes[-1] >= domain[1]:
        return found
    return Curve((*found.sizes, domain[1]), (*found.values, float(found.at(domain[1]))), found.limit)
