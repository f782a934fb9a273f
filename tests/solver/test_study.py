"""The training study: its data, its runs, its statistics. Needs the extra `study`."""

import json
import math
from pathlib import Path

import pytest
import torch

pytest.importorskip("sklearn")
pytest.importorskip("datamol")

from validation.simulator import calibrate
from validation.simulator.lines import read
from validation.study.analyse import analyse, ratio
from validation.study.arms import ARMS, GRIDS, Hyper
from validation.study.directions import direction_errors
from validation.study.run import SEEDS, TUNING_SEEDS, Study
from validation.study.task import Split
from validation.study.train import TASKS, train


@pytest.fixture(scope="module")
def mlp():
    return TASKS["mlp"]()


@pytest.fixture(scope="module")
def gnn():
    return TASKS["gnn"]()


def test_a_batch_of_molecules_is_its_molecules(gnn):
    """One disconnected graph gives each molecule the output it has alone, and the segments name its rows."""
    torch.manual_seed(0)
    model = gnn.model()
    index = torch.tensor([5, 900, 17])
    batch = gnn.batch(Split.TRAIN, index)
    together = model(*batch.inputs)
    alone = [model(*gnn.batch(Split.TRAIN, index[i : i + 1]).inputs) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)
    assert torch.equal(batch.segments["embed"].bincount(), gnn.atoms[gnn.index[Split.TRAIN][index]])
    assert torch.equal(batch.segments["message.0"].bincount(), gnn.bonds[gnn.index[Split.TRAIN][index]])


def test_splits_do_not_overlap(gnn, mlp):
    assert set(gnn.index[Split.TRAIN].tolist()).isdisjoint(gnn.index[Split.VALIDATION].tolist())
    assert (gnn.size(Split.TRAIN), gnn.size(Split.VALIDATION)) == (1025, 257)
    assert (mlp.size(Split.TRAIN), mlp.size(Split.VALIDATION)) == (1200, 300)
    seen = {tuple(row.tolist()) for row in mlp.parts[Split.TRAIN][0]}
    assert sum(tuple(row.tolist()) in seen for row in mlp.parts[Split.VALIDATION][0]) == 0


@pytest.mark.parametrize("arm", ["adam", "kfac", "solve in8", "invert error0.2"])
def test_training_goes_down_and_repeats(mlp, arm):
    """Twenty steps bring the loss well below ln 10, and an equal seed brings the same loss."""
    hyper = Hyper(1e-2) if arm == "adam" else Hyper(0.1, damping=0.1)
    runs = [train(mlp, arm, hyper, 3, target=0.0, limit=20) for _ in range(2)]
    assert runs[0]["best"] < 1.5 < math.log(10)
    assert runs[0]["best"] == runs[1]["best"]
    assert runs[0]["steps"] is None


def test_a_run_stops_at_its_target(mlp):
    run = train(mlp, "kfac", Hyper(0.1, damping=0.1), 3, target=1.0, limit=60)
    assert run["steps"] % 5 == 0
    assert run["best"] <= 1.0


def test_a_machine_without_flaws_gives_the_exact_direction(mlp):
    """Settled to 1e-3 a side: below 0.5 %; fewer bits are worse; 8 bits still point the right way."""
    errors = direction_errors(mlp, Hyper(0.1, damping=0.1), ["solve", "solve in8", "solve in6"])
    assert errors["solve"]["direction"] < 5e-3
    assert errors["solve"]["direction"] < errors["solve in8"]["direction"] < errors["solve in6"]["direction"]
    assert errors["solve in8"]["cosine"] > 0.9


def record(steps, arm="x", seed=1, limit=400, task="mlp"):
    return {"steps": steps, "arm": arm, "seed": seed, "limit": limit, "task": task}


def test_ratios_by_hand():
    """Ratios 2 and 8 of one base: geometric mean 4, sd of the logarithms ln(4)/sqrt(2), t(0.95, 1) = 6.314."""
    found = ratio([(record(20), record(10)), (record(80), record(10))])
    assert found.ratio == pytest.approx(4.0)
    half = 6.3137515 * math.log(4) / math.sqrt(2) / math.sqrt(2)
    assert found.low == pytest.approx(4 * math.exp(-half), rel=1e-6)
    assert found.high == pytest.approx(4 * math.exp(half), rel=1e-6)
    assert ratio([(record(None), record(100)), (record(100), record(100))]).censored == 1


def test_verdicts_need_narrow_intervals_and_no_missing_runs():
    records = []
    for seed in SEEDS:
        records += [record(100, "kfac", seed), record(101 + seed % 2, "solve", seed), record(150, "solve in4", seed)]
        records.append(record(None if seed == 1 else 90, "solve in6", seed))
    assert analyse(records)["keeps_the_benefit"] == ["kfac", "solve"]
    other = [record(100, "kfac", seed, task="gnn") for seed in SEEDS]
    report = analyse(records + other)  # on two tasks only K-FAC itself has run
    assert report["judged"] == report["keeps_the_benefit"] == ["kfac"]


def test_tuning_is_fair_and_resumes(tmp_path, monkeypatch):
    """As many points for Adam as for K-FAC; the fewest steps win; runs on file are not run again."""
    assert len(GRIDS["adam"]) == len(GRIDS["kfac"]) == 12
    assert set(TUNING_SEEDS).isdisjoint(SEEDS)
    calls = []

    def fake(task, arm, hyper, seed, *, target, limit):
        calls.append((arm, hyper, seed))
        return {"steps": round(1000 * hyper.lr) + seed, "best": 0.1, "failure": None, "wall_s": 0.0}

    monkeypatch.setattr("validation.study.run.train", fake)
    Study("mlp", tmp_path / "t.jsonl").all(["adam", "kfac"])
    assert len(calls) == 2 * 12 * 2 + 2 * 5
    finals = {arm: hyper.lr for arm, hyper, seed in calls if seed in SEEDS}
    assert finals == {"adam": 1e-3, "kfac": 0.1}
    Study("mlp", tmp_path / "t.jsonl").all(["adam", "kfac"])
    assert len(calls) == 2 * 12 * 2 + 2 * 5
    assert set(ARMS) >= {"adam", "kfac"}


def test_the_shipped_analysis_is_that_of_the_shipped_runs():
    folder = Path(calibrate.__file__).parents[1] / "data" / "simulator"
    report, shipped = analyse(read(folder / "training.jsonl")), json.loads((folder / "training.json").read_text())
    assert shipped["keeps_the_benefit"] == report["keeps_the_benefit"]
    for arm, found in report["pooled"].items():
        assert shipped["pooled"][arm] == pytest.approx(found)
