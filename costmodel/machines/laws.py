"""Laws of time: how long calls of an operation take, from constants or fitted to timings.

Both kinds answer the same question, :meth:`Law.terms`: the seconds of some work as additive parts, each with the status
of what it rests on. All that predicts or scores a time asks it, so that what is scored is what is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from costmodel.machines.curves import Curve
from costmodel.machines.operations import Operation, Part
from costmodel.machines.sizes import ALIGNMENTS, Size, alignments, working_size
from costmodel.quantities.estimate import DEVIATE_95, Draws, Quantity, Status, weakest
from costmodel.quantities.units import one

#: Spread, as the standard deviation of a logarithm, that no law goes below: a clock and a quiet machine still vary.
LEAST_SPREAD: Final = 0.01
#: Outside the sizes behind a law of constants, its logarithm spreads by this much (one standard deviation) for each
#: factor e. Assumed: a prediction at 7 times the fitted size is uncertain by a factor 1.6 either way.
EXTRAPOLATION_SPREAD: Final = 0.15


@dataclass(frozen=True, slots=True)
class Work:
    """Calls of one operation, for each unit of a scope: columns of shape (units, 1), or (units, draws).

    Attributes:
        operation: Which.
        calls: Launches; matrices of a batch share one.
        matrices: Matrices in all calls.
        items: Matrices a batched call holds; equal factor pairs of a layer.
        units: FLOPs, or elements of 4 bytes where an operation has no FLOPs, of all calls and items.
        elements: Matrix elements that the element term of a factorisation counts, of all calls and items; None where
            the method counts none.
        size: Working size, a column or one for each draw; None for work that has no one size, as all parameters of a
            network.
        sides: Columns n and rows m of the matrices, of the same shape.
    """

    operation: Operation
    calls: Draws
    matrices: Draws
    items: Draws
    units: Draws
    elements: Draws | None
    size: Draws | None
    sides: tuple[Draws, Draws] | None


@dataclass(frozen=True, slots=True)
class Context:
    """What a law is evaluated under.

    Attributes:
        drawn: Draws of the law's own quantities by name, shape (draws,).
        unexplained: Standard normal deviates of what lies outside the data, shape (draws,).
        in_step: The calls are part of a training step, among others, and not a loop of their own.
    """

    drawn: Mapping[str, Draws]
    unexplained: Draws
    in_step: bool


@dataclass(frozen=True, slots=True)
class Term:
    """One additive part of a time."""

    seconds: Draws
    status: Status


class Law(Protocol):
    """Time of an operation on one device."""

    def quantities(self) -> dict[str, Quantity]:
        """What is uncertain about it, by name."""
        ...

    def terms(self, work: Work, part: Part, context: Context) -> list[Term]:
        """Seconds of some work, part by part, ``part`` saying how this law stands for the operation."""
        ...

    def excess(self, size: Draws | None) -> Draws:
        """How many times working sizes lie outside the data; 1 inside."""
        ...


@dataclass(frozen=True, slots=True)
class ConstantLaw:
    """launch x calls + element_time x elements + bytes / bandwidth + FLOPs / rate, all times a factor.

    A term whose constant is absent is zero. A pure FLOP rate is 12 to 103 times off for Cholesky inverses of K-FAC's
    sizes on a GPU; launch and element terms carry what it misses.

    Attributes:
        launch: Seconds for each call.
        element_time: Seconds for each matrix element.
        bandwidth: Bytes a second.
        rate: FLOPs a second that large calls reach.
        scatter: Factor on the whole, 1 nominally: how far networks left out of its fit were off; None where none were.
    """

    launch: Quantity | None = None
    element_time: Quantity | None = None
    bandwidth: Quantity | None = None
    rate: Quantity | None = None
    scatter: Quantity | None = None

    def __post_init__(self) -> None:
        if not any((self.launch, self.element_time, self.bandwidth, self.rate)):
            raise ValueError("a law needs at least one of launch, element_time, bandwidth and rate")

    def quantities(self) -> dict[str, Quantity]:
        """The constants that are given."""
        named = {name: getattr(self, name) for name in (*_TERMS, "scatter")}
        return {name: value for name, value in named.items() if value is not None}

    def terms(self, work: Work, part: Part, context: Context) -> list[Term]:
        """A term for each constant, widened outside its domain."""
        counts = {
            "launch": work.calls * part.launch,
            "element_time": None if work.elements is None else work.elements * part.element_time,
            "bandwidth": 4.0 * work.units * part.work,
            "rate": work.units * part.work,
        }
        found = []
        for name, quantity in self.quantities().items():
            count = counts.get(name)
            if count is None:
                continue
            constant = context.drawn[name]
            seconds = count / constant if name in {"bandwidth", "rate"} else count * constant
            seconds = seconds * context.drawn.get("scatter", 1.0)
            excess = _excess(work.size, quantity.domain)
            seconds = seconds * _widened(excess, EXTRAPOLATION_SPREAD, context)
            outside = bool(np.any((excess > 1) & (seconds > 0)))
            found.append(Term(seconds, weakest([quantity.status, *([Status.EXTRAPOLATED] * outside)])))
        return found

    def excess(self, size: Draws | None) -> Draws:
        """The furthest over the constants."""
        found: Draws = np.max([_excess(size, each.domain) for each in self.quantities().values()], axis=0)
        return found


_TERMS: Final = ("launch", "element_time", "bandwidth", "rate")


@dataclass(frozen=True, slots=True)
class InStep:
    """What an operation takes in a training step over what a loop of its calls takes, from whole timed networks.

    In a step inputs come from memory, not from a cache, and the framework's own work is not hidden behind the last
    call: t = factor x law + launch x calls.

    Attributes:
        factor: On the law.
        launch: Seconds a call.
        spread: Standard deviation of log(measured / predicted) of networks left out.
    """

    factor: float
    launch: float
    spread: float


@dataclass(frozen=True, slots=True)
class Host:
    """What the host does for the calls of an operation in a step: it queues them while the device works.

    Attributes:
        start: Seconds before the first call of a phase.
        call: Seconds a call.
    """

    start: float
    call: float

    def seconds(self, calls: Draws | float) -> Draws | float:
        """Of some calls, none where there are none."""
        return np.where(np.asanyarray(calls) > 0, self.start + self.call * calls, 0.0)


def beside(device: Draws, host: Draws | float) -> Draws:
    """A phase whose calls take ``host`` to be queued and ``device`` to run: sqrt(host^2 + device^2).

    The longer of the two where one is much longer. Where they are alike a phase has calls of both kinds, and on an H100
    takes up to 1.4 times as long as either.
    """
    return np.hypot(device, host)


@dataclass(frozen=True, slots=True)
class FittedLaw:
    """Time of an operation, fitted to timings.

        t = launch + batch (item + element elements + work(size) units + sum of penalties(size) units)

    Units are FLOPs, or elements of 4 bytes where an operation has none.

    Attributes:
        launch: Seconds a call.
        item: Seconds a matrix of a batch.
        element: Seconds an element.
        work: Seconds a unit of work against working size.
        penalties: Seconds a unit of work, by alignment, that are added where a size has it.
        domain: Smallest and largest working size behind the law.
        spread: Standard deviation of log(measured / law) inside the domain, from sizes or networks left out of the fit.
        growth: What is added, in quadrature, for each factor e outside.
        in_step: What changes in a training step; None where the law is of steps, or none was timed.
        together: Laws of one name err together: those that one phase of timed steps was fitted with.
        source: What it was fitted to.
        host: What the host does for the calls of a step; None where the law knows nothing of it.
    """

    launch: float
    item: float
    element: float
    work: Curve
    penalties: Mapping[str, Curve] = field(default_factory=dict)
    domain: tuple[float, float] = (1.0, math.inf)
    spread: float = LEAST_SPREAD
    growth: float = 0.15
    in_step: InStep | None = None
    together: str = ""
    source: str = "fitted"
    host: Host | None = None

    def quantities(self) -> dict[str, Quantity]:
        """The factor that says how far times scatter about the law; in a step, where that was timed."""
        spread = self.spread if self.in_step is None else self.in_step.spread
        factor = math.exp(DEVIATE_95 * spread)
        stream = f"digital.together.{self.together}" if self.together else ""
        status = Status.INTERPOLATED
        return {"scatter": Quantity(1.0, 1 / factor, factor, one, status, self.source, self.domain, stream)}

    def terms(self, work: Work, part: Part, context: Context) -> list[Term]:
        """Units inside and outside the data, each a term."""
        seconds = part.launch * self.launch * work.calls + self.item * work.items
        seconds = seconds + work.units * part.work * self._per_units(work)
        if self.element and work.sides is not None:
            each = _of_sizes(work.operation.elements, *work.sides)
            seconds = seconds + part.element_time * self.element * work.matrices * each
        scatter = context.drawn["scatter"]
        if context.in_step and self.in_step is not None:
            seconds = self.in_step.factor * seconds + self.in_step.launch * part.launch * work.calls
        elif self.in_step is not None:  # alone: the spread of sizes, not of networks
            scatter = scatter ** (self.spread / self.in_step.spread)
        excess = self.excess(work.size)
        seconds = seconds * scatter * _widened(excess, self.growth, context)
        inside = excess == 1
        if np.all(inside):
            return [Term(seconds, Status.INTERPOLATED)]
        return [Term(seconds * inside, Status.INTERPOLATED), Term(seconds * ~inside, Status.EXTRAPOLATED)]

    def _per_units(self, work: Work) -> Draws:
        """Seconds a unit of work of each size; at the end of the data for work that has no one size."""
        if work.size is None or work.sides is None:
            return np.full((1, 1), float(self.work.at(self.work.sizes[-1])))
        total, (distinct, which) = self.work.at(work.size), np.unique(np.round(work.sides[0]), return_inverse=True)
        # A rank differs from draw to draw, and from point to point: sizes are looked up all at once.
        found = [alignments(int(n)) for n in distinct.tolist()]
        for name in (each for each in ALIGNMENTS if each in self.penalties):
            has = np.array([name in each for each in found])[which.reshape(work.sides[0].shape)]
            if np.any(has):
                total = total + np.where(has, self.penalties[name].at(work.size), 0.0)
        return total

    def seconds(self, operation: Operation, size: Size) -> float:
        """Time of one call, alone."""
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

    def excess(self, size: Draws | None) -> Draws:
        """How many times working sizes lie outside the domain; 1 inside."""
        return _excess(size, self.domain)

    def deviation(self, size: float) -> float:
        """Standard deviation of the logarithm of a time at a working size, alone."""
        return math.hypot(self.spread, self.growth * math.log(float(self.excess(np.array(size)))))


def _of_sizes(function: Callable[[float, float], float], one: Draws, other: Draws) -> Draws:
    """A function of two sizes for each unit, or each unit and draw; equal pairs of sizes are looked up once."""
    pairs = zip(one.ravel().tolist(), other.ravel().tolist(), strict=True)
    known: dict[tuple[float, float], float] = {}
    found = [known[pair] if pair in known else known.setdefault(pair, function(*pair)) for pair in pairs]
    return np.array(found).reshape(one.shape)


def _widened(excess: Draws, growth: float, context: Context) -> Draws | float:
    """The factor by which times outside the data may be off; 1 where all sizes lie inside."""
    return np.exp(growth * np.log(excess) * context.unexplained) if np.any(excess > 1) else 1.0


def _excess(size: Draws | None, domain: tuple[float, float] | None) -> Draws:
    if size is None or domain is None:
        return np.ones((1, 1))
    smallest, largest = domain
    # A relative margin of rounding: knots and sizes went through text.
    found = np.maximum(np.asarray(size) / largest, smallest / np.asarray(size))
    return np.asarray(np.where(found <= 1 + 1e-9, 1.0, found))
