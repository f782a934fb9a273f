"""What a machine would need for a wanted speedup: the cheapest change of one input or of two, or why none does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

from costmodel.inputs.arguments import all_at_once
from costmodel.inputs.faults import Fault, InputError
from costmodel.projection.feasibility import Reach
from costmodel.projection.placing import PLACED
from costmodel.projection.project import Projection
from costmodel.quantities.estimate import Draws
from costmodel.questions.accuracy import DRAWS
from costmodel.questions.case import BEST_DIGITAL, BEST_THERMODYNAMIC, Case, cheapest
from costmodel.questions.inputs import FEW_POINTS, Input
from costmodel.questions.pairs import FEW, Sides, on_grid, ratios, refined

if TYPE_CHECKING:
    import pandas as pd

#: What may be changed, where nothing is said.
LEVERS: Final = ("relaxation_time", "link", "bits", "arrays", "damping", "refresh_interval")
#: Values of one input.
_SINGLE: Final = 61
#: Values of each input at which it is asked who may be the cheapest at all.
_SCOUT: Final = 7
#: The same of methods whose layers are placed at each.
_PLACED_SCOUT: Final = 2
#: Pairs that are refined beyond the grid on which they were found.
_REFINED: Final = 3
#: Changes whose accuracy is judged.
_JUDGED: Final = 4


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that an input would need.

    Attributes:
        input: Which.
        value: Needed at the median over draws.
        low: 5th percentile over draws; None beyond the range looked at.
        high: 95th percentile, likewise.
    """

    input: Input
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def factor(self) -> float:
        """The value over what it is."""
        assert self.input.value  # levers have one
        return self.value / self.input.value


@dataclass(frozen=True, slots=True)
class Change:
    """Inputs that together give the speedup.

    Attributes:
        settings: One, or two.
        method: The method that is then the cheapest.
        reach: Whether the changed machine is accurate enough, by the rule of a projection; None where not examined.
    """

    settings: tuple[Setting, ...]
    method: str
    reach: Reach | None = None

    @property
    def effort(self) -> float:
        """Sum of |ln factor|: a factor of two either way counts the same for every input."""
        return float(sum(abs(np.log(each.factor)) for each in self.settings))


@dataclass(frozen=True, slots=True)
class Requirement:
    """The answer.

    Attributes:
        model: Name of the model.
        speedup: Wanted.
        method: Whose, as it was asked for.
        over: Over what.
        current: The speedup as it is, median over draws.
        singles: Changes of one input, the cheapest first.
        pairs: Changes of two, the cheapest first; none holds an input that is enough alone.
        best: The largest speedup of each input alone, by its path.
        free_solver: Speedup of a solver that takes no time at all over the best digital K-FAC.
        bound: The same where it is largest, with an inversion every step; as it is where the interval is no lever.
        best_digital: Name of that.
        reach: Whether the machine is accurate enough as it is.
        draws: How many draws.
    """

    model: str
    speedup: float
    method: str
    over: str
    current: float
    singles: tuple[Change, ...]
    pairs: tuple[Change, ...]
    best: dict[str, float]
    free_solver: float
    bound: float
    best_digital: str
    reach: Reach
    draws: int

    def table(self) -> pd.DataFrame:
        """One row an input of a change, the cheapest change first."""
        from costmodel.views.frames import records_frame
        from costmodel.views.require import RequireReport

        return records_frame(RequireReport(self).records())


def require(
    case: Case,
    speedup: float,
    method: str = BEST_THERMODYNAMIC,
    over: str = BEST_DIGITAL,
    levers: Sequence[str] = LEVERS,
) -> Requirement:
    """What gives a wanted speedup over the best digital K-FAC, or over one method.

    Both sides are taken at the changed values: damping and intervals bind every method alike.

    Raises:
        InputError: A speedup that is none, an unknown method or input.
    """
    if not 0 < speedup < np.inf:
        raise InputError.about("--speedup", f"{speedup:g} is not a factor above 0")
    sides, *inputs = all_at_once(
        lambda: case.sides(method, over, "--over"), *(partial(case.input, name) for name in dict.fromkeys(levers))
    )
    lacking = [each.name for each in inputs if not each.value]
    if lacking and tuple(levers) != LEVERS:
        message = "has no value that it could be changed from; give one that the model or a card states"
        raise InputError([Fault(name, 0, 0, "", message) for name in lacking])
    inputs = [each for each in inputs if each.value]
    sides = _contenders(case, inputs, sides)
    now = case.project()
    current = float(np.median(ratios(case, {}, sides, case.draws)[0]))
    singles: list[Change] = []
    best: dict[str, float] = {}
    if current < speedup:
        for each in inputs:
            found, largest = _single(case, each, sides, speedup)
            best[each.path] = largest
            singles += found
    bound = _bound(case, inputs, now)
    singles.sort(key=lambda change: change.effort)
    enough = {change.settings[0].input.path for change in singles}
    pairs: list[Change] = []
    if current < speedup and (over != BEST_DIGITAL or speedup < bound):
        rest = [each for each in inputs if each.path not in enough]
        pairs = _pairs(case, rest, sides, speedup)
    return Requirement(
        model=now.workload.name,
        speedup=speedup,
        method=method,
        over=over,
        current=current,
        singles=tuple(_judged(case, singles)),
        pairs=tuple(_judged(case, pairs)),
        best=best,
        free_solver=now.free_solver.median,
        bound=bound,
        best_digital=now.best_digital,
        reach=_reach(case, now, method),
        draws=case.draws,
    )


