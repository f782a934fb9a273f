"""Where two methods cost the same: every value of an input at which they tie, or why they never do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from costmodel.inputs.arguments import all_at_once
from costmodel.inputs.faults import InputError
from costmodel.projection.feasibility import Reach
from costmodel.quantities.estimate import Draws
from costmodel.questions.accuracy import reaches
from costmodel.questions.case import BEST_DIGITAL, BEST_THERMODYNAMIC, Case, cheapest
from costmodel.questions.inputs import FEW_POINTS, Input

if TYPE_CHECKING:
    import pandas as pd

#: Halvings of a step of the grid, each of which takes placements.
_HALVINGS: Final = 10


@dataclass(frozen=True, slots=True)
class Tie:
    """A value at which two methods cost the same.

    Attributes:
        value: Where the median over draws of the ratio of their times is 1.
        low: 5th percentile over draws; None where that draw never ties inside the range.
        high: 95th percentile, likewise.
        above: Name of the side that is cheaper above the value.
        arm: The thermodynamic method of the two that tie, of ``method`` where both are; empty where neither is.
        reach: Whether that is accurate enough there, by the rule of a projection; None where there is none.
    """

    value: float
    low: float | None
    high: float | None
    above: str
    arm: str
    reach: Reach | None


@dataclass(frozen=True, slots=True)
class Never:
    """Why two methods never tie.

    Attributes:
        loser: The method that costs more everywhere.
        winner: The other.
        at: Where it comes closest.
        loser_time: Median seconds of a step there.
        winner_time: The same of the other.
        phase: The longest phase of the loser that the winner does not share; empty where they are one, as where no
            layer is worth sending to the machine.
        phase_time: Median seconds of that phase.
        replaced: Median seconds of what the winner does in place of all such phases.
    """

    loser: str
    winner: str
    at: float
    loser_time: float
    winner_time: float
    phase: str
    phase_time: float
    replaced: float

    @property
    def same(self) -> bool:
        """Whether both do the same, so that they cost the same at every value."""
        return not self.phase

    @property
    def alone(self) -> bool:
        """Whether that phase by itself already costs more than all that it could save."""
        return self.phase_time > self.replaced


@dataclass(frozen=True, slots=True)
class Crossover:
    """The answer.

    Attributes:
        model: Name of the model.
        over: The input.
        method: One side, as it was asked for.
        against: The other.
        ties: Every crossing, the smallest first.
        never: Why there is none; None where there is.
        grid: Values looked at.
        ratio: 5th, 50th and 95th percentile of the time of ``against`` over that of ``method``, shape (3, values).
        winner: The cheapest method at each value, by medians.
        reach: Whether that is accurate enough there, by the rule of a projection; None where it is no thermodynamic
            method.
        draws: How many draws.
    """

    model: str
    over: Input
    method: str
    against: str
    ties: tuple[Tie, ...]
    never: Never | None
    grid: Draws
    ratio: Draws
    winner: tuple[str, ...]
    reach: tuple[Reach | None, ...]
    draws: int

    def table(self) -> pd.DataFrame:
        """One row a crossing; none where the two never tie."""
        from costmodel.views.crossover import CrossoverReport
        from costmodel.views.frames import records_frame

        return records_frame(CrossoverReport(self).records() if self.ties else [])

    def curve_table(self) -> pd.DataFrame:
        """One row a value that was looked at: time of ``against`` over that of ``method``, with its 90 % interval."""
        from costmodel.views.crossover import CrossoverReport
        from costmodel.views.frames import records_frame

        return records_frame(CrossoverReport(self).curve())


def crossover(
    case: Case,
    over: str,
    method: str = BEST_THERMODYNAMIC,
    against: str = BEST_DIGITAL,
    low: float = 0.0,
    high: float = 0.0,
) -> Crossover:
    """Where two methods, or the cheapest of two families, take the same time for a step.

    Raises:
        InputError: An unknown method or input, or an input that neither depends on.
    """
    wanted, (ours, theirs) = all_at_once(
        lambda: case.input(over, low, high), lambda: case.sides(method, against, "--against")
    )
    names = [*dict.fromkeys([*ours, *theirs])]
    grid = wanted.grid(FEW_POINTS if case.places(names) else 0)
    costs = case.times({wanted: grid}, names)
    (mine, our_best), (other, their_best) = cheapest(costs, ours), cheapest(costs, theirs)
    logs = np.log(other / mine)
    same = case.places(names) and not logs.any()  # no layer is worth sending at any value
    if _constant(mine) and _constant(other) and not same:
        raise InputError.about(over, f"changes neither {method} nor {against}; their ratio is the same at every value")
    middle = np.median(logs, axis=1)
    crossings = np.flatnonzero(np.sign(middle[:-1]) * np.sign(middle[1:]) <= 0)
    crossings = crossings[middle[crossings] != middle[crossings + 1]]
    sides = (method, against)
    ties = tuple(_tie(case, wanted, grid, logs, int(index), (ours, theirs), sides) for index in crossings)
    never = None if ties else _never(case, wanted, grid, middle, (ours, theirs))
    ratio = np.exp(np.quantile(logs, (0.05, 0.5, 0.95), axis=1))
    winner = [mine if log > 0 else other for mine, other, log in zip(our_best, their_best, middle, strict=True)]
    return Crossover(
        model=case.loaded[0].name,
        over=wanted,
        method=method,
        against=against,
        ties=ties,
        never=never,
        grid=grid,
        ratio=ratio,
        winner=tuple(winner),
        reach=tuple(reaches(case, {wanted: grid}, winner)),
        draws=case.draws,
    )


def _constant(times: Draws) -> bool:
    return bool(np.all(np.abs(times / times[:1] - 1) < 1e-9))


def _tie(
    case: Case,
    wanted: Input,
    grid: Draws,
    logs: Draws,
    index: int,
    members: tuple[Sequence[str], Sequence[str]],
    sides: tuple[str, str],
) -> Tie:
    """The crossing between two values of a grid, and where single draws have the one nearest to it."""
    middle = np.median(logs, axis=1)
    rising = bool(middle[index + 1] > middle[index])
    value = _root(case, wanted, float(grid[index]), float(grid[index + 1]), members)
    low, high = interval(np.log(grid), logs, np.log(value), rising=rising)
    arm, reach = _arm(case, wanted, value, members)
    return Tie(value, low, high, sides[0] if rising else sides[1], arm, reach)


def _arm(
    case: Case, wanted: Input, value: float, members: tuple[Sequence[str], Sequence[str]]
) -> tuple[str, Reach | None]:
    """The thermodynamic method that ties at a value, and whether it is accurate enough there."""
    at = {wanted: np.array([value])}
    costs = case.times(at, [*dict.fromkeys([*members[0], *members[1]])])
    both = [cheapest(costs, side)[1][0] for side in members]
    arms = [name for name in both if case.is_thermodynamic(name)]
    return (arms[0], reaches(case, at, arms[:1])[0]) if arms else ("", None)


def _root(case: Case, wanted: Input, low: float, high: float, members: tuple[Sequence[str], Sequence[str]]) -> float:
    """Where the median ratio is 1, by Brent's method in the logarithm; among whole numbers by interpolation."""
    from scipy.optimize import brentq

    names = [*dict.fromkeys([*members[0], *members[1]])]

    def excess(log: float) -> float:
        costs = case.times({wanted: np.array([np.exp(log)])}, names)
        (mine, _), (other, _) = cheapest(costs, members[0]), cheapest(costs, members[1])
        return float(np.median(np.log(other / mine)))

    ends = np.log([low, high])
    at_ends = excess(ends[0]), excess(ends[1])
    if at_ends[0] * at_ends[1] > 0:
        return low
    if (at_ends[0] == 0) != (at_ends[1] == 0) and not wanted.structural:
        return float(np.exp(_edge(excess, float(ends[0]), float(ends[1]), apart_below=at_ends[1] == 0)))
    if at_ends[0] == 0:
        return low
    if wanted.structural:
        share = at_ends[0] / (at_ends[0] - at_ends[1])
        return float(np.exp(ends[0] + share * (ends[1] - ends[0])))
    return float(np.exp(brentq(excess, float(ends[0]), float(ends[1]), xtol=1e-9)))


