"""Hardware cards: digital devices with a law for each primitive, analog machines with their constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Final

from costmodel.machines.laws import FittedLaw
from costmodel.machines.solver import LawFactor, SolverLaw
from costmodel.quantities.estimate import Quantity


class Primitive(StrEnum):
    """What a digital device is timed on; a card has a law for each, but for those that have a stand-in."""

    NETWORK = "network"  # forward and backward of layers, as a framework runs them
    GEMM = "gemm"  # one large matrix product: factors, preconditioning, block elimination
    SPD_INVERSE = "spd_inverse"  # Cholesky factor and explicit inverse of one damped factor
    EIGH = "eigh"  # eigendecomposition with vectors
    STREAM = "stream"  # element-wise work, bound by memory
    CHOLESKY = "cholesky"  # Cholesky factor of one damped factor
    TRIANGULAR_SOLVE = "triangular_solve"  # forward and back substitution with a Cholesky factor
    QR = "qr"  # orthonormal basis of a tall or square matrix


@dataclass(frozen=True, slots=True)
class StandIn:
    """The law that applies where a card has none for a primitive; its result is ``assumed``.

    FLOPs and bytes are counted for the primitive itself and run at that law's rates.

    Attributes:
        primitive: Whose law.
        launch: Share of that law's launch term.
        element_time: Share of its element term.
    """

    primitive: Primitive
    launch: float
    element_time: float

    def share(self, term: str) -> float:
        """Share of a term of the law, by its name."""
        return float(getattr(self, term, 1.0))


#: A Cholesky factor is a third of the FLOPs of a Cholesky inverse (n^3/3 of n^3), in launches what is left is two
#: thirds. Torch on one CPU thread, n = 128 to 2048: a factor takes 0.28 to 0.53 of an inverse, a solve against n
#: right-hand sides 1.3 to 1.9 (2 by FLOPs). QR is 8n^3/3 of an eigendecomposition's 9n^3; there a square one takes 0.42
#: to 0.54, of a block of n/16 columns an element takes 0.07 to 0.22. On a GPU nothing was measured.
STAND_INS: Final[Mapping[Primitive, StandIn]] = {
    Primitive.CHOLESKY: StandIn(Primitive.SPD_INVERSE, launch=1 / 3, element_time=1 / 3),
    Primitive.TRIANGULAR_SOLVE: StandIn(Primitive.SPD_INVERSE, launch=2 / 3, element_time=3 / 2),
    Primitive.QR: StandIn(Primitive.EIGH, launch=8 / 27, element_time=8 / 27),
}


@dataclass(frozen=True, slots=True)
class Law:
    """Time of a primitive: launch x calls + elements x element_time + bytes / bandwidth + FLOPs / rate.

    A term whose constant is absent is zero. A pure FLOP rate is 12 to 103 times off for Cholesky inverses of K-FAC's
    sizes on a GPU; launch and element terms carry what it misses.

    Attributes:
        launch: Seconds for each call.
        element_time: Seconds for each matrix element.
        bandwidth: Bytes a second.
        rate: FLOPs a second that large calls reach.
        fitted: A law fitted to timings, in place of the constants above.
        scatter: Factor on the fitted law, 1 nominally: how far times scatter about it.
    """

    launch: Quantity | None = None
    element_time: Quantity | None = None
    bandwidth: Quantity | None = None
    rate: Quantity | None = None
    fitted: FittedLaw | None = None
    scatter: Quantity | None = None

    def quantities(self) -> dict[str, Quantity]:
        """The constants the card gives, by name."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in named.items() if isinstance(value, Quantity)}


@dataclass(frozen=True, slots=True)
class PassTimes:
    """Time of a forward and backward pass, and of what prepares factors, by what a network is made of.

    Attributes:
        linear: Time of linear layers over that of three products of their size.
        convolution_s: Seconds a FLOP of convolutions.
        attention_s: Seconds a FLOP of attention products.
        activation_s: Seconds an element that a module without weights puts out.
        parameter_s: Seconds a parameter, for its gradient.
        layer_s: Seconds a factored layer.
        row_s: Seconds an element of the rows of linear layers, a column of ones appended.
        patch_s: Seconds an element of the rows of convolutions, patches cut out.
        average_s: Seconds an element of a running average, met in whatever cache a step leaves it.
        factor_s: Seconds a factor for the same.
        update_s: Seconds a parameter for its update.
        tensor_s: Seconds a parameter tensor for the same.
        spread: Standard deviation of log(measured / predicted) over networks left out.
    """

    linear: float
    convolution_s: float
    attention_s: float
    activation_s: float
    parameter_s: float
    layer_s: float
    row_s: float
    patch_s: float
    average_s: float
    factor_s: float
    update_s: float
    tensor_s: float
    spread: float


