"""From runs to tolerances: the registered analysis.

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
from validation.study.arms import ALL_ARMS, Hyper
from validation.study.design import BASE, FAMILIES, FEWEST_SEEDS, LIMITS, PRACTICE, SEEDS, TARGETS, TUNING_SEEDS
from validation.study.statistics import cost, difference, equivalence, holm, in_order, interval, log_ratios, ratio
from validation.study.tolerances import Arm, tolerance
from validation.study.tune import SEARCHES, Search, grid, walk
from validation.study.tune import cost as price_of
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
    """What the tolerance needs of an arm."""
    entries = {task: report["tasks"][task][arm] for task in small if arm in report["tasks"][task]}
    every = len(entries) == len(small) and all("equivalence" in e for e in entries.values())
    return Arm(
        {task: e["direction_error"] for task, e in entries.items()},
        max(e["equivalence"] for e in entries.values()) if every else None,
        {task: e["cost"] for task, e in entries.items() if "cost" in e},
        report["over_tasks"][arm]["all"]["ratio"],
    )


def analyse(own: Sequence[Line], wide: Sequence[Line]) -> dict[str, Any]:
    """Everything that is reported."""
    mine = [r for r in own if r["seed"] in SEEDS[r["task"]]]
    found = table([*mine, *wide])
    small = [task for task in TARGETS if task in found]
    report: dict[str, Any] = {
        "schema": 2,
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
    arms = {a: judged(report, small, a) for levels in FAMILIES.values() for a in levels if a in report["over_tasks"]}
    report["claims"] = claims(arms)
    report["tolerances"] = {
        family: asdict(tolerance(family, arms, *(report["claims"][family][k] for k in ("no_loss", "cost"))))
        for family, levels in FAMILIES.items()
        if all(level in arms for level in levels)
    }
    report["practice"] = practice(report, small)
    report["tuned"] = {task: tuned([r for r in own if r["task"] == task]) for task in small}
    return report


def claims(arms: Mapping[str, Arm]) -> dict[str, dict[str, Any]]:
    """By family: p-values in their order, and how many levels each way were shown."""

    def of(arm: str, kind: str) -> float:
        p = getattr(arms[arm], kind) if arm in arms else None
        return 1.0 if p is None else float(p)

    up = {family: [of(a, "equivalence") for a in levels] for family, levels in FAMILIES.items()}
    down = {family: [of(a, "cost") for a in reversed(levels)] for family, levels in FAMILIES.items()}
    no_loss, costs = in_order(up), in_order(down)
    return {
        family: {
            "no_loss": no_loss[family],
            "cost": costs[family],
            "p_no_loss": dict(zip(levels, up[family], strict=True)),
            "p_cost": dict(zip(reversed(levels), down[family], strict=True)),
        }
        for family, levels in FAMILIES.items()
    }


def practice(report: Mapping[str, Any], small: Sequence[str]) -> dict[str, float]:
    """Adjusted p-values of the comparisons of digital arms, by "task/arm"."""
    entries = {f"{task}/{arm}": report["tasks"][task].get(arm, {}) for task in small for arm in PRACTICE}
    return holm({name: entry["difference"] for name, entry in entries.items() if "difference" in entry})


def tuned(records: Sequence[Line]) -> dict[str, Any]:
    """Where the walks ended, and what the neighbours cost."""
    report = {}
    for kind, search in SEARCHES.items():
        prices = _prices(records, search)
        try:
            point, ended = walk(search, prices.__getitem__)
        except KeyError:  # the walk has not been finished
            continue
        hyper = search.hyper(point)
        assert hyper is not None
        around = {}
        for i, name in enumerate(search.dimensions):
            near = [search.hyper((*point[:i], point[i] + step, *point[i + 1 :])) for step in (-1, 1)]
            steps = [None if h is None else round(math.exp(prices[h][0]), 1) for h in near]
            values = [grid(point[i] + step) for step in (-1, 1)]
            around[name] = {"at": grid(point[i]), "neighbours": values, "steps": steps}
        report[kind] = {
            "hyper": hyper.values(),
            "interior": ended,
            "steps": round(math.exp(prices[hyper][0]), 1),
            "around": around,
            "points": len(prices),
        }
    return report


def _prices(records: Sequence[Line], search: Search) -> dict[Hyper, tuple[float, float]]:
    """Cost of every point of a walk that is on file with all tuning seeds."""
    runs: dict[Hyper, list[Line]] = {}
    for r in records:
        if r["arm"] == search.arm and r["seed"] in TUNING_SEEDS:
            runs.setdefault(Hyper(**r["hyper"]), []).append(r)
    return {h: price_of(each) for h, each in runs.items() if len(each) == len(TUNING_SEEDS)}


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
