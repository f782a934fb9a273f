"""What a method is made of: phases of counted work.

A phase says how often it runs and what it consists of. Digital work names a primitive and counts its calls, matrix
elements, bytes and FLOPs; analog work is a time on a link or on the arrays. A projection multiplies counts by a card's
rates; nothing here knows a number of any device.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from costmodel.formulas import Formula
from costmodel.machines.cards import Primitive
from costmodel.machines.solver import SolverLaw


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


@dataclass(frozen=True, slots=True)
class DigitalWork:
    """Calls of one primitive.

    Attributes:
        primitive: Which law of the card applies.
        scope: What one evaluation of the counts covers.
        calls: Launches; a number or a formula. Equal factor pairs of one layer run as one batched call.
        batched: Factors of one size, of whatever layer, run as one batched call and share its launches.
        flops: FLOPs.
        elements: Matrix elements touched, for the n^2 part of a factorisation.
        bytes: Memory traffic.
    """

    primitive: Primitive
    scope: Scope
    calls: float | Formula
    flops: Formula | None = None
    elements: Formula | None = None
    bytes: Formula | None = None
    batched: bool = False


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
    """

    resource: Resource
    time: Formula
    energy: Formula | None = None
    chained: bool = False
    systems: Formula | None = None
    law: SolverLaw | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a step that is shown on its own.

    Attributes:
        name: As it is shown.
        cadence: How often it runs.
        works: What it consists of.
        pipelined: Its works overlap, so that the slowest counts; otherwise they add up.
    """

    name: str
    cadence: Cadence
    works: tuple[DigitalWork | AnalogWork, ...]
    pipelined: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """An optimizer with a way to apply its preconditioner.

    Attributes:
        name: Dotted name.
        title: One line.
        phases: What a step consists of.
        needs: Name of a value that the analog card must give for its machine to run this at all.
    """

    name: str
    title: str
    phases: tuple[Phase, ...]
    needs: str | None = None

    @property
    def family(self) -> str:
        """``kfac`` for the digital K-FAC members, ``thermo`` for the thermodynamic ones, else the method itself."""
        return self.name.split(".")[0]
