"""Tolerances by the registered rule, and the wide runs that they lean on."""

from pathlib import Path

import pytest

from validation.study import design
from validation.study.arms import ALL_ARMS
from validation.study.claims import Arm
from validation.study.tolerances import tolerance
from validation.study.wide import arm_of, wide_runs

LEVELS = ("sample 0.1", "sample 0.3", "sample 1")
WIDE = Path(design.__file__).parents[1] / "data" / "study" / "wide.jsonl"


def arm(error, over, cost=0.5):
    return Arm({"mlp": error, "gnn": 2 * error}, 0.01, {"mlp": cost, "gnn": 0.5}, over)


def test_low_value_and_high_by_hand():
    """Levels of 0.1, 0.3, 1: the first is harmless, the last costs on mlp, the second has a mean of 1.1."""
    arms = {"sample 0.1": arm(0.15, 1.0), "sample 0.3": arm(0.5, 1.1), "sample 1": arm(2.0, 1.5, cost=0.001)}
    found = tolerance(LEVELS, arms, {"sample 0.1"}, {"sample 1"})
    assert (found.low, found.low_arm) == (0.15, "sample 0.1")
    assert (found.high, found.high_arm, found.reached) == (2.0, "sample 1", True)
    assert found.value == pytest.approx(0.5 * 2**0.5)
    assert found.value_arm == "sample 0.3"


def test_nothing_shown_either_way():
    """No claim: low is 0, high is the largest level tried, marked as not reached."""
    arms = {"sample 0.1": arm(0.15, 1.2), "sample 0.3": arm(0.5, 1.0), "sample 1": arm(2.0, 1.0)}
    found = tolerance(LEVELS, arms, set(), set())
    assert (found.low, found.value, found.high, found.reached) == (0.0, 0.0, 2.0, False)
    assert (found.low_arm, found.value_arm) == (None, None)


def test_the_value_stays_between_low_and_high():
    arms = {"sample 0.1": arm(0.15, 1.0), "sample 0.3": arm(0.5, 1.3), "sample 1": arm(2.0, 1.5, cost=0.001)}
    assert tolerance(LEVELS, arms, {"sample 0.1", "sample 0.3"}, {"sample 1"}).value == 0.5
    arms["sample 0.1"] = arm(0.15, 1.0, cost=0.001)
    assert tolerance(LEVELS, arms, set(), set(LEVELS)).value == 0.15


def test_low_and_high_come_from_whichever_registration_shows_them():
    """Of five levels the second is the largest without loss and the fourth the smallest with a cost, shown apart."""
    levels = [f"column {x}" for x in (0.1, 0.3, 0.6, 0.9, 0.95)]
    arms = {level: arm(error, 1.0, cost=0.001) for level, error in zip(levels, (0.1, 0.3, 0.6, 0.9, 0.95), strict=True)}
    found = tolerance(levels, arms, {"column 0.1", "column 0.3"}, {"column 0.95", "column 0.9"})
    assert (found.low_arm, found.low) == ("column 0.3", 0.3)
    assert (found.high_arm, found.high, found.reached) == ("column 0.9", 0.9, True)
    assert found.costs_within == ()


def test_a_cost_of_a_smaller_level_than_one_without_loss_is_told():
    """The smallest level costs on mlp at 0.05, the next loses nothing at 0.12: high is not taken below low."""
    levels = ("in 10", "in 8", "in 6")
    arms = {"in 10": arm(0.05, 1.15, cost=0.001), "in 8": arm(0.12, 1.0), "in 6": arm(0.9, 1.3, cost=0.001)}
    found = tolerance(levels, arms, {"in 8"}, {"in 10", "in 6"})
    assert (found.low_arm, found.high_arm) == ("in 8", "in 10")
    assert found.low == found.value == found.high == 0.12
    assert found.costs_within == ("in 10",)
    same = tolerance(levels, arms, {"in 8"}, {"in 8", "in 6"})
    assert same.costs_within == ("in 8",)


def test_a_cost_needs_correction_for_the_tasks():
    assert arm(0.1, 1.0, cost=0.02).cost == pytest.approx(0.04)
    assert Arm({"mlp": 0.1}, None, {"mlp": 0.01}, 1.0).cost == pytest.approx(0.01)
    assert Arm({"mlp": 0.1}, None, {}, 1.0).cost is None


def test_wide_runs_are_those_of_the_file():
    """Counted by hand in the file: mlp_512 has five seeds of exact K-FAC beside its tuning, gnn_256 two."""
    runs = wide_runs(WIDE)
    exact = [r for r in runs if r["arm"] == "kfac"]
    assert {t: sum(r["task"] == t for r in exact) for t in ("mlp_512", "mlp_2048", "gnn_256")} == {
        "mlp_512": 5,
        "mlp_2048": 5,
        "gnn_256": 2,
    }
    assert {r["seed"] for r in runs} <= set(range(1, 6))
    assert {r["arm"] for r in runs} <= set(ALL_ARMS)
    assert all(r["directions"] for r in runs if r["arm"] not in ("kfac", "adam"))
    assert arm_of("sample:1") == "sample 1"
