"""What a method is made of: phases of counted work.

A phase says how often it runs and what it consists of. Digital work names an operation, the sizes its law is looked up
at, and counts its calls, matrix elements, bytes and FLOPs; analog work is a time on a link or on the arrays. A
projection multiplies counts by a card's rates; nothing here knows a number of any device.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import StrEnum
from typing import Final

from costmodel.formulas import Formula
from costmodel.formulas.code import Summand
from costmodel.machines.operations import OPERATIONS
from costmodel.machines.solver import SolverLaw
from costmodel.quantities.symbols import Expression, M, a, d, g, n


class Scope(StrEnum):
    """What a formula's symbols describe: it is evaluated once for each."""

    MODEL = "model"
    LAYER = "layer"
    FACTOR = "factor"  # both A (n = a, k = g) and G (n = g, k = a) of each layer


class Cadence(StrEnum):
    """How often a phase runs."""

    STEP = "every step"
    FACTOR_UPDATE = "every factor interval"
    REFRESH = "every refresh interval"
    RELOAD = "every refresh interval where the blocks stay on their arrays, every step where they do not"


class Resource(StrEnum):
    """What analog work occupies."""

    LINK = "link"  # one, shared: transfers add up
    ARRAYS = "arrays"  # independent factors share them: list scheduling


class Layers(StrEnum):
    """Which layers a work belongs to."""

    ALL = "all"
    LINEAR = "linear"
    CONVOLUTION = "convolution"  # their rows are patches that have to be cut out


#: Dimensions of the matrices that work of a scope is on, where it does not say: rows that stride through memory first.
_DIMENSIONS: Final = {Scope.MODEL: (), Scope.LAYER: (a, a, g), Scope.FACTOR: (n, n, n)}
#: Positions of kinds of layers, which :func:`costmodel.projection.standing.kinds` counts; None for all of a network.
Kinds = frozenset[int] | None
#: Of a layer's passes: inputs, outputs and rows.
PASS_DIMENSIONS: Final = (g, d, M)


@dataclass(frozen=True, slots=True)
class DigitalWork:
    """Calls of one operation.

    Attributes:
        operation: Name in :data:`costmodel.machines.operations.OPERATIONS`; the card's law of it applies.
        scope: What one evaluation of the counts covers.
        calls: Calls of the operation; a number or a formula. Equal factor pairs of one layer run as one batched call.
        batched: Factors of one size, of whatever layer, run as one batched call and share its launches.
        flops: FLOPs.
        elements: Matrix elements touched, for the n^2 part of a factorisation.
        bytes: Memory traffic.
        dimensions: The three dimensions of a product like it, whose harmonic mean its law is looked up at; a square
            operation has one three times. Those of its scope where none are given.
        layers: Which layers have it.
        tolerance: What stands for epsilon in its formulas; None for the error of a preconditioned gradient itself.
        kinds: Positions of the kinds of layers it is done for; None for all.

    Raises:
        ValueError: No such operation, or it counts nothing that a law of it could be multiplied by.
    """

    operation: str
    scope: Scope
    calls: float | Formula
    flops: Formula | None = None
    elements: Formula | None = None
    bytes: Formula | None = None
    batched: bool = False
    dimensions: tuple[Expression, ...] = ()
    layers: Layers = Layers.ALL
    tolerance: Formula | None = None
    kinds: Kinds = None

    def __post_init__(self) -> None:
        known = OPERATIONS.get(self.operation)
        if known is None:
            raise ValueError(f"unknown operation '{self.operation}'; costmodel.machines.operations.register adds one")
        wanted, what = (self.flops, "flops") if known.flops(2, 2) else (self.bytes, "bytes")
        if wanted is None:
            raise ValueError(f"work of {self.operation} counts no {what}, so that its rate would not matter")

    @property
    def sizes(self) -> tuple[Expression, ...]:
        """The dimensions a law is looked up at; empty for work of the model as a whole."""
        return self.dimensions or _DIMENSIONS[self.scope]


@dataclass(frozen=True, slots=True)
class AnalogWork:
    """Time on the thermodynamic machine, for one factor.

    Attributes:
        resource: What it occupies.
        time: Seconds.
        energy: Joules; None where it is counted with another work.
        chained: G's work waits for A's, as in solving against both; otherwise all factors are independent.
        systems: Independent runs it consists of, which copies of a factor on several arrays share; None for one run.
        law: Which law of the solver its time is; a machine's factor on that law scales its time and its energy. None
            for what takes its time exactly, like a conversion.
        tolerance: What stands for epsilon in its formulas; None for the error of a preconditioned gradient itself.
        kinds: Positions of the kinds of layers it is done for; None for all.
    """

    resource: Resource
    time: Formula
    energy: Formula | None = None
    chained: bool = False
    systems: Formula | None = None
    law: SolverLaw | None = None
    tolerance: Formula | None = None
    kinds: Kinds = None