def _edge(excess: Callable[[float], float], low: float, high: float, *, apart_below: bool) -> float:
    """End of a stretch in which two methods do the same, as where no layer is worth sending, by halving."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if (excess(middle) != 0) == apart_below:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def interval(grid: Draws, logs: Draws, near: float, *, rising: bool) -> tuple[float | None, float | None]:
    """5th and 95th percentile over draws of the crossing, each draw's nearest to one of the median.

    A draw without a crossing in that direction lies beyond an end: below all values where its ratio is already on the
    far side, above them where it never gets there. Where two methods do the same, a draw crosses where that ends.

    Args:
        grid: Logarithms of the input.
        logs: Logarithms of the ratio, shape (values, draws).
        near: Logarithm of the crossing of the median.
        rising: Whether the ratio rises there.
    """
    sign = 1.0 if rising else -1.0
    found = np.empty(logs.shape[1])
    for draw, column in enumerate((sign * logs).T):
        at = np.flatnonzero((column[:-1] <= 0) & (column[1:] > 0))
        if len(at):
            share = column[at] / (column[at] - column[at + 1])
            roots = grid[at] + share * (grid[at + 1] - grid[at])
            found[draw] = roots[np.argmin(np.abs(roots - near))]
        else:
            found[draw] = -np.inf if column[0] > 0 else np.inf
    # An end that is infinite must not be averaged with one that is not.
    low, high = np.quantile(found, 0.05, method="lower"), np.quantile(found, 0.95, method="higher")
    return (float(np.exp(low)) if np.isfinite(low) else None), (float(np.exp(high)) if np.isfinite(high) else None)


def _never(
    case: Case, wanted: Input, grid: Draws, middle: Draws, members: tuple[Sequence[str], Sequence[str]]
) -> Never:
    """What decides it where the two come closest."""
    at = int(np.argmin(np.abs(middle)))
    loses = middle[at] < 0  # the first side takes longer
    slow, fast = members if loses else (members[1], members[0])
    value = float(grid[at])
    names = [*dict.fromkeys([*slow, *fast])]
    costs = case.times({wanted: np.array([value])}, names, phases=True)
    (slow_time, (loser,)), (fast_time, (winner,)) = cheapest(costs, slow), cheapest(costs, fast)
    lost, won = (
        {phase: float(np.median(each)) for phase, each in costs.phases[name].items()} for name in (loser, winner)
    )
    shared = {phase for phase, time in lost.items() if np.isclose(won.get(phase, -1.0), time, rtol=1e-9)}
    own = {phase: time for phase, time in lost.items() if phase not in shared and time > 0} or {"": 0.0}
    phase = max(own, key=lambda name: own[name])
    replaced = sum(time for phase, time in won.items() if phase not in shared)
    times = float(np.median(slow_time)), float(np.median(fast_time))
    return Never(loser, winner, value, *times, phase, own[phase], replaced)
