"""The schema of hardware cards. docs/cards.md shows it by example."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from costmodel.inputs.schema import QuantityEntry, Strict
from costmodel.machines.cards import RelaxationOf
from costmodel.machines.sizes import ALIGNMENTS
from costmodel.quantities import units

Name = Annotated[str, Field(min_length=1)]


class Seconds(QuantityEntry, of=units.second):
    """A time."""


class Bandwidth(QuantityEntry, of=units.byte_per_second):
    """Memory traffic a second."""


class Rate(QuantityEntry, of=units.flop_per_second):
    """FLOPs a second."""


class Bytes(QuantityEntry, of=units.byte):
    """Room for numbers."""


class Arrays(QuantityEntry, of="arrays"):
    """Arrays behind one link."""


class Cells(QuantityEntry, of="cells"):
    """Rows and columns of one array."""


class RelaxationTime(QuantityEntry, of="relaxation_time"):
    """RC of a cell."""


class InputBits(QuantityEntry, of="input_bits"):
    """Bits of an uploaded value."""


class OutputBits(QuantityEntry, of="output_bits"):
    """Bits of a value read out."""


class LinkBandwidth(QuantityEntry, of="link_bandwidth"):
    """Bandwidth of the shared link."""


class LinkLatency(QuantityEntry, of="link_latency"):
    """Delay of one transfer."""


class RowWriteTime(QuantityEntry, of="row_write_time"):
    """Time to write a row of couplings."""


class ConversionRate(QuantityEntry, of="conversion_rate"):
    """Conversions a second of one converter."""


class Converters(QuantityEntry, of="converters"):
    """Converters of one array."""


class NoiseToSignal(QuantityEntry, of="noise_to_signal"):
    """Noise variance over the squared norm of an input."""


class OscillationTime(QuantityEntry, of="oscillation_time"):
    """sqrt(LC) of a cell of second order."""


class ProductTime(QuantityEntry, of="product_time"):
    """One product of a vector with one array."""


class Mismatch(QuantityEntry, of="mismatch"):
    """Relative standard deviation of a coupling."""


class Capacitance(QuantityEntry, of="capacitance"):
    """Of a cell."""


class FullScaleVoltage(QuantityEntry, of="full_scale_voltage"):
    """Swing of a node, peak to peak."""


class Temperature(QuantityEntry, of=units.kelvin):
    """Of the circuit."""


class ConversionEnergy(QuantityEntry, of="conversion_energy"):
    """Of one analog-to-digital conversion."""


class InputConversionEnergy(QuantityEntry, of="input_conversion_energy"):
    """Of one digital-to-analog conversion or write of a coupling."""


class LinkEnergy(QuantityEntry, of="link_energy"):
    """Of one bit over the link."""


class Power(QuantityEntry, of=units.watt):
    """What a device draws while it works, or while it waits."""


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
#: Standard deviation of a logarithm: at 5 an interval spans seven orders of magnitude, and means nothing.
Spread = Annotated[float, Field(ge=0, le=5)]


class CurveEntry(Strict):
    """Seconds a unit of work at knots of size, and what they tend to."""

    sizes: Annotated[list[Positive], Field(min_length=1)]
    values: Annotated[list[NotNegative], Field(min_length=1)]
    limit: NotNegative

    @model_validator(mode="after")
    def _matched(self) -> CurveEntry:
        if len(self.sizes) != len(self.values):
            raise ValueError(f"{len(self.sizes)} sizes but {len(self.values)} values")
        if any(high <= low for low, high in pairwise(self.sizes)):
            raise ValueError("sizes do not increase")
        return self


class InStepEntry(Strict):
    """What an operation takes in a training step over what a loop of its calls takes."""

    factor: Positive
    launch_s: NotNegative
    spread: Spread


class HostEntry(Strict):
    """What the host does for the calls of a step."""

    start: NotNegative
    call: NotNegative


class FittedEntry(Strict):
    """A law that ``calibrate`` fitted, in SI units."""

    launch_s: NotNegative
    item_s: NotNegative
    element_s: NotNegative
    work_s: CurveEntry
    penalties_s: dict[Literal[ALIGNMENTS], CurveEntry] = Field(default_factory=dict)  # type: ignore[valid-type]
    domain: Annotated[list[Positive], Field(min_length=2, max_length=2)] | None = None
    spread: Spread
    growth: Spread
    in_step: InStepEntry | None = None
    together: str = ""
    host_s: HostEntry | None = None
    source: str

    @model_validator(mode="after")
    def _ordered(self) -> FittedEntry:
        if self.domain is not None and self.domain[0] > self.domain[1]:
            raise ValueError(f"domain {self.domain[0]:g} to {self.domain[1]:g} is empty")
        return self


class Factor(QuantityEntry, of=units.one):
    """A factor, 1 nominally."""


class ConstantEntry(Strict):
    """A law of constants: at least one term."""

    launch: Seconds | None = None
    element_time: Seconds | None = None
    bandwidth: Bandwidth | None = None
    rate: Rate | None = None
    scatter: Factor | None = None


class DigitalFile(Strict):
    """The top of a digital card. Each of ``operations`` is a :class:`ConstantEntry` or a :class:`FittedEntry`."""

    schema_: Literal[1] = Field(alias="schema")
    kind: Literal["digital"]
    name: Name
    title: str
    source: str
    power: Power | None = None
    idle_power: Power | None = None
    step: Factor | None = None
    interconnect_bandwidth: Bandwidth | None = None
    interconnect_latency: Seconds | None = None
    memory: Bytes | None = None
    timings: str = ""
    operations: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _one_vocabulary(cls, data: Any) -> Any:
        if isinstance(data, dict) and "primitives" in data and "operations" not in data:
            raise ValueError("'primitives' is called 'operations'; rename the key")
        return data


class AnalogFile(Strict):
    """The top of an analog card."""

    schema_: Literal[1] = Field(alias="schema")
    kind: Literal["analog"]
    name: Name
    title: str
    source: str
    arrays: Arrays
    cells: Cells | None = None
    relaxation_time: RelaxationTime | None = None
    relaxation_of: Annotated[RelaxationOf, Field(strict=False)] = RelaxationOf.LARGEST_EIGENVALUE
    readout_overlaps_settling: bool = False
    input_bits: InputBits
    output_bits: OutputBits
    link_bandwidth: LinkBandwidth
    link_latency: LinkLatency
    row_write_time: RowWriteTime
    conversion_rate: ConversionRate
    converters: Converters | None = None
    noise_to_signal: NoiseToSignal | None = None
    oscillation_time: OscillationTime | None = None
    product_time: ProductTime | None = None
    mismatch: Mismatch | None = None
    capacitance: Capacitance | None = None
    full_scale_voltage: FullScaleVoltage | None = None
    temperature: Temperature | None = None
    conversion_energy: ConversionEnergy | None = None
    input_conversion_energy: InputConversionEnergy | None = None
    link_energy: LinkEnergy | None = None

    def conflicts(self) -> Iterator[str]:
        """Arrays that neither settle nor multiply."""
        if self.relaxation_time is None and self.product_time is None:
            yield "needs 'relaxation_time' where its arrays settle, or 'product_time' where they multiply"
