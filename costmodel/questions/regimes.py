"""A map over two inputs: which method is the cheapest where, what takes most of its step, whether it is accurate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from costmodel.inputs.arguments import all_at_once
from costmodel.inputs.faults import InputError
from costmodel.projection.feasibility import Reach
from costmodel.quantities.estimate import Draws
from costmodel.questions.accuracy import reaches
from costmodel.questions.case import BEST_DIGITAL, BEST_THERMODYNAMIC, Case
from costmodel.questions.inputs import Input

if TYPE_CHECKING:
    import pandas as pd

#: Values of each input; of one for whose every value the model is read, or layers are placed.
_SIDE = 25
_FEW_SIDE = 9
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Regimes:
    """The map, every input that is not on it at its value.

    Attributes:
        model: Name of the model.
        across: The input of its columns.
        up: The input of its rows.
        columns: Values of the one.
        rows: Values of the other.
        winner: The cheapest method, row by row.
        bound: The phase that takes most of its step.
        solver: The phase that takes most of what it does beyond building factors and the network's own passes.
        reach: Whether it is accurate enough, by the rule of a projection; None where it is no thermodynamic method.
        method: One side, as it was asked for.
        against: The other.
        speedup: Time of ``against`` over that of ``method``, shape (rows, columns).
        labels: What each phase is doing, in words.
    """

    model: str
    across: Input
    up: Input
    columns: Draws
    rows: Draws
    winner: tuple[tuple[str, ...], ...]
    bound: tuple[tuple[str, ...], ...]
    solver: tuple[tuple[str, ...], ...]
    reach: tuple[tuple[Reach | None, ...], ...]
    method: str
    against: str
    speedup: Draws
    labels: Mapping[str, str]

    def table(self) -> pd.DataFrame:
        """One row a cell: who wins there, what bounds it, the speedup."""
        from costmodel.views.frames import records_frame
        from costmodel.views.regimes import RegimesReport

        return records_frame(RegimesReport(self).records())


def regimes(case: Case, across: str, up: str, method: str = BEST_THERMODYNAMIC, against: str = BEST_DIGITAL) -> Regimes:
    """Who wins among two methods, or two families of them, what bounds it, and whether it is accurate enough.

    Raises:
        InputError: An unknown input, or the same twice.
    """
    *inputs, (analog, digital) = all_at_once(
        lambda: case.input(across), lambda: case.input(up), lambda: case.sides(method, against, "--against")
    )
    if inputs[0].path == inputs[1].path:
        raise InputError.about("--map", f"{inputs[0].path} is on both sides; give two inputs")
    names = [*digital, *analog]
    anew = case.places(names)
    columns, rows = (each.grid(_FEW_SIDE if each.structural or anew else _SIDE) for each in inputs)
    points = {inputs[0]: np.tile(columns, len(rows)), inputs[1]: np.repeat(rows, len(columns))}
    costs = case.times(points, names, draws=0, phases=True)
    times = np.stack([costs.step[name] for name in names])
    best = [names[index] for index in np.argmin(times, axis=0)]
    common = set.intersection(*(set(costs.phases[name]) for name in names))
    bound, solver = [], []
    for point, name in enumerate(best):
        phases = {phase: float(each[point]) for phase, each in costs.phases[name].items()}
        bound.append(max(phases, key=lambda phase: phases[phase]))
        own = {phase: time for phase, time in phases.items() if phase not in common} or phases
        solver.append(max(own, key=lambda phase: own[phase]))
    speedup = times[: len(digital)].min(axis=0) / times[len(digital) :].min(axis=0)
    shape = len(rows), len(columns)
    labels = {phase.name: phase.part.label for each in case.methods.values() for phase in each.phases}
    return Regimes(
        model=case.loaded[0].name,
        across=inputs[0],
        up=inputs[1],
        columns=columns,
        rows=rows,
        winner=_by_row(best, shape[1]),
        bound=_by_row(bound, shape[1]),
        solver=_by_row(solver, shape[1]),
        reach=_by_row(reaches(case, points, best), shape[1]),
        method=method,
        against=against,
        speedup=speedup.reshape(shape),
        labels=labels,
    )


def _by_row(cells: list[T], width: int) -> tuple[tuple[T, ...], ...]:
    return tuple(tuple(cells[start : start + width]) for start in range(0, len(cells), width))
