"""The schema of hardware cards. docs/cards.md shows it by example."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from costmodel import units
from costmodel.devices import Primitive
from costmodel.inputs.schema import QuantityEntry, Strict

Name = Annotated[str, Field(min_length=1)]


class Seconds(QuantityEntry, of=units.second):
    """A time."""


class Bandwidth(QuantityEntry, of=units.byte_per_second):
    """Memory traffic a second."""


class Rate(QuantityEntry, of=units.flop_per_second):
    """FLOPs a second."""


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
    """What a device draws while it works."""


class LawEntry(Strict):
    """The law of one primitive; at least one term."""

    launch: Seconds | None = None
    element_time: Seconds | None = None
    bandwidth: Bandwidth | None = None
    rate: Rate | None = None

    @model_validator(mode="after")
    def _some_term(self) -> LawEntry:
        if not self.model_fields_set:
            raise ValueError("a law needs at least one of launch, element_time, bandwidth and rate")
        return self


class PrimitiveEntries(Strict):
    """A law for every primitive; those with a stand-in may be left out."""

    network: LawEntry
    gemm: LawEntry
    spd_inverse: LawEntry
    eigh: LawEntry
    stream: LawEntry
    cholesky: LawEntry | None = None
    triangular_solve: LawEntry | None = None
    qr: LawEntry | None = None


class DigitalFile(Strict):
    """The top of a digital card."""

    schema_: Literal[1] = Field(alias="schema")
    kind: Literal["digital"]
    name: Name
    title: str
    source: str
    power: Power | None = None
    primitives: PrimitiveEntries


class AnalogFile(Strict):
    """The top of an analog card."""

    schema_: Literal[1] = Field(alias="schema")
    kind: Literal["analog"]
    name: Name
    title: str
    source: str
    arrays: Arrays
    cells: Cells | None = None
    relaxation_time: RelaxationTime
    input_bits: InputBits
    output_bits: OutputBits
    link_bandwidth: LinkBandwidth
    link_latency: LinkLatency
    row_write_time: RowWriteTime
    conversion_rate: ConversionRate
    converters: Converters | None = None
    noise_to_signal: NoiseToSignal | None = None
    oscillation_time: OscillationTime | None = None
    mismatch: Mismatch | None = None
    capacitance: Capacitance | None = None
    full_scale_voltage: FullScaleVoltage | None = None
    temperature: Temperature | None = None
    conversion_energy: ConversionEnergy | None = None
    input_conversion_energy: InputConversionEnergy | None = None
    link_energy: LinkEnergy | None = None


assert set(PrimitiveEntries.model_fields) == set(Primitive)
