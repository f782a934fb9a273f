"""Two inputs that together give a speedup with the least effort: on a grid, then along the line of that speedup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from costmodel.quantities.estimate import Draws
from costmodel.questions.case import Case, cheapest
from costmodel.questions.inputs import Input

#: Names of the methods on the two sides that are compared.
Sides = tuple[list[str], list[str]]

#: Draws that a grid of two inputs is searched with.
FEW: Final = 24
_SIDE: Final = 15
_STRUCTURAL_SIDE: Final = 9
_PLACED_SIDE: Final = 5
#: Pairs of values that are tried with all draws before two inputs are given up.
_TRIED: Final = 6
#: Values of the first input that are looked at about the best so far, and how often, each time more closely.
_LINE: Final = 25
_PASSES: Final = 2
#: Halvings of the second input's way: along a line, and at last.
_ROUGHLY: Final = 11
_HALVINGS: Final = 22


@dataclass(frozen=True, slots=True)
class Pair:
    """Values of two inputs.

    Attributes:
        inputs: Which.
        values: Of each.
        method: The method that is then the cheapest.
    """

    inputs: tuple[Input, Input]
    values: tuple[float, float]
    method: str

    @property
    def ways(self) -> tuple[float, float]:
        """Logarithm of each value over what the input is."""
        first, second = (
            float(np.log(value / _now(each))) for each, value in zip(self.inputs, self.values, strict=True)
        )
        return first, second

    @property
    def effort(self) -> float:
        """Sum of |ln factor|."""
        return sum(map(abs, self.ways))


def ratios(case: Case, columns: Mapping[Input, Draws], sides: Sides, draws: int) -> tuple[Draws, list[str]]:
    """Speedups, shape (points, draws), and the method that has them."""
    costs = case.times(columns, [*dict.fromkeys([*sides[0], *sides[1]])], draws=draws)
    (mine, who), (other, _) = cheapest(costs, sides[0]), cheapest(costs, sides[1])
    return other / mine, who


def on_grid(case: Case, two: tuple[Input, Input], sides: Sides, speedup: float) -> Pair | None:
    """The values with the least effort on a grid, found with a few draws and held with all; None without any."""
    most = _PLACED_SIDE if case.places([*sides[0], *sides[1]]) else _SIDE
    grids = [each.grid(min(most, _STRUCTURAL_SIDE) if each.structural else most) for each in two]
    columns = {two[0]: np.tile(grids[0], len(grids[1])), two[1]: np.repeat(grids[1], len(grids[0]))}
    found, _ = ratios(case, columns, sides, min(FEW, case.draws))
    logs = [np.abs(np.log(values / _now(each))) for each, values in columns.items()]
    reached = np.flatnonzero((np.median(found, axis=1) >= speedup) & (logs[0] > 0) & (logs[1] > 0))
    for at in reached[np.argsort((logs[0] + logs[1])[reached], kind="stable")][:_TRIED]:
        pair = _held(case, two, (float(columns[two[0]][at]), float(columns[two[1]][at])), sides, speedup)
        if pair is not None:
            return pair
    return None


def refined(case: Case, start: Pair, sides: Sides, speedup: float) -> Pair:
    """The least effort beside a pair that a grid found: the shortest way of one input for each way of the other.

    What a model is read again for, or layers are placed anew at, stays on its grid.
    """
    if any(each.structural for each in start.inputs) or case.places([*sides[0], *sides[1]]):
        return start
    best, steps = start, [np.log(each.high / each.low) / (_SIDE - 1) for each in start.inputs]
    width = steps[0]
    for _ in range(_PASSES):
        line = best.ways[0] + np.linspace(-width, width, _LINE)
        line = line[np.sign(line) == np.sign(start.ways[0])]
        values = np.unique(_valued(start.inputs[0], line))
        values = values[values != _now(start.inputs[0])]
        farthest = best.ways[1] + np.sign(start.ways[1]) * steps[1]
        ways = _shortest(case, start.inputs, values, farthest, sides, speedup, rough=True)
        efforts = np.abs(np.log(values / _now(start.inputs[0]))) + np.abs(ways)
        if not np.isfinite(efforts).any():
            break
        first = values[[int(np.argmin(efforts))]]
        way = _shortest(case, start.inputs, first, farthest, sides, speedup)
        if np.isfinite(way[0]):
            second = float(_valued(start.inputs[1], way)[0])
            pair = _held(case, start.inputs, (float(first[0]), second), sides, speedup)
            best = pair if pair is not None and pair.effort < best.effort else best
        width *= 2 / (_LINE - 1)
    return best


def _shortest(
    case: Case,
    two: tuple[Input, Input],
    first: Draws,
    farthest: float,
    sides: Sides,
    speedup: float,
    *,
    rough: bool = False,
) -> Draws:
    """How far the second input has to go for each value of the first, by halving; infinite where it is not enough."""
    draws = min(FEW, case.draws) if rough else case.draws

    def enough(ways: Draws) -> Draws:
        columns = {two[0]: first, two[1]: np.clip(_now(two[1]) * np.exp(ways), two[1].low, two[1].high)}
        return np.asarray(np.median(ratios(case, columns, sides, draws)[0], axis=1) >= speedup)

    near, far = np.zeros(len(first)), np.full(len(first), farthest)
    reached = enough(far)
    for _ in range(_ROUGHLY if rough else _HALVINGS):
        middle = (near + far) / 2
        there = enough(middle)
        near, far = np.where(there, near, middle), np.where(there, middle, far)
    return np.where(reached, far, np.inf)


def _held(
    case: Case, two: tuple[Input, Input], values: tuple[float, float], sides: Sides, speedup: float
) -> Pair | None:
    """A pair of values, if it gives the speedup with all draws."""
    columns = {each: np.array([value]) for each, value in zip(two, values, strict=True)}
    found, who = ratios(case, columns, sides, case.draws)
    return Pair(two, values, who[0]) if np.median(found) >= speedup else None


def _valued(wanted: Input, ways: Draws) -> Draws:
    """Values at some ways from what an input is; of whole numbers the next one further on."""
    values = np.clip(_now(wanted) * np.exp(ways), wanted.low, wanted.high)
    if not wanted.whole:
        return values
    return np.where(ways > 0, np.ceil(values - 1e-9), np.floor(values + 1e-9))


def _now(wanted: Input) -> float:
    assert wanted.value  # levers have one
    return wanted.value
