"""Making one method of another: its name, its phases, its work on the arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from costmodel.methods.work import AnalogWork, Part, Phase

_UNDERDAMPED: Final = ".underdamped"


def renamed(name: str, kind: str) -> str:
    """The name of a kind of a method.

    >>> renamed("thermo.solve.underdamped", "deflated")
    'thermo.solve.deflated.underdamped'
    """
    base = name.removesuffix(_UNDERDAMPED)
    return f"{base}.{kind}{name.removeprefix(base)}"


def analog(phase: Phase, change: Callable[[AnalogWork], AnalogWork]) -> Phase:
    """A phase with its analog work changed."""
    works = (change(work) if isinstance(work, AnalogWork) else work for work in phase.works)
    beside = phase.beside
    if beside is not None:
        beside = replace(beside, works=tuple(change(work) for work in beside.works))
    return replace(phase, works=tuple(works), beside=beside)


def after(phases: tuple[Phase, ...], part: Part, *more: Phase) -> tuple[Phase, ...]:
    """Further phases behind that of a part."""
    index = [phase.part for phase in phases].index(part) + 1
    return (*phases[:index], *more, *phases[index:])


def before(phases: tuple[Phase, ...], part: Part, phase: Phase) -> tuple[Phase, ...]:
    """A further phase in front of that of a part."""
    index = [each.part for each in phases].index(part)
    return (*phases[:index], phase, *phases[index:])
