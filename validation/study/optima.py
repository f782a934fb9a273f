"""Where the walks of tuning ended, from the runs on file."""

import math
from collections.abc import Sequence
from typing import Any

from validation.simulator.lines import Line
from validation.study.arms import Hyper
from validation.study.design import TUNING_SEEDS
from validation.study.tune import SEARCHES, Search, cost, grid, walk


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
    return {h: cost(each) for h, each in runs.items() if len(each) == len(TUNING_SEEDS)}