def _contenders(case: Case, inputs: Sequence[Input], sides: Sides) -> Sides:
    """The members of both sides that are the cheapest somewhere with one input or two changed; no other matters."""
    found: set[str] = set()
    singles = [(each,) for each in inputs]
    # Sides that are not placed are looked at together, which evaluates what they share once.
    anew, at_once = ([side for side in sides if case.places(side) is placed] for placed in (True, False))
    for together, changes, count in (
        (at_once, [*singles, *combinations(inputs, 2)], _SCOUT),
        ([side for side in anew if len(side) > 1], singles, _PLACED_SCOUT),
    ):
        names = [*dict.fromkeys(name for side in together for name in side)]
        for changed in changes if names else ():
            grids = [np.append(each.grid(count), [each.value or 1.0]) for each in changed]
            columns = dict(zip(changed, (axis.ravel() for axis in np.meshgrid(*grids)), strict=True))
            costs = case.times(columns, names, draws=0)
            for side in together:
                found.update(cheapest(costs, side)[1])
    ours, theirs = ([name for name in side if name in found or len(side) == 1] for side in sides)
    return ours, theirs


def _single(case: Case, lever: Input, sides: Sides, speedup: float) -> tuple[list[Change], float]:
    """The value nearest to what the input is that gives the speedup, if any does; and the most that it gives."""
    assert lever.value
    count = FEW_POINTS if case.places([*sides[0], *sides[1]]) else 0 if lever.structural else _SINGLE
    grid = np.unique(np.append(lever.grid(count), [lever.value]))
    found, who = ratios(case, {lever: grid}, sides, case.draws)
    middle = np.median(found, axis=1)
    reached = np.flatnonzero(middle >= speedup)
    if not len(reached):
        return [], float(middle.max())
    at = int(min(reached, key=lambda index: abs(np.log(grid[index] / lever.value))))
    step = -1 if grid[at] > lever.value else 1  # towards what it is
    value = _between(np.log(grid[[at + step, at]]), np.log(middle[[at + step, at]] / speedup))
    value = (np.ceil if step < 0 else np.floor)(value - step * -1e-9) if lever.whole else value
    logs = np.log(found / speedup)
    from costmodel.questions.crossover import interval

    low, high = interval(np.log(grid), logs, float(np.log(value)), rising=step < 0)
    return [Change((Setting(lever, float(value), low, high),), who[at])], float(middle.max())


def _between(values: Draws, excess: Draws) -> float:
    """Where an excess passes zero, in logarithms of both."""
    share = excess[0] / (excess[0] - excess[1])
    return float(np.exp(values[0] + share * (values[1] - values[0])))


def _pairs(case: Case, inputs: Sequence[Input], sides: Sides, speedup: float) -> list[Change]:
    """Changes of two inputs, the least effort first; the first few to the last digit, the others as a grid has them."""
    found = [each for two in combinations(inputs, 2) if (each := on_grid(case, two, sides, speedup)) is not None]
    found.sort(key=lambda pair: pair.effort)
    found[:_REFINED] = [refined(case, pair, sides, speedup) for pair in found[:_REFINED]]
    found.sort(key=lambda pair: pair.effort)
    return [Change(tuple(map(Setting, pair.inputs, pair.values)), pair.method) for pair in found]


def _bound(case: Case, inputs: Sequence[Input], now: Projection) -> float:
    """Amdahl's bound where a solver's share is largest: an inversion every step, where the interval may change."""
    every_step = [each.setting(1) for each in inputs if each.path == "model.kfac.refresh_interval"]
    most = case.project(every_step, FEW).free_solver.median if every_step else 0.0
    return max(most, now.free_solver.median)


def _judged(case: Case, changes: list[Change]) -> list[Change]:
    """The changes, the first with whether the changed machine is accurate enough."""
    found = []
    for index, change in enumerate(changes):
        reach = None
        if index < _JUDGED and case.is_thermodynamic(change.method):
            at = {each.input: each.value for each in change.settings}
            reach = case.feasibility(at, [change.method], min(case.draws, DRAWS))[change.method].reach
        found.append(Change(change.settings, change.method, reach))
    return found


def _reach(case: Case, now: Projection, method: str) -> Reach:
    if method == PLACED:  # which a projection has only where it is worth it
        return case.feasibility({}, [method], min(case.draws, DRAWS))[method].reach
    name = method if method in now.feasibility else now.best_thermodynamic
    return now.feasibility[name].reach
