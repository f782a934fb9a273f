"""How wrong the direction may be, flaw by flaw, by the registered rule: low is shown, high is where it costs."""

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from validation.study.claims import Arm
from validation.study.design import ALPHA, VALUE_RATIO


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Errors of the direction, in parts of its length, with the arms that they stand on; `reached` is of `high`.

    Attributes:
        low: at the largest level that is shown to lose nothing.
        value: up to here the mean over all tasks stays small.
        high: at the smallest level that is shown to cost, and never below `low`.
        reached: whether a level is shown to cost; otherwise `high` is the largest that was tried.
        low_arm: the level of `low`.
        value_arm: the level of `value`.
        high_arm: the level of `high`.
        costs_within: levels no larger than `low_arm` that are shown to cost all the same. Both claims can be true of a
            cost below the margin; of a level that is smaller than `low_arm` one may be false.
    """

    low: float
    value: float
    high: float
    reached: bool
    low_arm: str | None
    value_arm: str | None
    high_arm: str
    costs_within: tuple[str, ...] = ()


def tolerance(levels: Sequence[str], arms: Mapping[str, Arm], harmless: Set[str], harmful: Set[str]) -> Tolerance:
    """Tolerance of one flaw.

    Args:
        levels: its arms from the smallest to the largest, of all registrations.
        arms: what is known of each.
        harmless: arms that were shown to lose nothing.
        harmful: arms that were shown to cost.
    """
    low_arm = next((level for level in reversed(levels) if level in harmless), None)
    low = min(arms[low_arm].errors.values()) if low_arm else 0.0
    costly = [level for level in levels if level in harmful]
    high_arm = costly[0] if costly else levels[-1]
    of_high = arms[high_arm]
    there = [e for task, e in of_high.errors.items() if not costly or of_high.costs.get(task, 1.0) < ALPHA]
    high = max(low, min(there or of_high.errors.values()))
    value_arm = None
    for level in levels:
        if arms[level].over_tasks > VALUE_RATIO:
            break
        value_arm = level
    value = _mean(list(arms[value_arm].errors.values())) if value_arm else low
    within = levels[: levels.index(low_arm) + 1] if low_arm else ()
    return Tolerance(
        low=low,
        value=min(max(value, low), high),
        high=high,
        reached=bool(costly),
        low_arm=low_arm,
        value_arm=value_arm,
        high_arm=high_arm,
        costs_within=tuple(level for level in within if level in harmful),
    )


def _mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))
