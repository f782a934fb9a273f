"""The columns of a candidate law, and the law that a set of coefficients stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from costmodel.machines.curves import Curve, merged
from costmodel.machines.laws import FittedLaw
from costmodel.machines.operations import Operation
from costmodel.machines.sizes import ALIGNMENTS, Size, alignments, working_size
from validation.fit.solve import Array

#: Between these sizes a penalty may grow or fall; below and above it is constant. A rest grows into a memory problem,
#: and rows that share cache sets cost most where everything else would have fitted.
_RAMP: Final = (128.0, 1024.0)
#: Alignments of the vector units; the others are of the caches.
_RESTS: Final = frozenset({"not_32", "not_8", "not_4", "odd"})
#: Knots a smooth curve is tabulated on.
_TABLE: Final = tuple(float(size) for size in np.geomspace(8, 8192, 41))
#: The same of a GPU's laws, which fall as steeply as size to the power -2.
_GPU_TABLE: Final = tuple(float(size) for size in np.geomspace(16, 16384, 51))
#: A penalty is a part of a time, and needs fewer knots.
_PENALTY_TABLE: Final = tuple(float(size) for size in np.geomspace(16, 16384, 21))
#: Powers of a chained law: work, elements, and rows of a square matrix, each as seconds a unit of work.
_CHAINED: Final = (0.0, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A form of law.

    Attributes:
        family: ``polynomial``: work at one rate, and elements. ``saturating``: seconds a unit of work fall as size to a
            power. ``spline``: they fall in any way, given at knots. ``scaled``: another operation's, times a
            factor. ``chained``: a time for each row, element and unit of work, n, n^2 and n^3 of a square matrix, as a
            GPU factors one panel after the other; below the switch a second set of the three.
        power: Of a saturating law.
        knots: Of a spline, working sizes.
        elements: Elements have a cost.
        misaligned: Sizes that leave a rest by 8, 4 and 2 have penalties.
        strided: Sizes whose rows share cache sets have penalties.
        rising: Seconds a unit of work may also rise with size, as memory traffic does that leaves a cache.
        base: Law of the operation a scaled one follows: products for products, single calls for a batch.
        ramps: Penalties may change with size; only data that reach far enough can tell.
        switch: Working size up to which a slower algorithm runs, 0 for none.
        gpu: Penalties are those of a GPU: blocks of 32 too, and growing as elements (products) or rows
            (factorisations) and as work.
        floor: Seconds a unit of work that a chained law does not go below, and the factor of a scaled one that
            is held.
    """

    family: str
    power: float = 1.0
    knots: tuple[float, ...] = ()
    elements: bool = True
    misaligned: bool = True
    strided: bool = True
    rising: bool = False
    ramps: bool = True
    base: FittedLaw | None = None
    switch: float = 0.0
    gpu: bool = False
    floor: float = 0.0

    @property
    def penalties(self) -> tuple[str, ...]:
        """Alignments with a column."""
        if self.family == "scaled":
            return ()  # the base has its own
        known = ALIGNMENTS if self.gpu else tuple(name for name in ALIGNMENTS if name != "not_32")
        return tuple(name for name in known if (self.misaligned if name in _RESTS else self.strided))

    def least(self, count: int) -> Array:
        """Least values of the coefficients of :func:`columns`."""
        found = np.zeros(count)
        found[3] = self.floor
        return found

    @property
    def held(self) -> tuple[int, ...]:
        """Coefficients that keep their least value."""
        return (3,) if self.family == "scaled" and self.floor else ()


def columns(candidate: Candidate, operation: Operation, sizes: Sequence[Size]) -> Array:
    """One row a size: launch, item, element, work columns, penalties of small and of large sizes."""
    n = np.array([float(size.n) for size in sizes])
    m = np.array([float(size.m) for size in sizes])
    batch = np.array([float(size.batch) for size in sizes])
    working = np.array([working_size(size) for size in sizes])
    flops = np.array([operation.flops(a, b) for a, b in zip(n, m, strict=True)])
    elements = np.array([operation.elements(a, b) for a, b in zip(n, m, strict=True)])
    units = batch * np.where(flops > 0, flops, elements)
    own = batch * elements * (flops > 0) * candidate.elements
    found = [np.ones_like(n), batch if operation.batched else np.zeros_like(n), own]
    if candidate.family == "scaled":
        assert candidate.base is not None
        each = [float(candidate.base.per_unit(at, size.n)) for at, size in zip(working, sizes, strict=True)]
        return np.array([*found, units * np.array(each)]).T
    found += [units * shape for shape in _shapes(candidate, working)]
    held = [frozenset(alignments(size.n)) for size in sizes]
    for name in candidate.penalties:
        applies = np.array([name in each for each in held], dtype=float)
        found += [units * applies * each for each in _growths(candidate, operation, working)]
    return np.array(found).T


