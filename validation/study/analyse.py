"""From runs to tolerances: the registered analyses.

    python -m validation.study.analyse validation/data/study

reads runs.jsonl and wide.jsonl of the folder and writes analysis.json (every number of methodology.md) and
tolerances.json (the errors of the direction that a model may take).
"""

import argparse
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from costmodel.inputs.files import write_text
from validation.simulator.lines import Line, read
from validation.study.arms import ALL_ARMS
from validation.study.claims import Arm, claims, practice, shown
from validation.study.design import BASE, FEWEST_SEEDS, LIMITS, REGISTRATIONS, SEEDS, TARGETS, Registration, by_size
from validation.study.optima import tuned
from validation.study.statistics import cost, difference, equivalence, interval, log_ratios, ratio
from validation.study.tolerances import tolerance
from validation.study.wide import wide_runs

Table = dict[str, dict[str, dict[int, Line]]]  # task, arm, seed


def table(records: Iterable[Line]) -> Table:
    """Runs by task, arm and seed."""
    found: Table = {}
    for r in records:
        found.setdefault(r["task"], {}).setdefault(r["arm"], {})[r["seed"]] = r
    return found


def pairs(arms: Mapping[str, Mapping[int, Line]], arm: str) -> list[tuple[Line, Line]]:
    """Runs of an arm and of exact K-FAC with the same seed."""
    base, own = arms[BASE], arms.get(arm, {})
    return [(own[seed], base[seed]) for seed in sorted(own) if seed in base]


def direction_error(runs: Iterable[Line]) -> float | None:
    """Root mean square over the looks of a run, geometric mean over runs.

    None where nothing was looked at or the direction is exact. Looks at a network that has diverged have no error.
    """
    each = [[e for look in run["directions"] if math.isfinite(e := look.get("error", math.nan))] for run in runs]
    means = [math.sqrt(sum(e * e for e in errors) / len(errors)) for errors in each if any(errors)]
    return math.exp(float(np.mean(np.log(means)))) if means else None


def describe(found: Table, task: str, arm: str) -> dict[str, Any] | None:
    """An arm on a task."""
    both = pairs(found[task], arm)
    if not both:
        return None
    own = [a for a, _ in both]
    entry: dict[str, Any] = {"versus_kfac": asdict(ratio(both)), "direction_error": direction_error(own)}
    cosines = [
        look["cosine"] for run in own for look in run["directions"] if math.isfinite(look.get("cosine", math.nan))
    ]
    entry["cosine"] = float(np.median(cosines)) if cosines else None
    entry["steps"] = float(np.exp(np.mean([math.log(r["steps"] or r["limit"]) for r in own])))
    if task in TARGETS and len(both) >= FEWEST_SEEDS and arm != BASE:
        entry |= {"equivalence": equivalence(both), "cost": cost(both), "difference": difference(both)}
    return entry


def over_tasks(found: Table, arm: str, tasks: Sequence[str]) -> dict[str, Any] | None:
    """Interval over tasks' means; tasks are the unit."""
    each = [both for task in tasks if (both := pairs(found[task], arm))]
    if not each:
        return None
    censored = sum(a["steps"] is None for both in each for a, _ in both)
    return asdict(interval([float(np.mean(log_ratios(both))) for both in each], censored))


def judged(report: Mapping[str, Any], small: Sequence[str], arm: str) -> Arm:
    """What claims and tolerances need of an arm."""
    entries = {task: report["tasks"][task][arm] for task in small if arm in report["tasks"][task]}
    every = len(entries) == len(small) and all("equivalence" in e for e in entries.values())
    return Arm(
        {task: e["direction_error"] for task, e in entries.items() if e["direction_error"] is not None},
        max(e["equivalence"] for e in entries.values()) if every else None,
        {task: e["cost"] for task, e in entries.items() if "cost" in e},
        report["over_tasks"][arm]["all"]["ratio"],
    )


def analyse(
    own: Sequence[Line], wide: Sequence[Line], registrations: Sequence[Registration] = REGISTRATIONS
) -> dict[str, Any]:
    """Everything that is reported."""
    mine = [r for r in own if r["seed"] in SEEDS[r["task"]]]
    found = table([*mine, *wide])
    small = [task for task in TARGETS if task in found]
    report: dict[str, Any] = {
        "schema": 3,
        "targets": TARGETS,
        "limits": LIMITS,
        "runs": {task: {arm: len(runs) for arm, runs in found[task].items()} for task in found},
        "tasks": {task: {a: e for a in ALL_ARMS if (e := describe(found, task, a))} for task in found},
        "over_tasks": {},
    }
    for arm in ALL_ARMS:
        means = {"small": over_tasks(found, arm, small), "all": over_tasks(found, arm, list(found))}
        if means["all"] is not None:
            report["over_tasks"][arm] = means
    flawed = [arm for registration in registrations for arm in registration.flawed]
    arms = {arm: judged(report, small, arm) for arm in flawed if any(arm in report["tasks"][task] for task in small)}
    report["registrations"] = {
        each.name: {"alpha": each.alpha, "claims": claims(each, arms), "practice": practice(each, report, small)}
        for each in registrations
    }
    report["tolerances"] = _tolerances(report, registrations, arms)
    report["tuned"] = {task: tuned([r for r in own if r["task"] == task]) for task in small}
    return report


def _tolerances(
    report: Mapping[str, Any], registrations: Sequence[Registration], arms: Mapping[str, Arm]
) -> dict[str, Any]:
    """Tolerance of every flaw over the levels that were run; a claim counts where its own registration shows it."""
    each = [found["claims"] for found in report["registrations"].values()]
    harmless = {arm for found in each for arm in shown(found, "no_loss")}
    harmful = {arm for found in each for arm in shown(found, "cost")}
    run = {
        flaw: [level for level in levels if level in arms and arms[level].errors]
        for flaw, levels in by_size(registrations).items()
    }
    return {flaw: asdict(tolerance(levels, arms, harmless, harmful)) for flaw, levels in run.items() if levels}


def published(report: Mapping[str, Any]) -> dict[str, Any]:
    """The file that a model takes: tolerances to two digits."""
    flaws = {
        family: {k: float(f"{v:.2g}") if isinstance(v, float) else v for k, v in found.items()}
        for family, found in report["tolerances"].items()
    }
    return {"schema": 1, "unit": "relative error of the preconditioned gradient", "flaws": flaws}


def main(argv: Sequence[str] | None = None) -> None:
    """Write the analysis and the tolerances."""
    parser = argparse.ArgumentParser(description="Steps to target, with intervals, tests and tolerances.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(argv).folder
    report = analyse(read(folder / "runs.jsonl"), wide_runs(folder / "wide.jsonl"))
    write_text(folder / "analysis.json", json.dumps(report, indent=1) + "\n")
    write_text(folder / "tolerances.json", json.dumps(published(report), indent=2) + "\n")


if __name__ == "__main__":
    main()
