"""Thermodynamic K-FAC where the top mode is taken out of every factor, where an inverse is refined, and both."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from costmodel.formulas import Formula, deflation, mitigated, refinement
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.methods import thermo, thermo_columns, thermo_products
from costmodel.methods.registry import Build, register
from costmodel.methods.rewriting import after, before, changed, changed_run, renamed
from costmodel.methods.work import (
    AnalogWork,
    Cadence,
    Delivery,
    DigitalWork,
    Method,
    Part,
    Phase,
    Resource,
    Scope,
)

DEFLATE: Final = Part("deflate", "taking out the top mode")
RESTORE: Final = Part("restore", "putting the top mode back")
REFINE: Final = Part("refine", "refining the inverse digitally")


# --- the top mode taken out ------------------------------------------------------------------------------------------


def _of_the_direction(method: Method) -> tuple[AnalogWork, ...]:
    """Settling and averaging of the one more system of Method 2, and its values on the link."""
    runs = (
        work
        for phase in method.phases
        if phase.part in {thermo.SETTLE, thermo.AVERAGE}
        for work in phase.works
        if isinstance(work, AnalogWork) and work.energy is not None
    )
    values = AnalogWork(Resource.LINK, deflation.direction_link_time(), deflation.direction_energy())
    return (
        *(
            replace(
                changed_run(work, mitigated.deflated),
                time=mitigated.direction(work.time),
                energy=mitigated.direction(_known(work.energy)),
                chained=False,
                systems=None,
            )
            for work in runs
        ),
        values,
    )


def _known(formula: Formula | None) -> Formula:
    assert formula is not None  # runs on the arrays have an energy
    return formula


def _complete(phases: tuple[Phase, ...]) -> Part:
    """The part after which an inverse, or solutions, are there."""
    return thermo.TILING if any(phase.part is thermo.TILING for phase in phases) else thermo_products.VECTORS


def deflated(build: Build) -> Build:
    """A method whose arrays see every factor without its top mode."""

    def built(construction: FactorConstruction) -> Method:
        """The method with its top mode found before an upload, and put back into what the arrays give."""
        method = build(construction)
        find = DigitalWork(
            "stream", Scope.FACTOR, calls=deflation.FIND_LAUNCHES, bytes=deflation.find_bytes(), batched=True
        )
        solves = method.delivers is Delivery.SOLUTION
        traffic = deflation.solve_bytes() if solves else deflation.inverse_bytes()
        put = DigitalWork("stream", Scope.FACTOR, calls=deflation.RESTORE_LAUNCHES, bytes=traffic, batched=True)
        restore = Phase(RESTORE, Cadence.STEP if solves else Cadence.REFRESH, (put,))
        direction = _of_the_direction(method) if solves else ()
        phases = tuple(changed(phase, mitigated.deflated) for phase in method.phases)
        phases = after(phases, _complete(phases), restore)
        phases = before(phases, thermo.UPLOAD, Phase(DEFLATE, Cadence.REFRESH, (find, *direction)))
        title = f"{method.title}, top mode taken out"
        return replace(method, name=renamed(method.name, "deflated"), title=title, phases=phases, deflated=True)

    return built


# --- the inverse refined ---------------------------------------------------------------------------------------------


def refined(build: Build) -> Build:
    """A method whose inverses take one Newton-Schulz step once they are complete."""

    def built(construction: FactorConstruction) -> Method:
        """The method with a step of Newton-Schulz once its inverses are complete."""
        method = build(construction)
        step = DigitalWork("newton_schulz", Scope.FACTOR, calls=1, flops=refinement.flops(), batched=True)
        phases = tuple(changed(phase, mitigated.refined) for phase in method.phases)
        phases = after(phases, _complete(phases), Phase(REFINE, Cadence.REFRESH, (step,)))
        title = f"{method.title}, refined digitally"
        return replace(method, name=renamed(method.name, "refined"), title=title, phases=phases, refined=True)

    return built


_OTHERS: Final = (
    thermo.inverse_from_covariance,
    thermo.inverse_from_covariance_underdamped,
    thermo.linear_systems,
    thermo.linear_systems_underdamped,
)
_INVERSES: Final = (*thermo_columns.KINDS, *thermo_products.KINDS)
for _build in (*_OTHERS, *_INVERSES):
    register(deflated(_build))
for _build in _INVERSES:
    register(refined(_build))
for _build in _INVERSES:
    register(deflated(refined(_build)))
