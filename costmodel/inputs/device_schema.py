"""The schema of hardware cards. docs/cards.md shows it by example."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from costmodel import units
from costmodel.devices import Primitive
from costmodel.inputs.schema import Strict, entry, entry_of

Name = Annotated[str, Field(min_length=1)]
Seconds = entry(units.second)
Bandwidth = entry(units.byte_per_second)
Rate = entry(units.flop_per_second)
Whole = entry(units.one)


class LawEntry(Strict):
    """The law of one primitive; at least one term."""

    launch: Seconds | None = None  # type: ignore[valid-type]
    element_time: Seconds | None = None  # type: ignore[valid-type]
    bandwidth: Bandwidth | None = None  # type: ignore[valid-type]
    rate: Rate | None = None  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _some_term(self) -> LawEntry:
        if not self.model_fields_set:
            raise ValueError("a law needs at least one of launch, element_time, bandwidth and rate")
        return self


class PrimitiveEntries(Strict):
    """A law for every primitive."""

    network: LawEntry
    gemm: LawEntry
    spd_inverse: LawEntry
    eigh: LawEntry
    stream: LawEntry


class DigitalFile(Strict):
    """The top of a digital card."""

    schema_: Literal[1] = Field(alias="schema")
    kind: Literal["digital"]
    name: Name
    title: str
    source: str
    primitives: PrimitiveEntries


class AnalogFile(Strict):
    """The top of an analog card."""

    schema_: Literal[1] = Field(alias="schema")
    kind: Literal["analog"]
    name: Name
    title: str
    source: str
    arrays: Whole  # type: ignore[valid-type]
    cells: entry_of("cells") | None = None  # type: ignore[valid-type]
    relaxation_time: entry_of("relaxation_time")  # type: ignore[valid-type]
    input_bits: entry_of("input_bits")  # type: ignore[valid-type]
    output_bits: entry_of("output_bits")  # type: ignore[valid-type]
    link_bandwidth: entry_of("link_bandwidth")  # type: ignore[valid-type]
    link_latency: entry_of("link_latency")  # type: ignore[valid-type]
    row_write_time: entry_of("row_write_time")  # type: ignore[valid-type]
    conversion_rate: entry_of("conversion_rate")  # type: ignore[valid-type]
    converters: entry_of("converters") | None = None  # type: ignore[valid-type]
    noise_to_signal: entry_of("noise_to_signal")  # type: ignore[valid-type]


assert set(PrimitiveEntries.model_fields) == set(Primitive)
