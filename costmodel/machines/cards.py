"""Hardware cards: digital devices with laws of their operations, analog machines with their constants."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from html import escape

from costmodel.machines.laws import Law
from costmodel.machines.operations import OPERATIONS, Part
from costmodel.machines.precision import Precision, law_name
from costmodel.machines.solver import LawFactor, SolverLaw
from costmodel.quantities.estimate import Quantity
from costmodel.quantities.shown import census, quantities_html


class RelaxationOf(StrEnum):
    """What a machine's relaxation time is the time of, with couplings as large as its devices allow."""

    LARGEST_EIGENVALUE = "largest_eigenvalue"  # the fastest mode decays as exp(-t / tau), whatever the matrix
    LARGEST_COUPLING = "largest_coupling"  # RC of the largest coupling; modes of a dense matrix are faster


@dataclass(frozen=True, slots=True)
class DigitalCard:
    """A digital device.

    Attributes:
        name: Catalog name.
        title: One line.
        source: Where its numbers come from as a whole.
        laws: A law for each operation that the card knows; ``gemm.float64`` is ``gemm`` in another element type.
        power: What it draws while it works; None where the card does not say.
        idle_power: What it draws while it waits for the analog machine; None where the card does not say.
        step: Factor on all work of a step: what a step takes over the sum of its phases, each timed alone; None where
            no networks were timed.
        interconnect_bandwidth: Bytes a second that it sends to other devices of its kind; None where nobody says.
        interconnect_latency: Delay of one message to another device; None where nobody says.
        memory: Bytes it has; None where nobody says.
        timings: Digest of the timings behind the laws; empty where they are not the project's own.
    """

    name: str
    title: str
    source: str
    laws: Mapping[str, Law]
    power: Quantity | None = None
    step: Quantity | None = None
    timings: str = ""
    interconnect_bandwidth: Quantity | None = None
    interconnect_latency: Quantity | None = None
    memory: Quantity | None = None
    idle_power: Quantity | None = None

    def resolve(self, operation: str, precision: Precision = Precision.FLOAT32) -> tuple[Part, ...] | None:
        """Whose laws give the time of an operation: its own, or those of the first alternative the card knows.

        None where the card knows none. In another precision than float32 only laws in it stand in.

        >>> from costmodel.inputs.loading import load_digital
        >>> [(part.operation, part.launch) for part in load_digital("v100").resolve("precondition")]
        [('gemm', 2.0)]
        """
        return self._resolve(operation, precision, frozenset())

    def _resolve(self, operation: str, precision: Precision, tried: frozenset[str]) -> tuple[Part, ...] | None:
        name = law_name(operation, precision)
        if name in self.laws:
            return (Part(name),)
        known = OPERATIONS.get(operation)
        for alternative in known.instead if known else ():
            parts = []
            for part in alternative:
                inner = (
                    None if part.operation in tried else self._resolve(part.operation, precision, tried | {operation})
                )
                parts.append(None if inner is None else [each.of(part) for each in inner])
            if None not in parts:
                return tuple(each for found in parts if found is not None for each in found)
        return None

    def precisions(self, operation: str) -> list[Precision]:
        """Precisions in which the card knows an operation."""
        return [each for each in Precision if self.resolve(operation, each) is not None]

    def quantities(self, precisions: Collection[Precision] = ()) -> dict[str, Quantity]:
        """Every uncertain number of laws by path, ``operations.gemm.rate``, and those of the device.

        Laws are those of float32 and of the ``precisions`` given.
        """
        found = {
            f"operations.{name}.{key}": quantity
            for name, law in self.laws.items()
            if name in OPERATIONS or name.partition(".")[2] in precisions
            for key, quantity in law.quantities().items()
        }
        more = {
            "power": self.power,
            "idle_power": self.idle_power,
            "step": self.step,
            "interconnect_bandwidth": self.interconnect_bandwidth,
            "interconnect_latency": self.interconnect_latency,
            "memory": self.memory,
        }
        return found | {name: value for name, value in more.items() if value is not None}

    def __repr__(self) -> str:
        return f"DigitalCard {self.name}: {self.title}\n{census(self.quantities())}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.name)}: {escape(self.title)}</p>{quantities_html(self.quantities())}"


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
        product_time: One product of a vector with one array, conversions included; None where arrays only settle.
        mismatch: Standard deviation of a coupling relative to its value, fixed for a chip; None where nobody says.
        capacitance: Of a cell.
        full_scale_voltage: Swing of a node, peak to peak.
        temperature: Of the circuit.
        conversion_energy: Of one analog-to-digital conversion.
        input_conversion_energy: Of one digital-to-analog conversion or write of a coupling.
        link_energy: Of one bit over the link.
        relaxation_of: What the relaxation time is the time of.
        readout_overlaps_settling: Whether results are held and converted while the next system settles.
        solver: How long each kind of run takes over its formula; a law that is missing is taken as it is.

    What a card leaves out is filled in by :mod:`costmodel.machines.analog_defaults`.
    """

    name: str
    title: str
    source: str
    arrays: Quantity
    relaxation_time: Quantity | None
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
    product_time: Quantity | None = None
    mismatch: Quantity | None = None
    capacitance: Quantity | None = None
    full_scale_voltage: Quantity | None = None
    temperature: Quantity | None = None
    conversion_energy: Quantity | None = None
    input_conversion_energy: Quantity | None = None
    link_energy: Quantity | None = None
    relaxation_of: RelaxationOf = RelaxationOf.LARGEST_EIGENVALUE
    readout_overlaps_settling: bool = False
    solver: Mapping[SolverLaw, LawFactor] = field(default_factory=dict)

    def quantities(self) -> dict[str, Quantity]:
        """Every value by its name, those the card leaves open left out."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in named.items() if isinstance(value, Quantity)}

    def __repr__(self) -> str:
        return f"AnalogCard {self.name}: {self.title}\n{census(self.quantities())}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.name)}: {escape(self.title)}</p>{quantities_html(self.quantities())}"
