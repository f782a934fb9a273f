"""Factors on the laws of a projection: how long simulated spectra settle and average, over what formulas say.

log(time / law) = log factor - p log(n / center) + rest. Every family of spectra has a factor and a p of its own. A
projection knows moments of its network's spectra but not their family, so the mean over families is what it takes, and
how families differ, with how one family's trials do, is its uncertainty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from costmodel.machines.solver import PREDICTIONS, LawFactor, SolverLaw, Span
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import one
from validation.simulator.lines import BrokenTrialsError
from validation.simulator.reached import Reached, law_times

Array = NDArray[np.float64]
#: A power of n is fitted where it lowers the error on families left out by this share: what falls as n grows is
#: extrapolated in favour of the machine, so it must earn its place.
EARNED: Final = 0.25
#: Fewer trials of a family, or fewer families, tell too little.
_TRIALS, _FAMILIES = 5, 3
#: A power whose range reaches zero is drawn down to this share of the mean over families.
_LEAST: Final = 0.05


@dataclass(frozen=True, slots=True)
class Family:
    """Trials of one family: design rows (1, log n) and log(time / law)."""

    rows: Array
    log_ratio: Array

    def fitted(self, terms: int) -> tuple[Array, float]:
        """Coefficients of the first terms by least squares, and the sum of squares of what is left."""
        rows = self.rows[:, :terms]
        found = np.asarray(np.linalg.lstsq(rows, self.log_ratio, rcond=None)[0], dtype=float)
        left = self.log_ratio - rows @ found
        return found, float(left @ left)


def fit_factors(trials: Sequence[Reached]) -> dict[SolverLaw, LawFactor]:
    """A factor for every law, on trials that are not held out.

    Raises:
        BrokenTrialsError: A law has trials of too few families.
    """
    seen = [each for each in trials if not each.held_out]
    ratios = np.log([each.time for each in seen]) - np.log(law_times(seen))
    grouped = {law: [i for i, each in enumerate(seen) if each.law is law] for law in SolverLaw}
    return {law: _fit(law, [seen[i] for i in which], ratios[which]) for law, which in grouped.items()}


def _fit(law: SolverLaw, trials: Sequence[Reached], ratios: Array) -> LawFactor:
    families = _families(trials, ratios)
    if len(families) < _FAMILIES:
        raise BrokenTrialsError(
            f"{law}: {len(families)} families with {_TRIALS} trials or more, at least {_FAMILIES} needed"
        )
    terms, error = _earned(families)
    each = [family.fitted(terms) for family in families]
    found, center = _uncorrelated(np.array([coefficients for coefficients, _ in each]))
    mean, between = found.mean(0), found.var(0, ddof=1) * (1 + 1 / len(families))
    freedom = len(families) - 1
    rest = sum(len(family.log_ratio) - terms for family in families)
    half = half_width(((between[0], freedom), (sum(left for _, left in each) / rest, rest)))
    source = (
        f"fitted by `python -m costmodel calibrate --simulator` to {len(trials)} trials of {len(families)} families of "
        f"spectra; a family left out is off by a factor {math.exp(error):.2f} (rms)"
    )
    bounded = law not in PREDICTIONS
    level = Quantity(*_level(mean[0], half, 1.0 if bounded else math.inf), one, Status.INTERPOLATED, source)
    decay = _decay(-found[:, 1], half_width(((between[1], freedom),)), source) if terms > 1 else None
    kappa, size = ([trial.kappa for trial in trials], [trial.n for trial in trials])
    return LawFactor(
        level, Span(min(kappa), max(kappa)), Span(min(size), max(size)), decay, center if decay else 1.0, bounded
    )


def half_width(parts: Sequence[tuple[float, int]]) -> float:
    """Half of the 90 % interval of a sum of independent deviates, from estimates of their variances.

    A trial of a new family deviates by what parts families, with the error of their mean, and by what parts trials of
    one. The tails are Student's, with the degrees of freedom that Welch and Satterthwaite give a sum of variances: few
    where few families decide, many where trials of one family do.

    Args:
        parts: Variances and their degrees of freedom.
    """
    total = sum(variance for variance, _ in parts)
    if total == 0:
        return 0.0
    freedom = total**2 / sum(variance**2 / known for variance, known in parts)
    return float(t.isf(0.05, freedom)) * math.sqrt(total)


def _earned(families: Sequence[Family]) -> tuple[int, float]:
    """How many terms to fit, and the error on families left out: the power only where it lowers that enough."""
    without, within = (left_out_error(families, terms) for terms in (1, 2))
    return (2, within) if within < (1 - EARNED) * without else (1, without)


def _uncorrelated(found: Array) -> tuple[Array, float]:
    """Coefficients of all families, their factors stated at an n where they do not depend on the power.

    Factors of families that fall fast lie lower at any n of the trials. A projection draws factor and power apart, so
    the factor is stated where families do not correlate; three digits of it, and no n below 1.
    """
    if found.shape[1] == 1:
        return found, 1.0
    covariance = np.cov(found[:, 0], found[:, 1])
    center = float(f"{max(1.0, math.exp(-covariance[0, 1] / covariance[1, 1])):.3g}")
    moved = found.copy()
    moved[:, 0] += moved[:, 1] * math.log(center)
    return moved, center


def _families(trials: Sequence[Reached], ratios: Array) -> list[Family]:
    found = []
    for name in sorted({each.family for each in trials}):
        mine = [i for i, each in enumerate(trials) if each.family == name]
        if len(mine) >= _TRIALS:
            rows = [(1.0, math.log(trials[i].n)) for i in mine]
            found.append(Family(np.array(rows), ratios[mine]))
    return found


def left_out_error(families: Sequence[Family], terms: int) -> float:
    """Root mean square of log(time / predicted) of every family, predicted by the mean of the others."""
    found = np.array([family.fitted(terms)[0] for family in families])
    squares = []
    for i, family in enumerate(families):
        others = np.delete(found, i, 0).mean(0)
        squares.append(float(np.mean((family.log_ratio - family.rows[:, :terms] @ others) ** 2)))
    return math.sqrt(float(np.mean(squares)))


def _level(log_value: float, half: float, most: float) -> tuple[float, float, float]:
    """Value, low and high of a factor that cannot exceed ``most``."""
    value = min(most, math.exp(log_value))
    return value, min(value, math.exp(log_value - half)), min(most, math.exp(log_value + half))


def _decay(powers: Array, half: float, source: str) -> Quantity | None:
    """The power of the family that falls least, with a range for a new family's; None where families do not fall.

    K-FAC's n lies beyond the trials', so what a factor falls by there is taken low rather than from the mean of
    families, which reaches into the range only.
    """
    mean = float(powers.mean())
    if mean <= 0:
        return None
    value = max(float(powers.min()), _LEAST * mean)
    return Quantity(value, min(value, max(mean - half, _LEAST * mean)), mean + half, one, Status.INTERPOLATED, source)
