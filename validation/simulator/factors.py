"""Factors on the laws of a projection: how long simulated spectra settle and average, over what formulas say.

log(time / law) = log factor - p log(kappa / center) - r log(n / center) + rest. Every family of spectra has a factor, a
p and an r of its own. A projection knows moments of its network's spectra but not their family, so the mean over
families is what it takes, and how families differ is its uncertainty.
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
#: Powers of kappa and n are fitted where they lower the error on families left out by this share: what falls as they
#: grow is extrapolated in favour of the machine, so it must earn its place.
EARNED: Final = 0.1
#: Fewer trials of a family, or fewer families, tell too little.
_TRIALS, _FAMILIES = 5, 3
#: A power whose range reaches zero is drawn down to this share of the mean over families.
_LEAST: Final = 0.05


@dataclass(frozen=True, slots=True)
class Family:
    """Trials of one family: design rows (1, log kappa, log n) and log(time / law)."""

    rows: Array
    log_ratio: Array

    def fitted(self, terms: int) -> tuple[Array, float]:
        """Coefficients of the first terms by least squares, and the variance of what is left."""
        rows = self.rows[:, :terms]
        found = np.asarray(np.linalg.lstsq(rows, self.log_ratio, rcond=None)[0], dtype=float)
        left = self.log_ratio - rows @ found
        return found, float(left @ left) / max(1, len(left) - terms)


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
    found, centers = _uncorrelated(np.array([coefficients for coefficients, _ in each]))
    mean, between = found.mean(0), found.std(0, ddof=1)
    # A trial of a new family: between families and within them, with Student's tails for what few families tell, and
    # the error of their mean.
    between[0] = math.hypot(between[0], math.sqrt(np.mean([rest for _, rest in each])))
    half = float(t.isf(0.05, len(families) - 1)) * math.sqrt(1 + 1 / len(families)) * between
    source = (
        f"fitted by `python -m costmodel calibrate --simulator` to {len(trials)} trials of {len(families)} families of "
        f"spectra; a family left out is off by a factor {math.exp(error):.2f} (rms)"
    )
    bounded = law not in PREDICTIONS
    level = Quantity(*_level(mean[0], half[0], 1.0 if bounded else math.inf), one, Status.INTERPOLATED, source)
    decays = [_decay(-found[:, i], float(half[i]), source) if i < terms else None for i in (1, 2)]
    spans = ([trial.kappa for trial in trials], [trial.n for trial in trials])
    kappa, size = (Span(min(span), center, max(span)) for span, center in zip(spans, centers, strict=True))
    return LawFactor(level, kappa, size, *decays, bounded=bounded)


def _earned(families: Sequence[Family]) -> tuple[int, float]:
    """How many terms to fit, and the error on families left out: a power more only where it lowers that enough."""
    terms, error = 1, left_out_error(families, 1)
    for more in (2, 3):
        lower = left_out_error(families, more)
        if lower < (1 - EARNED) * error:
            terms, error = more, lower
    return terms, error


def _uncorrelated(found: Array) -> tuple[Array, tuple[float, float]]:
    """Coefficients of all families, their factors stated at a kappa and an n where they do not depend on the powers.

    At kappa = 1 all spectra are one, and families part as kappa grows: the factors of families that fall fast lie lower
    at any kappa of the trials. A projection draws factor and powers apart, so they are stated where families do not
    correlate; three digits of it, and no kappa or n below 1.
    """
    centers = [1.0, 1.0]
    moved = found.copy()
    for i in range(1, found.shape[1]):
        covariance = np.cov(moved[:, 0], moved[:, i])
        centers[i - 1] = float(f"{max(1.0, math.exp(-covariance[0, 1] / covariance[1, 1])):.3g}")
        moved[:, 0] += moved[:, i] * math.log(centers[i - 1])
    return moved, (centers[0], centers[1])


def _families(trials: Sequence[Reached], ratios: Array) -> list[Family]:
    found = []
    for name in sorted({each.family for each in trials}):
        mine = [i for i, each in enumerate(trials) if each.family == name]
        if len(mine) >= _TRIALS:
            rows = [(1.0, math.log(trials[i].kappa), math.log(trials[i].n)) for i in mine]
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

    K-FAC's kappa and n lie beyond the trials', so what a factor falls by there is taken low rather than from the mean
    of families, which reaches into the range only.
    """
    mean = float(powers.mean())
    if mean <= 0:
        return None
    value = max(float(powers.min()), _LEAST * mean)
    return Quantity(value, min(value, max(mean - half, _LEAST * mean)), mean + half, one, Status.INTERPOLATED, source)
