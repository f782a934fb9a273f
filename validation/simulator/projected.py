"""How well a projection's laws, factors included, predict the trials that no fit has read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from costmodel.machines.solver import LawFactor, SolverLaw
from costmodel.quantities.estimate import DEVIATE_95
from validation.simulator.reached import Reached, projected_times

#: Share of held-out trials inside their 90 % intervals: of all laws together, and the least of one. One law has sixty
#: trials of ten families of spectra, which move together, so that more than nine in ten of them is no fault.
COVERAGE_WITHIN: Final = (0.85, 0.97)
COVERAGE_AT_LEAST: Final = 0.80
#: Trials from which on a law is judged by itself; fewer, as of a short design, count among all laws' only.
ENOUGH: Final = 30
#: By which factor a time may be off at the median.
OFF_AT_MOST: Final = 1.15


@dataclass(frozen=True, slots=True)
class LawScore:
    """Held-out trials of one law against what a projection draws for them.

    Attributes:
        law: Which.
        trials: How many.
        median_error: Median of |simulated / projected - 1|, projected being the median of its draws.
        off_by: Median factor between the two, whichever is larger.
        inside: For each trial, whether it lies in its 90 % interval.
        longer: Share of trials that take longer than their interval says.
    """

    law: SolverLaw
    trials: int
    median_error: float
    off_by: float
    inside: tuple[bool, ...]
    longer: float

    @property
    def coverage(self) -> float:
        """Share of trials inside their interval."""
        return float(np.mean(self.inside))

    @property
    def passed(self) -> bool:
        """Whether both thresholds of a law are met, or too few trials tell."""
        return self.trials < ENOUGH or (self.off_by <= OFF_AT_MOST and self.coverage >= COVERAGE_AT_LEAST)

    def as_dict(self) -> dict[str, float | int | bool]:
        """For the report."""
        return {
            "trials": self.trials,
            "median_error": self.median_error,
            "off_by": self.off_by,
            "coverage": self.coverage,
            "longer": self.longer,
            "passed": self.passed,
        }


def score_factors(
    trials: Sequence[Reached], factors: Mapping[SolverLaw, LawFactor], *, held_out: bool = True
) -> list[LawScore]:
    """Score every law that has trials, by default those held out."""
    chosen = [each for each in trials if each.held_out or not held_out]
    laws = (law for law in SolverLaw if any(each.law is law for each in chosen))
    return [_score(law, [each for each in chosen if each.law is law], factors) for law in laws]


def _score(law: SolverLaw, trials: Sequence[Reached], factors: Mapping[SolverLaw, LawFactor]) -> LawScore:
    low, middle, high = np.quantile(projected_times(trials, factors), (0.05, 0.5, 0.95), axis=1)
    times = np.array([each.time for each in trials])
    # A trial knows its own time to within its repetitions.
    own = np.exp(DEVIATE_95 * np.array([each.log_se for each in trials]))
    inside = (times >= low / own) & (times <= high * own)
    return LawScore(
        law,
        len(trials),
        float(np.median(np.abs(times / middle - 1))),
        math.exp(float(np.median(np.abs(np.log(times / middle))))),
        tuple(bool(each) for each in inside),
        float(np.mean(times > high * own)),
    )


def pooled_coverage(scores: Sequence[LawScore]) -> float:
    """Share of the trials of all laws inside their intervals."""
    return float(np.mean([each for score in scores for each in score.inside]))


def passed(scores: Sequence[LawScore]) -> bool:
    """Whether every law, and all together, meet their thresholds."""
    low, high = COVERAGE_WITHIN
    return all(score.passed for score in scores) and low <= pooled_coverage(scores) <= high
