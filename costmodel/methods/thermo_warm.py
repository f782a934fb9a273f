"""Settled columns whose nodes start from the inverse of the last refresh, plain, deflated and refined."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from costmodel.formulas import mitigated, warm
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.methods import thermo, thermo_columns
from costmodel.methods.registry import Build, register
from costmodel.methods.rewriting import after, changed, renamed
from costmodel.methods.thermo_mitigated import deflated, refined
from costmodel.methods.work import AnalogWork, Cadence, DigitalWork, Method, Part, Phase, Resource, Scope

START: Final = Part("start", "putting the last inverse on the nodes")
FIT: Final = Part("fit", "fitting the last inverse to the factor of today")


def started(build: Build) -> Build:
    """A method whose columns start from those of the last refresh, once fitted.

    The array's inverses of the pivot blocks are what starts, before a mode is put back or a step of refinement: so
    that what the last run left is what this one is planned for.
    """

    def built(construction: FactorConstruction) -> Method:
        method = build(construction)
        fit = DigitalWork("stream", Scope.FACTOR, calls=warm.LAUNCHES, bytes=warm.fit_bytes(), batched=True)
        put = (
            AnalogWork(Resource.LINK, warm.link_time(), warm.link_energy()),
            AnalogWork(Resource.ARRAYS, warm.start_time(), warm.start_energy()),
        )
        phases = tuple(changed(phase, mitigated.warmed) for phase in method.phases)
        start = Phase(START, Cadence.REFRESH, put, pipelined=True)
        phases = after(phases, thermo.UPLOAD, Phase(FIT, Cadence.REFRESH, (fit,)), start)
        title = f"{method.title}, started from the last"
        return replace(method, name=renamed(method.name, "warm"), title=title, phases=phases)

    return built


_WARM: Final = [started(each) for each in thermo_columns.KINDS]
for _kind in (lambda each: each, deflated, refined, lambda each: deflated(refined(each))):
    for _build in _WARM:
        register(_kind(_build))
