"""How well fitted laws predict trials that the fit has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from validation.simulator.fitting import LawFit, Points, fit
from validation.simulator.lines import Line
from validation.simulator.trials import EXACT

# What a calibration must reach over all held-out trials, form with the spectrum.
MEDIAN_AT_MOST = 0.05
COVERAGE_WITHIN = (0.85, 0.97)
FORMS = ("spectral", "worst")


@dataclass(frozen=True, slots=True)
class Score:
    """Held-out errors of one set of predictions."""

    trials: int
    median_error: float
    p90_error: float
    worst_error: float
    coverage: float  # share of trials inside their 90 % interval


def points(records: Sequence[Line], form: str) -> Points:
    """The arrays that a fit needs; `form` is spectral or worst."""
    return Points.of(
        [r["value"] for r in records],
        [r[form] for r in records],
        [r["n"] for r in records],
        [r["log_se"] for r in records],
        min((int(r["repeats"]) for r in records), default=2),
    )


def score(fitted: LawFit, records: Sequence[Line], form: str) -> Score:
    """Score one fit on records."""
    data = points(records, form)
    middle, low, high = fitted.predict(data)
    error = np.abs(data.value / middle - 1)
    inside = (data.value >= low) & (data.value <= high)
    return Score(
        len(records),
        float(np.median(error)),
        float(np.quantile(error, 0.9)),
        float(error.max()),
        float(inside.mean()),
    )


def fit_all(records: Sequence[Line]) -> dict[tuple[str, str, str], LawFit]:
    """A fit for every (law, regime, form), on the trials that are not held out and have something to fit."""
    seen = [r for r in records if not r["held_out"] and r["law"] not in EXACT]
    groups = sorted({(r["law"], r["regime"]) for r in seen})
    return {
        (law, regime, form): fit(points([r for r in seen if (r["law"], r["regime"]) == (law, regime)], form))
        for law, regime in groups
        for form in FORMS
    }


def score_all(fits: dict[tuple[str, str, str], LawFit], records: Sequence[Line]) -> dict[str, Any]:
    """Scores of every law and of each way of being held out, and the verdict on the spectral form."""
    held = [r for r in records if r["held_out"]]
    each = {}
    pooled: dict[str, list[tuple[float, bool]]] = {}
    for (law, regime, form), fitted in fits.items():
        mine = [r for r in held if (r["law"], r["regime"]) == (law, regime)]
        if not mine:
            continue
        each[f"{law}/{regime}/{form}"] = score(fitted, mine, form)
        if form == "spectral":
            data = points(mine, form)
            middle, low, high = fitted.predict(data)
            for r, m, lo, hi in zip(mine, middle, low, high, strict=True):
                label = "all" if len(r["held_out"]) == 3 else r["held_out"][0]
                entry = (abs(r["value"] / m - 1), lo <= r["value"] <= hi)
                for group in (f"new {label}", "total"):
                    pooled.setdefault(group, []).append(entry)
    groups = {
        name: {
            "trials": len(entries),
            "median_error": float(np.median([e for e, _ in entries])),
            "coverage": float(np.mean([inside for _, inside in entries])),
        }
        for name, entries in sorted(pooled.items())
    }
    total = groups.get("total", {"median_error": float("inf"), "coverage": 0.0})
    worst_median = max((s.median_error for key, s in each.items() if key.endswith("/spectral")), default=float("inf"))
    least, most = COVERAGE_WITHIN
    passed = total["median_error"] <= MEDIAN_AT_MOST and least <= total["coverage"] <= most
    return {"laws": each, "held_out": groups, "largest_median_error": worst_median, "passed": passed}
