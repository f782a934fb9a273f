"""A quantity against size, tabulated at knots, with a physical tail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from costmodel.quantities.estimate import Draws


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
