"""The shipped law of curvature on networks that had no part in it, of other data and other shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from costmodel.curvature.law import CurvatureLaw, Target
from costmodel.inputs.curvature_file import read_curvature
from costmodel.inputs.curvature_law_file import shipped_law
from validation.curvature.law.scoring import Errors, report, score
from validation.curvature.law.table import Table, table
from validation.score.report import Check
from validation.score.scoring import COVERAGE

FRESH: Final = Path(__file__).parents[1] / "data" / "curvature" / "fresh.jsonl"
#: Lambda at which condition numbers are taken.
DAMPING: Final = 1e-3
#: Goals for condition numbers of networks of a measured kind: the median and the 90th percentile of ratios.
MEDIAN_AT_MOST, P90_AT_MOST = 2.0, 5.0
#: What a law may not fall behind: set after the shipped one was seen, a little above what it does
#: (validation/data/curvature/methodology.md). They guard, and show nothing.
NO_WORSE: Final = {"median_ratio": 3.0, "p90_ratio": 12.0}
NO_LESS_INSIDE: Final = 0.82


@dataclass(frozen=True, slots=True)
class CurvatureScore:
    """Condition numbers of the fresh networks.

    Attributes:
        known: Networks of a kind that the law was fitted to.
        other: Networks of other kinds.
    """

    known: Errors
    other: Errors

    def checks(self) -> list[Check]:
        """The goals, where a miss is shown and stands, and what may not get worse."""
        found, other = self.known.summary(), self.other.summary()
        low, high = COVERAGE
        goal = f"a factor {MEDIAN_AT_MOST:g}, p90 {P90_AT_MOST:g}"
        guard = f"a factor {NO_WORSE['median_ratio']:g}, p90 {NO_WORSE['p90_ratio']:g}, {NO_LESS_INSIDE:.0%} inside"
        held = found["inside_90"] >= NO_LESS_INSIDE and all(found[name] <= most for name, most in NO_WORSE.items())
        return [
            Check(
                "curvature",
                f"condition numbers, new networks of measured kinds ({found['factors']})",
                _ratios(found),
                goal,
                found["median_ratio"] <= MEDIAN_AT_MOST and found["p90_ratio"] <= P90_AT_MOST,
                required=False,
            ),
            Check(
                "curvature",
                f"90 % intervals of the same ({found['factors']})",
                _share(found),
                f"{low:.0%} to {high:.0%}",
                low <= found["inside_90"] <= high,
                required=False,
            ),
            Check(
                "curvature",
                f"condition numbers, a new network of another kind ({other['factors']})",
                f"{_ratios(other)}, {_share(other)}",
                f"{low:.0%} inside",
                other["inside_90"] >= low,
                required=False,
            ),
            Check(
                "curvature",
                "no worse than when the limit was set",
                f"{_ratios(found)}, {_share(found)}",
                guard,
                held,
            ),
        ]

    def as_dict(self) -> dict[str, Any]:
        """Part of the JSON contract: condition numbers of all fresh networks, by role and by network."""
        return {"damping": DAMPING, **report({"condition_number": self.known.joined([self.other])})}


def fresh_score() -> CurvatureScore | None:
    """The shipped law on the fresh networks; None where their data are not installed."""
    return score_of(shipped_law(), table(read_curvature(FRESH))) if FRESH.exists() else None


def score_of(law: CurvatureLaw, data: Table) -> CurvatureScore:
    """Any law on any networks, those of a kind it knows apart."""
    kinds = law.targets[Target.MEAN_CURVATURE].networks
    known = [place.network in kinds for place in data.places]
    parts = (known, [not each for each in known])
    return CurvatureScore(*(score(law, data.of(part), DAMPING)["condition_number"] for part in parts))


def _ratios(found: Mapping[str, float]) -> str:
    return f"a factor {found['median_ratio']:.2f}, p90 {found['p90_ratio']:.1f}"


def _share(found: Mapping[str, float]) -> str:
    return f"{found['inside_90']:.0%} inside"
