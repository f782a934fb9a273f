"""From runs to a verdict: steps to target of every arm against digital K-FAC, with intervals.

    python -m validation.study.analyse DIRECTORY/training.jsonl --out DIRECTORY/training.json

Ratios are paired by seed. A run that did not reach the target counts with the limit, so that a ratio with such runs
is a lower bound and is marked.
"""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t

from costmodel.inputs.files import write_text
from validation.simulator.lines import Line, read
from validation.study.arms import ARMS, Hyper
from validation.study.directions import direction_errors
from validation.study.run import SEEDS, TARGETS
from validation.study.train import TASKS

# An arm keeps the benefit when its steps are, with 95 % confidence, at most this factor of digital K-FAC's, and when
# every run arrived.
TOLERATED = 1.2


@dataclass(frozen=True, slots=True)
class Ratio:
    """Geometric mean of paired ratios with its 90 % interval."""

    ratio: float
    low: float
    high: float
    pairs: int
    censored: int


def ratio(pairs: Sequence[tuple[Line, Line]]) -> Ratio:
    """Steps of the first over the second of each pair; Student's interval on the logarithm."""
    logs = [math.log((a["steps"] or a["limit"]) / (b["steps"] or b["limit"])) for a, b in pairs]
    mean, count = float(np.mean(logs)), len(logs)
    half = float(t.isf(0.05, count - 1)) * float(np.std(logs, ddof=1)) / math.sqrt(count) if count > 1 else math.inf
    missing = sum(1 for a, _ in pairs if a["steps"] is None)
    return Ratio(math.exp(mean), math.exp(mean - half), math.exp(mean + half), count, missing)


def analyse(records: Sequence[Line]) -> dict[str, Any]:
    """Tables by task, pooled ratios, and which arms keep the benefit."""
    runs = {(r["task"], r["arm"], r["seed"]): r for r in records if r["seed"] in SEEDS}
    tasks = sorted({task for task, _, _ in runs})
    table: dict[str, dict[str, Any]] = {}
    pooled: dict[str, list[tuple[Line, Line]]] = {}
    for task in tasks:
        base = {seed: runs[task, "kfac", seed] for seed in SEEDS if (task, "kfac", seed) in runs}
        table[task] = {}
        for arm in ARMS:
            pairs = [(runs[task, arm, s], base[s]) for s in base if (task, arm, s) in runs]
            if len(pairs) < 2:
                continue
            pooled.setdefault(arm, []).extend(pairs)
            table[task][arm] = {
                "steps": [a["steps"] for a, _ in pairs],
                "retries": sum(a.get("retries", 0) for a, _ in pairs),
                "versus_kfac": asdict(ratio(pairs)),
            }
    together = {arm: ratio(pairs) for arm, pairs in pooled.items()}
    # Only arms that ran on every task are judged: one task says nothing about the others.
    judged = [arm for arm in together if all(arm in table[task] for task in tasks)]
    keeps = [arm for arm in judged if together[arm].high <= TOLERATED and together[arm].censored == 0]
    return {
        "schema": 1,
        "targets": {task: TARGETS[task] for task in tasks},
        "tasks": table,
        "pooled": {arm: asdict(r) for arm, r in together.items()},
        "tolerated": TOLERATED,
        "judged": judged,
        "keeps_the_benefit": keeps,
    }


def hypers(records: Sequence[Line]) -> dict[str, Hyper]:
    """Tuned K-FAC settings by task, from the runs."""
    return {r["task"]: Hyper(**r["hyper"]) for r in records if r["arm"] == "kfac" and r["seed"] in SEEDS}


def main(argv: Sequence[str] | None = None) -> None:
    """Write the analysis and print it as a table."""
    parser = argparse.ArgumentParser(description="Steps to target, with intervals.")
    parser.add_argument("trials", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    records = read(args.trials)
    report = analyse(records)
    arms = [arm for arm in ARMS if arm not in ("adam", "kfac")]
    tuned = hypers(records)
    report["tuned"] = {task: asdict(hyper) for task, hyper in tuned.items()}
    report["directions"] = {task: direction_errors(TASKS[task](), hyper, arms) for task, hyper in tuned.items()}
    write_text(args.out, json.dumps(report, indent=2) + "\n")
    print(markdown(report))


def markdown(report: dict[str, Any]) -> str:
    """One row an arm: ratio of steps in each task and over all, error of the direction."""
    tasks = list(report["tasks"])
    lines = ["| arm | " + " | ".join(f"{task}: steps / K-FAC's, direction error" for task in tasks) + " | all tasks |"]
    lines.append("|---" * (len(tasks) + 2) + "|")
    for arm, all_tasks in report["pooled"].items():
        cells = []
        for task in tasks:
            entry = report["tasks"][task].get(arm)
            if entry is None:
                cells.append("")
                continue
            error = report["directions"][task].get(arm, {}).get("direction")
            cells.append(_cell(entry["versus_kfac"]) + ("" if error is None else f", {error:.1%}"))
        lines.append(f"| {arm} | " + " | ".join(cells) + f" | {_cell(all_tasks)} |")
    return "\n".join(lines)


def _cell(r: dict[str, Any]) -> str:
    mark = f" (>=, {r['censored']} of {r['pairs']} did not arrive)" if r["censored"] else ""
    return f"{r['ratio']:.2f} [{r['low']:.2f}, {r['high']:.2f}]{mark}"


if __name__ == "__main__":
    main()