@dataclass(frozen=True, slots=True)
class MessageWork:
    """Data that each device sends over its link to the others.

    Attributes:
        scope: What one evaluation of the counts covers.
        messages: Messages of one device, one after the other; None where those of another work carry its words.
        words: Words of 4 bytes that one device sends; None where they are counted with another work.
        kinds: Positions of the kinds of layers it is sent for; None for all.
    """

    scope: Scope
    messages: Formula | None
    words: Formula | None
    kinds: Kinds = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A part of a formula to evaluate.

    Attributes:
        scope: What for.
        part: The part.
        tolerance: What stands for epsilon in it; None where that is the error of a preconditioned gradient.
    """

    scope: Scope
    part: Summand
    tolerance: Formula | None


@dataclass(frozen=True, slots=True)
class Part:
    """What a phase is for; phases of several methods that are shown in one column share it.

    Attributes:
        name: As tables and the JSON contract key it.
        label: What it is doing, in words that fit a sentence: "building the factors".
        solver: A solver that takes no time at all would remove it from digital K-FAC.
    """

    name: str
    label: str
    solver: bool = False

    def __post_init__(self) -> None:
        if not self.name or not self.label:
            raise ValueError(f"phase '{self.name}' has no label: the words that the verdict uses for it")


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs on the arrays that a reading may go on beside, where a machine's converters work while the next one settles.

    Attributes:
        works: A system's share of them is what a reading can hide behind.
        count: Systems of one factor.
        convert: Conversions of one factor beside them, by what one run takes.
        link: Transfers of one factor beside them.
    """

    works: tuple[AnalogWork, ...]
    count: Formula
    convert: Formula
    link: Formula


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a step that is shown on its own.

    Attributes:
        part: What it is for, with its name and its label.
        cadence: How often it runs.
        works: What it consists of.
        pipelined: Its works overlap, so that the slowest counts; otherwise they add up.
        fed_by_host: It waits for the input pipeline, so that it takes no less than the model's ``host_time``.
        interval: Steps between two runs where those who published the method say so; None where the model does.
        beside: Runs whose results it reads, one after another.
    """

    part: Part
    cadence: Cadence
    works: tuple[DigitalWork | AnalogWork | MessageWork, ...]
    pipelined: bool = False
    fed_by_host: bool = False
    interval: int | None = None
    beside: Runs | None = None

    def __hash__(self) -> int:
        # The works themselves are many records deep.
        return hash((self.part, self.cadence, len(self.works), *(work.kinds for work in self.works[:1])))

    @property
    def name(self) -> str:
        """The part's name."""
        return self.part.name

    def wanted(self) -> Iterator[Wanted]:
        """Every additive part of the formulas its work is made of."""
        for work in self.works:
            scope = Scope.FACTOR if isinstance(work, AnalogWork) else work.scope
            for formula in _formulas_in(work):
                given = None if isinstance(work, MessageWork) else work.tolerance
                tolerance = None if formula is given else given
                yield from (Wanted(scope, part, tolerance) for part in formula.summands)


class Role(StrEnum):
    """What a method is compared as."""

    BASELINE = "baseline"  # the one first-order optimizer whose steps to the target are known; gains are stated over it
    FIRST_ORDER = "first order"  # shown beside the baseline; its steps to the target are not known
    DIGITAL_KFAC = "digital K-FAC"  # K-FAC's steps to the target; the cheapest is what a solver must beat
    RIVAL = "rival"  # another preconditioner of the same purpose; its steps to the target are not known
    THERMODYNAMIC = "thermodynamic"  # K-FAC's steps to the target, on the analog machine; its accuracy is examined


class Delivery(StrEnum):
    """What an analog machine hands back for a factor, which decides how its rounding spreads."""

    INVERSE = "inverse"  # all entries of the inverse, read once a refresh
    PRODUCTS = "products"  # products of an iteration, from which the digital side makes the inverse
    SOLUTION = "solution"  # the solutions of linear systems, read every step


@dataclass(frozen=True, slots=True)
class Method:
    """An optimizer with a way to apply its preconditioner.

    Attributes:
        name: Dotted name.
        title: One line.
        role: What it is compared as.
        phases: What a step consists of.
        needs: Name of a value that the analog card must give for its machine to run this at all.
        delivers: What the analog machine hands back; None where there is none.
        assumes: What the analog machine is taken to have beyond what its card says.
        deflated: Its arrays see every factor without the top mode, so that their errors are those of what is left.
        refined: A Newton-Schulz step, or a second pass, squares what is off in its inverses.
        readings: How often each of its results is read, offset by fractions of a step, for a mean; None for once.
        memory: Bytes of its state, of a layer or of all parameters; None for that of a method like it.
        split: Which layers are left to the digital device; None where all are solved on the machine.
    """

    name: str
    title: str
    role: Role
    phases: tuple[Phase, ...]
    needs: str | None = None
    delivers: Delivery | None = None
    assumes: tuple[str, ...] = ()
    deflated: bool = False
    refined: bool = False
    readings: Formula | None = None
    memory: Formula | None = None
    split: Split | None = None

    def without(self, part: Part) -> Method:
        """The same method where nothing is done for a part."""
        return replace(self, phases=tuple(phase for phase in self.phases if phase.part != part))

    def formulas(self) -> Iterator[tuple[Phase, DigitalWork | AnalogWork | MessageWork, Formula]]:
        """Every formula of every work, in order, with the work and the phase it belongs to."""
        for phase in self.phases:
            for work in phase.works:
                for formula in _formulas_in(work):
                    yield phase, work, formula


@dataclass(frozen=True, slots=True)
class Split:
    """How the layers of a thermodynamic method are shared between its machine and the digital device.

    Attributes:
        machine: Positions of the kinds of layers that the machine solves.
        left: Of those that are left to the device.
        analog: The method as it is where the machine solves all.
        digital: What the device does for the layers that are left to it.
    """

    machine: frozenset[int]
    left: frozenset[int]
    analog: Method
    digital: Method


def _formulas_in(part: object) -> Iterator[Formula]:
    """Formulas in a record, however deep: a field added to a kind of work needs no edit here."""
    if isinstance(part, Formula):
        yield part
    elif is_dataclass(part):
        for field in fields(part):
            yield from _formulas_in(getattr(part, field.name))
    elif isinstance(part, tuple):
        for each in part:
            yield from _formulas_in(each)