def _growths(candidate: Candidate, operation: Operation, working: Array) -> tuple[Array, Array]:
    """How a penalty depends on size: a part of small sizes and one of large ones."""
    if candidate.gpu:
        return (1000.0 / working) ** (1.0 if operation.is_product else 2.0), np.ones_like(working)
    ramp = np.clip(np.log(working / _RAMP[0]) / np.log(_RAMP[1] / _RAMP[0]), 0.0, 1.0)
    if not candidate.ramps:
        return np.ones_like(working), np.zeros_like(working)
    return 1.0 - ramp, ramp


def _shapes(candidate: Candidate, working: Array) -> list[Array]:
    """Seconds a unit of work as a sum of non-negative multiples of shapes, the first constant."""
    found = [np.ones_like(working)]
    if candidate.family == "saturating":
        found.append((100.0 / working) ** candidate.power)
    if candidate.family == "spline":
        logs = np.log(np.array(candidate.knots))
        at = np.log(working)
        pairs = list(pairwise(logs))
        found += [np.clip((high - at) / (high - low), 0.0, 1.0) for low, high in pairs]
        if candidate.rising:
            found += [np.clip((at - low) / (high - low), 0.0, 1.0) for low, high in pairs]
    if candidate.family == "chained":
        found = [(1000.0 / working) ** power for power in _CHAINED]
    if candidate.switch:
        below = (working <= candidate.switch).astype(float)
        found += [below * each for each in found] if candidate.family == "chained" else [below]
    return found


def law_of(candidate: Candidate, operation: Operation, sizes: Sequence[Size], coefficients: Array) -> FittedLaw:
    """The law that coefficients of :func:`columns` stand for; spread and growth still open."""
    working = [working_size(size) for size in sizes]
    if candidate.family == "scaled":
        assert candidate.base is not None
        factor = float(coefficients[3])
        scaled = {name: curve.times(factor) for name, curve in candidate.base.penalties.items()}
        launch, item, element = (float(each) for each in coefficients[:3])
        # A law that is another's, but for launches, is known as far as that is.
        largest = max(max(working), candidate.base.domain[1] if candidate.held else 0.0)
        return FittedLaw(launch, item, element, candidate.base.work.times(factor), scaled, (min(working), largest))
    knots = _knots(candidate, max(working))
    shapes = np.array(_shapes(candidate, np.array(knots)))
    count = len(shapes)
    values = coefficients[3 : 3 + count] @ shapes
    limit = float(coefficients[3]) if candidate.family in {"saturating", "chained"} else float(values[-1])
    work = Curve(tuple(knots), tuple(map(float, values)), limit)
    penalties = {}
    for index, name in enumerate(candidate.penalties):
        small, large = map(float, coefficients[3 + count + 2 * index : 5 + count + 2 * index])
        if candidate.gpu:
            parts = _growths(candidate, operation, np.array(_PENALTY_TABLE))
            shape = small * parts[0] + large * parts[1]
            if shape.any():
                penalties[name] = Curve(_PENALTY_TABLE, tuple(map(float, shape)), large)
        elif not candidate.ramps and small > 0:
            # Data that cannot tell how a penalty goes on: beyond them it falls as the excess of work does.
            penalties[name] = Curve((max(working),), (small,), 0.0)
        elif small + large > 0:
            penalties[name] = Curve(_RAMP, (small, large), large)
    return FittedLaw(
        float(coefficients[0]),
        float(coefficients[1]),
        float(coefficients[2]),
        work,
        penalties,
        (min(working), max(working)),
    )


def _knots(candidate: Candidate, largest: float) -> list[float]:
    if candidate.family == "spline":
        knots = list(candidate.knots)
    elif candidate.family == "chained":
        knots = list(_GPU_TABLE)
    else:
        # A smooth law goes on by its own formula; tabulated far beyond the data it stays itself there.
        knots = list(_TABLE) if candidate.family == "saturating" else [largest]
    if candidate.switch:
        knots = [*knots, candidate.switch, candidate.switch * (1 + 1e-6)]
    return merged(knots)


def with_tail(law: FittedLaw, limit: float) -> FittedLaw:
    """The law with another limit of its tail, never above its last value."""
    return replace(law, work=replace(law.work, limit=min(limit, law.work.values[-1])))
