"""The shipped runs, what they say, and that they repeat."""

import json
from pathlib import Path

import pytest

from validation.simulator.lines import read
from validation.study import design, report
from validation.study.analyse import analyse, published
from validation.study.arms import ALL_ARMS, Hyper
from validation.study.wide import wide_runs

FOLDER = Path(design.__file__).parents[1] / "data" / "study"
RUNS = read(FOLDER / "runs.jsonl")


@pytest.fixture(scope="module")
def found():
    return json.loads(json.dumps(analyse(RUNS, wide_runs(FOLDER / "wide.jsonl"))))


def near(a, b):
    """Equal, real numbers to nine digits."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(near(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(near, a, b))
    return a == pytest.approx(b, rel=1e-9) if isinstance(a, float) else a == b


def test_the_shipped_analysis_is_that_of_the_shipped_runs(found):
    assert near(json.loads((FOLDER / "analysis.json").read_text()), found)
    assert json.loads((FOLDER / "tolerances.json").read_text()) == published(found)


def test_the_tables_of_the_methodology_are_those_of_the_analysis(found):
    text = (FOLDER / "methodology.md").read_text(encoding="utf-8")
    missing = [table.__name__ for table in report.TABLES if table(found) not in text]
    assert not missing


def test_runs_follow_the_registered_design():
    for run in RUNS:
        task = run["task"]
        rules = (design.TARGETS[task], design.LIMITS[task], design.INTERVALS[task])
        assert (run["target"], run["limit"], run["interval"]) == rules
        assert run["seed"] in design.SEEDS[task] or run["seed"] in design.TUNING_SEEDS
    assert len({run["key"] for run in RUNS}) == len(RUNS)
    used = {}
    for run in RUNS:
        if run["seed"] in design.SEEDS[run["task"]]:
            used.setdefault((run["task"], ALL_ARMS[run["arm"]].tuned), set()).add(str(run["hyper"]))
    assert all(len(settings) == 1 for settings in used.values())


def test_tolerances_are_ranges_of_errors(found):
    for flaw in found["tolerances"].values():
        assert 0 <= flaw["low"] <= flaw["value"] <= flaw["high"]


@pytest.mark.parametrize("task", ["mlp", *(pytest.param(t, marks=pytest.mark.slow) for t in ("gnn", "vit"))])
def test_a_shipped_run_repeats(task):
    """Steps are equal and losses agree to ten digits on any machine, since double precision leaves rounding no say."""
    pytest.importorskip("sklearn")
    pytest.importorskip("datamol")
    from validation.study.train import TASKS, train

    for arm in ("kfac", "sample 0.3"):
        run = next(r for r in RUNS if (r["task"], r["arm"], r["seed"]) == (task, arm, 2))
        rules = {name: run[name] for name in ("target", "limit", "interval")}
        again = train(TASKS[task](), ALL_ARMS[arm], Hyper(**run["hyper"]), 2, **rules)
        assert again["steps"] == run["steps"]
        assert again["best"] == pytest.approx(run["best"], rel=1e-10)
