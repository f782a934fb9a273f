"""What docs/curvature.md says of damping, steps and condition numbers is what the study's tuning measured."""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
DAMPINGS = (1e-3, 1e-2, 1e-1)
#: Of tuning (registered.md).
SEEDS = range(101, 104)


def best(task: str, damping: float) -> tuple[float, float]:
    """Steps of exact K-FAC on the seeds of tuning, the best over rate and clip, and the largest condition number there.

    Geometric means over seeds; a run that does not arrive counts with the limit.
    """
    runs = defaultdict(list)
    for line in (ROOT / "validation/data/study/runs.jsonl").read_text(encoding="utf-8").splitlines():
        run = json.loads(line)
        hyper = run["hyper"]
        own = (run["arm"], run["task"], hyper.get("damping")) == ("kfac", task, damping)
        if not own or run["seed"] not in SEEDS:
            continue
        arrived = run["failure"] is None and run["best"] <= run["target"]
        kappa = max(each["kappa"] for each in run["directions"])
        runs[hyper["lr"], hyper["clip"]].append((run["steps"] if arrived else run["limit"], kappa))
    found = [tuple(np.exp(np.mean(np.log(each), axis=0)).tolist()) for each in runs.values()]
    steps, kappa = min(found)
    return steps, kappa


@pytest.mark.parametrize("task", ["mlp", "gnn", "vit"])
def test_steps_and_condition_numbers_by_damping(task: str) -> None:
    section = (ROOT / "docs/curvature.md").read_text(encoding="utf-8").split("## What damping does to training\n")[1]
    cells = [f"{steps:.0f} | {kappa:.0f}" for steps, kappa in (best(task, damping) for damping in DAMPINGS)]
    assert f"| {task} | {' | '.join(cells)} |" in section.split("\n## ")[0]


def test_kappa_falls_as_it_says_and_steps_rise_little() -> None:
    falls, rises = [], []
    for task in ("mlp", "gnn", "vit"):
        (few, before), (many, after) = best(task, DAMPINGS[0]), best(task, DAMPINGS[-1])
        falls.append(round((before - 1) / (after - 1)))
        rises.append(round(many / few, 1))
    assert falls == [8, 28, 11]
    assert (min(rises), max(rises)) == (1.1, 1.5)