@dataclass(frozen=True, slots=True)
class DigitalCard:
    """A digital device.

    Attributes:
        name: Catalog name.
        title: One line.
        source: Where its numbers come from as a whole.
        laws: A law for each primitive; those with a stand-in may be missing.
        power: What it draws while it works; None where the card does not say.
        operations: Fitted laws of single operations, ``gemm`` in float32 or ``gemm.float64``; empty for a card without
            timings.
        passes: How the passes of whole networks and the rows of their factors take time, where those were timed.
    """

    name: str
    title: str
    source: str
    laws: Mapping[Primitive, Law]
    power: Quantity | None = None
    operations: Mapping[str, FittedLaw] = field(default_factory=dict)
    passes: PassTimes | None = None

    def stand_in(self, primitive: Primitive) -> StandIn | None:
        """Whose law to take for a primitive the card has none for; None where it has one."""
        return None if primitive in self.laws else STAND_INS[primitive]

    def quantities(self) -> dict[str, Quantity]:
        """Every constant by path, ``gemm.rate``."""
        return {
            f"{primitive}.{name}": quantity
            for primitive, law in self.laws.items()
            for name, quantity in law.quantities().items()
        }


@dataclass(frozen=True, slots=True)
class AnalogCard:
    """A thermodynamic machine.

    Attributes:
        name: Catalog name.
        title: One line.
        source: Where its numbers come from as a whole.
        arrays: Arrays that run side by side behind one link.
        cells: Rows and columns of one array; None where the source lets an array be as large as the matrix.
        relaxation_time: RC of a cell.
        input_bits: Bits of an uploaded value.
        output_bits: Bits of a value read out.
        link_bandwidth: Of the link that all arrays share.
        link_latency: Delay of one transfer.
        row_write_time: Time to write a row of couplings.
        conversion_rate: Conversions a second of one converter.
        converters: Converters of one array; None for one a cell.
        noise_to_signal: Noise variance at a node over the squared norm of an input; None for thermal noise alone.
        oscillation_time: sqrt(LC) of a cell of second order; None where cells are of first order.
        mismatch: Standard deviation of a coupling relative to its value, fixed for a chip; None where nobody says.
        capacitance: Of a cell.
        full_scale_voltage: Swing of a node, peak to peak.
        temperature: Of the circuit.
        conversion_energy: Of one analog-to-digital conversion.
        input_conversion_energy: Of one digital-to-analog conversion or write of a coupling.
        link_energy: Of one bit over the link.
        solver: How much shorter than its worst case each kind of run is; a law that is missing is taken at its worst.

    What a card leaves out is filled in by :mod:`costmodel.machines.analog_defaults`.
    """

    name: str
    title: str
    source: str
    arrays: Quantity
    relaxation_time: Quantity
    input_bits: Quantity
    output_bits: Quantity
    link_bandwidth: Quantity
    link_latency: Quantity
    row_write_time: Quantity
    conversion_rate: Quantity
    noise_to_signal: Quantity | None = None
    cells: Quantity | None = None
    converters: Quantity | None = None
    oscillation_time: Quantity | None = None
    mismatch: Quantity | None = None
    capacitance: Quantity | None = None
    full_scale_voltage: Quantity | None = None
    temperature: Quantity | None = None
    conversion_energy: Quantity | None = None
    input_conversion_energy: Quantity | None = None
    link_energy: Quantity | None = None
    solver: Mapping[SolverLaw, LawFactor] = field(default_factory=dict)

    def quantities(self) -> dict[str, Quantity]:
        """Every value by its name, those the card leaves open left out."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in named.items() if isinstance(value, Quantity)}


#: Quantities of an analog machine where more is better for it; of the others less is.
MORE_IS_BETTER: Final = frozenset(
    {"arrays", "cells", "link_bandwidth", "conversion_rate", "converters", "kappa_decay", "size_decay"},
)
