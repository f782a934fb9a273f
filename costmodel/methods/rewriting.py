"""Making one method of another: its name, its phases, its work on the arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from costmodel.formulas import Formula
from costmodel.methods.work import AnalogWork, DigitalWork, MessageWork, Part, Phase

_UNDERDAMPED: Final = ".underdamped"


def renamed(name: str, kind: str) -> str:
    """The name of a kind of a method.

    >>> renamed("thermo.solve.underdamped", "deflated")
    'thermo.solve.deflated.underdamped'
    """
    base = name.removesuffix(_UNDERDAMPED)
    return f"{base}.{kind}{name.removeprefix(base)}"


def changed(phase: Phase, of: Callable[[Formula], Formula]) -> Phase:
    """A phase with the times, energies, tolerances and bytes of its work changed."""
    beside = phase.beside
    if beside is not None:
        beside = replace(beside, works=tuple(changed_run(work, of) for work in beside.works))
    works: list[DigitalWork | AnalogWork | MessageWork] = []
    for work in phase.works:
        if isinstance(work, AnalogWork):
            works.append(changed_run(work, of))
        elif isinstance(work, DigitalWork) and work.bytes is not None:
            works.append(replace(work, bytes=of(work.bytes)))
        else:
            works.append(work)
    return replace(phase, works=tuple(works), beside=beside)


def changed_run(work: AnalogWork, of: Callable[[Formula], Formula]) -> AnalogWork:
    """Analog work with its time, its energy and its tolerance changed."""
    energy = None if work.energy is None else of(work.energy)
    tolerance = None if work.tolerance is None else of(work.tolerance)
    return replace(work, time=of(work.time), energy=energy, tolerance=tolerance)


def after(phases: tuple[Phase, ...], part: Part, *more: Phase) -> tuple[Phase, ...]:
    """Further phases behind that of a part."""
    index = [phase.part for phase in phases].index(part) + 1
    return (*phases[:index], *more, *phases[index:])


def before(phases: tuple[Phase, ...], part: Part, phase: Phase) -> tuple[Phase, ...]:
    """A further phase in front of that of a part."""
    index = [each.part for each in phases].index(part)
    return (*phases[:index], phase, *phases[index:])
