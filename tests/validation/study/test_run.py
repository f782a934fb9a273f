"""The queue is worked off, resumed and cut where nothing can be learnt any more. Needs the extra `study`."""

from functools import partial

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("datamol")

from validation.study import run
from validation.study.arms import Hyper
from validation.study.design import TUNING_SEEDS
from validation.study.run import Study


@pytest.fixture
def calls(monkeypatch):
    """Runs that arrive after more steps the further they are from lr 0.1, damping 0.001, clip 0.0001; `in 6` never."""
    made = []

    def fake(task, arm, hyper, seed, *, target, limit, interval):
        made.append((task, arm.flaw, hyper, seed))
        away = abs(hyper.lr - 0.1) + abs((hyper.damping or 0) - 1e-3) + abs((hyper.clip or 0) - 1e-4)
        steps = None if (arm.flaw, arm.level) == ("in", 6) else 50 + round(100 * away) + seed % 3
        return {"steps": steps, "best": 0.1 + away, "failure": None, "directions": [], "wall_s": 0.0}

    monkeypatch.setattr(run, "train", fake)
    monkeypatch.setattr(run, "TASKS", {name: partial(str, name) for name in ("mlp", "gnn", "vit")})
    return made


def test_settings_are_tuned_once_and_runs_resume(calls, tmp_path):
    jobs = [("mlp", "kfac", 1), ("mlp", "in 8", 1), ("mlp", "in 8", 2)]
    Study(tmp_path / "runs.jsonl").run(iter(jobs))
    assert [(flaw, hyper, seed) for _, flaw, hyper, seed in calls[-3:]] == [
        ("", Hyper(0.1, damping=1e-3, clip=1e-4), 1),
        ("in", Hyper(0.1, damping=1e-3, clip=1e-4), 1),
        ("in", Hyper(0.1, damping=1e-3, clip=1e-4), 2),
    ]
    assert {seed for *_, seed in calls[:-3]} == set(TUNING_SEEDS)
    assert len(set(calls)) == len(calls)
    made = len(calls)
    Study(tmp_path / "runs.jsonl").run(iter(jobs))
    assert len(calls) == made


def test_an_arm_that_cannot_show_equivalence_stops(calls, tmp_path):
    """On gnn after its first two seeds, on mlp never; other arms go on."""
    for task in ("mlp", "gnn"):
        Study(tmp_path / "runs.jsonl").run(iter([(task, arm, seed) for seed in (1, 2, 3) for arm in ("in 6", "in 8")]))
    seeds = {task: [s for t, f, _, s in calls if t == task and f == "in"] for task in ("mlp", "gnn")}
    assert seeds == {"mlp": [1, 1, 2, 2, 3, 3], "gnn": [1, 1, 2, 2, 3]}


def test_an_arm_that_is_exact_kfac_is_not_run_again(calls, tmp_path):
    """Tuned to a damping of 0.001, exact K-FAC and `damping 0.001` are one."""
    Study(tmp_path / "runs.jsonl").run(iter([("vit", "kfac", 1), ("vit", "damping 0.001", 1)]))
    assert [seed for *_, seed in calls if seed not in TUNING_SEEDS] == [1]


def test_parts_of_a_queue_see_each_others_runs(calls, tmp_path):
    first, second = Study(tmp_path / "runs.jsonl"), Study(tmp_path / "runs.jsonl")
    first.run(iter([("mlp", "kfac", 1)]))
    made = len(calls)
    second.run(iter([("mlp", "kfac", 1)]))
    assert len(calls) == made
