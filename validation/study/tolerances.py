"""How wrong the direction may be, flaw by flaw, by the registered rule: low is shown, high is where it costs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from validation.study.design import ALPHA, FAMILIES, VALUE_RATIO


@dataclass(frozen=True, slots=True)
class Arm:
    """What is known of an arm.

    Attributes:
        errors: error of the direction, by small task.
        equivalence: p-value of the claim that no task loses steps; None where a task does not judge the arm.
        costs: p-value of a cost, by small task that judges it.
        over_tasks: mean ratio over all tasks, wide ones included.
    """

    errors: Mapping[str, float]
    equivalence: float | None
    costs: Mapping[str, float]
    over_tasks: float

    @property
    def cost(self) -> float | None:
        """p-value of the claim that some task loses steps (Bonferroni)."""
        return min(1.0, min(self.costs.values()) * len(self.costs)) if self.costs else None


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Errors of the direction, in parts of its length, with the arms that they stand on; `reached` is of `high`."""

    low: float
    value: float
    high: float
    reached: bool
    low_arm: str | None
    value_arm: str | None
    high_arm: str


def tolerance(family: str, arms: Mapping[str, Arm], harmless: int, harmful: int) -> Tolerance:
    """Tolerance of one flaw.

    Args:
        family: its name.
        arms: its arms.
        harmless: how many levels, from the smallest, were shown to lose nothing.
        harmful: how many levels, from the largest, were shown to cost.
    """
    levels = FAMILIES[family]
    low_arm = levels[harmless - 1] if harmless else None
    low = min(arms[low_arm].errors.values()) if low_arm else 0.0
    high_arm = levels[len(levels) - harmful] if harmful else levels[-1]
    of_high = arms[high_arm]
    shown = [e for task, e in of_high.errors.items() if not harmful or of_high.costs.get(task, 1.0) < ALPHA]
    high = max(low, min(shown or of_high.errors.values()))
    value_arm = None
    for level in levels:
        if level not in arms or arms[level].over_tasks > VALUE_RATIO:
            break
        value_arm = level
    value = _mean(list(arms[value_arm].errors.values())) if value_arm else low
    return Tolerance(low, min(max(value, low), high), high, harmful > 0, low_arm, value_arm, high_arm)


def _mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))
