"""What the tests of a registration show of its arms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from validation.study.design import Registration
from validation.study.statistics import holm, in_order

Claims = Mapping[str, Mapping[str, Any]]  # by flaw


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


def claims(registration: Registration, arms: Mapping[str, Arm]) -> dict[str, dict[str, Any]]:
    """By flaw: p-values in the order of their tests, how many of each were shown, and the tasks that judge an arm.

    An arm that was not run, or that too few seeds judge, has a p-value of 1 and so ends its family.
    """

    def of(arm: str, kind: Literal["equivalence", "cost"]) -> float:
        p: float | None = getattr(arms[arm], kind) if arm in arms else None
        return 1.0 if p is None else float(p)

    families = registration.families
    up = {flaw: {arm: of(arm, "equivalence") for arm in levels} for flaw, levels in families.items()}
    down = {flaw: {arm: of(arm, "cost") for arm in reversed(levels)} for flaw, levels in families.items()}
    no_loss, costs = (
        in_order({flaw: list(each.values()) for flaw, each in ordered.items()}, registration.alpha)
        for ordered in (up, down)
    )
    return {
        flaw: {
            "no_loss": no_loss[flaw],
            "cost": costs[flaw],
            "p_no_loss": up[flaw],
            "p_cost": down[flaw],
            "judged_on": {arm: list(arms[arm].costs) if arm in arms else [] for arm in levels},
        }
        for flaw, levels in families.items()
    }


def shown(found: Claims, kind: Literal["no_loss", "cost"]) -> list[str]:
    """Arms of which a claim stands."""
    return [arm for each in found.values() for arm in list(each[f"p_{kind}"])[: each[kind]]]


def practice(registration: Registration, report: Mapping[str, Any], small: Sequence[str]) -> dict[str, float]:
    """Adjusted p-values of the comparisons of digital arms, by "task/arm"."""
    entries = {f"{task}/{arm}": report["tasks"][task].get(arm, {}) for task in small for arm in registration.practice}
    judged = {name: entry["difference"] for name, entry in entries.items() if "difference" in entry}
    return holm(judged, registration.comparisons)
