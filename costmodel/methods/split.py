"""A thermodynamic method whose machine solves some layers, while the digital device does the others its own way.

Layers are preconditioned one by one, so that what one layer is preconditioned by says nothing of another: any digital
member of K-FAC can do the layers that are left to it.
"""

from __future__ import annotations

from dataclasses import replace

from costmodel.methods.work import AnalogWork, DigitalWork, MessageWork, Method, Phase, Split

Work = DigitalWork | AnalogWork | MessageWork


def split(analog: Method, digital: Method, machine: frozenset[int], left: frozenset[int]) -> Method:
    """A thermodynamic method that solves some kinds of layers on its machine.

    What both methods do alike, such as passes and factors, is done for all layers; of the rest each does its own. Two
    phases of one name become one.

    Args:
        analog: Where the machine solves all.
        digital: What the device does for the others.
        machine: Positions of the kinds of layers for the machine.
        left: Of all others.

    Raises:
        ValueError: Phases of one name that run at different times.
    """
    if not left:
        return analog
    how = Split(machine, left, analog, digital)
    if not machine:
        return replace(analog, phases=digital.phases, split=how)
    ours, theirs = ({phase.name: phase for phase in method.phases} for method in (analog, digital))
    order = dict.fromkeys(ours)
    alone = [name for name in theirs if name not in ours]
    first = next(name for name in order if ours[name] not in digital.phases)
    names = [each for name in order for each in ((*alone, name) if name == first else (name,))]
    phases = []
    for name in names:
        mine, other = ours.get(name), theirs.get(name)
        if mine is not None and mine == other:
            phases.append(mine)
        else:
            parts = [only(phase, kinds) for phase, kinds in ((mine, machine), (other, left)) if phase is not None]
            phases.append(_joined(parts))
    return replace(analog, phases=tuple(phases), split=how)


def only(phase: Phase, kinds: frozenset[int]) -> Phase:
    """A phase that is done for some kinds of layers alone."""
    works: tuple[Work, ...] = tuple(replace(work, kinds=kinds) for work in phase.works)
    beside = phase.beside
    if beside is not None:
        beside = replace(beside, works=tuple(replace(work, kinds=kinds) for work in beside.works))
    return replace(phase, works=works, beside=beside)


def _joined(parts: list[Phase]) -> Phase:
    first, *others = parts
    for other in others:
        if (first.cadence, first.interval, first.pipelined) != (other.cadence, other.interval, other.pipelined):
            raise ValueError(f"phases named {first.name} run at different times")
        works: tuple[Work, ...] = (*first.works, *other.works)
        first = replace(first, works=works)
    return first
