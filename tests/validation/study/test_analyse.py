"""From runs to claims, on runs that are made up."""

import math

import pytest

from validation.study import design
from validation.study.analyse import analyse, direction_error, pairs, table


def run(task, arm, seed, steps, error=0.1):
    looks = [] if arm == "kfac" else [{"step": 11, "error": error, "cosine": 0.9}]
    hyper = {"lr": 0.1, "damping": 0.1, "clip": 0.001}
    limit = design.LIMITS[task]
    return {"task": task, "arm": arm, "seed": seed, "steps": steps, "limit": limit, "hyper": hyper, "directions": looks}


def study(steps, arms=design.FIRST.arms):
    """Arms on every task and twelve seeds; exact K-FAC takes 100 or 101 steps."""
    runs = []
    for task in design.TARGETS:
        for seed in range(1, 13):
            base = 100 + seed % 2
            runs.append(run(task, "kfac", seed, base))
            for arm in arms:
                runs.append(run(task, arm, seed, steps(task, arm, seed, base)))
    return runs


def claims(report, name="first"):
    return report["registrations"][name]["claims"]


def test_claims_follow_the_steps():
    """Readings never cost, samples of error 1 cost half as much again on one task, 0.3 scatters too much to say."""

    def steps(task, arm, seed, base):
        if arm == "sample 1" and task == "gnn":
            return base * 1.5 + seed
        if arm == "sample 0.3":
            return base * (2 if seed % 3 else 0.4) + seed
        return base + seed % 3

    report = analyse(study(steps), [])
    assert (claims(report)["out"]["no_loss"], claims(report)["out"]["cost"]) == (1, 0)
    assert (claims(report)["sample"]["no_loss"], claims(report)["sample"]["cost"]) == (1, 1)
    found = report["tolerances"]["sample"]
    assert (found["low_arm"], found["high_arm"], found["reached"]) == ("sample 0.1", "sample 1", True)


def test_one_run_that_never_arrives_undoes_a_claim():
    def steps(task, arm, seed, base):
        return None if (task, arm, seed) == ("vit", "column 0.3", 3) else base + seed % 3

    report = analyse(study(steps), [])
    assert claims(report)["column"]["no_loss"] == 0  # the smaller flaw is first in order
    assert claims(report)["in"]["no_loss"] == 3
    assert report["tasks"]["vit"]["column 0.3"]["versus_kfac"]["censored"] == 1


def test_an_arm_with_few_seeds_is_not_judged():
    runs = [r for r in study(lambda task, arm, seed, base: base) if r["arm"] != "ind 6" or r["seed"] < 5]
    report = analyse(runs, [])
    assert claims(report)["ind"]["p_no_loss"] == {"ind 6": 1.0, "ind 4": 0.0}
    assert claims(report)["ind"]["no_loss"] == 0


def test_tasks_are_the_unit_over_tasks():
    """Ratios 1, 1 and 2 on three tasks: geometric mean 2^(1/3), sd of logs ln 2 / sqrt 3, t(0.95, 2) = 2.920."""
    report = analyse(study(lambda task, arm, seed, base: base * (2 if task == "vit" else 1)), [])
    found = report["over_tasks"]["in 8"]["small"]
    assert found["count"] == 3
    assert found["ratio"] == pytest.approx(2 ** (1 / 3))
    half = 2.919986 * math.log(2) / math.sqrt(3) / math.sqrt(3)
    assert found["high"] == pytest.approx(2 ** (1 / 3) * math.exp(half), rel=1e-5)


def test_pairs_need_both_runs():
    found = table(
        [run("mlp", "kfac", 1, 10), run("mlp", "kfac", 2, 10), run("mlp", "in 8", 2, 12), run("mlp", "in 8", 3, 9)]
    )
    assert [(a["seed"], b["seed"]) for a, b in pairs(found["mlp"], "in 8")] == [(2, 2)]


def test_errors_of_the_direction_by_hand():
    """Looks 3 and 4 of one run: root mean square 5 / sqrt 2; another run 5 sqrt 2: geometric mean 5. NaN has none."""
    one = {"directions": [{"error": 3.0}, {"error": 4.0}, {"error": math.nan}, {"kappa": 2.0}]}
    other = {"directions": [{"error": 5 * math.sqrt(2)}]}
    assert direction_error([one, other, {"directions": []}]) == pytest.approx(5.0)
    assert direction_error([{"directions": [{"error": 0.0}]}]) is None
