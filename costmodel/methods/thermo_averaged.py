"""Settled columns that are read as often as rounding of what is read asks for: plain, and deflated and refined."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from costmodel.formulas import blocks, columns, repeated
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.methods import thermo, thermo_columns
from costmodel.methods.registry import Build, register
from costmodel.methods.rewriting import after, renamed
from costmodel.methods.thermo_mitigated import deflated, refined
from costmodel.methods.work import AnalogWork, Cadence, DigitalWork, Method, Part, Phase, Resource, Scope

SUM: Final = Part("sum", "adding readings up")
#: What no card says of its converters.
_OFFSETS: Final = "converters whose offset moves by fractions of a step, with steps as equal as that"


def averaged(build: Build, reading: repeated.Reading) -> Build:
    """A method whose columns are read several times each, offset by fractions of a step, and averaged."""

    def read(phase: Phase) -> Phase:
        if phase.part is not thermo.READOUT:
            return phase
        assert phase.beside is not None  # of columns
        convert, link = reading.beside
        works = (
            AnalogWork(Resource.LINK, *reading.link),
            AnalogWork(Resource.ARRAYS, *reading.convert, systems=columns.systems()),
        )
        return replace(phase, works=works, beside=replace(phase.beside, convert=convert, link=link))

    def built(construction: FactorConstruction) -> Method:
        method = build(construction)
        add = DigitalWork("stream", Scope.FACTOR, calls=blocks.count(), bytes=reading.added, batched=True)
        phases = tuple(read(phase) for phase in method.phases)
        phases = after(phases, thermo.READOUT, Phase(SUM, Cadence.REFRESH, (add,)))
        name, title = renamed(method.name, "averaged"), f"{method.title}, offset readings averaged"
        assumes = (*method.assumes, _OFFSETS)
        return replace(method, name=name, title=title, phases=phases, assumes=assumes, readings=reading.count)

    return built


register(averaged(thermo_columns.settled_columns, repeated.PLAIN))
register(averaged(deflated(refined(thermo_columns.settled_columns)), repeated.MITIGATED))
