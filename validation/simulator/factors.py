"""Factors on the laws of a projection: how long simulated spectra settle and average, over what formulas say.

log(time / law) = log factor + rest. Every family of spectra has a factor of its own. A projection knows moments of its
network's spectra but not their family, so the mean over families is what it takes, and how families differ, with how
one family's trials do, is its uncertainty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from costmodel.machines.solver import PREDICTIONS, LawFactor, SolverLaw, Span
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import one
from validation.simulator.lines import BrokenTrialsError
from validation.simulator.reached import Reached, law_times

Array = NDArray[np.float64]
#: Fewer trials of a family, or fewer families, tell too little.
_TRIALS, _FAMILIES = 5, 3


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
    means = np.array([family.mean() for family in families])
    rest = sum(len(family) - 1 for family in families)
    within = sum(float(((family - family.mean()) ** 2).sum()) for family in families) / rest
    between = float(means.var(ddof=1)) * (1 + 1 / len(families))
    half = half_width(((between, len(families) - 1), (within, rest)))
    source = (
        f"fitted by `python -m costmodel calibrate --simulator` to {len(trials)} trials of {len(families)} families of "
        f"spectra; a family left out is off by a factor {math.exp(left_out_error(families)):.2f} (rms)"
    )
    most = math.inf if law in PREDICTIONS else 1.0
    value = Quantity(*_level(float(means.mean()), half, most), one, Status.INTERPOLATED, source)
    kappas, sizes = [trial.kappa for trial in trials], [trial.n for trial in trials]
    return LawFactor(value, Span(min(kappas), max(kappas)), Span(min(sizes), max(sizes)))


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


def _families(trials: Sequence[Reached], ratios: Array) -> list[Array]:
    """Logarithms of time over law, by family."""
    found = []
    for name in sorted({each.family for each in trials}):
        mine = [i for i, each in enumerate(trials) if each.family == name]
        if len(mine) >= _TRIALS:
            found.append(ratios[mine])
    return found


def left_out_error(families: Sequence[Array]) -> float:
    """Root mean square of log(time / predicted) of every family, predicted by the mean of the others."""
    means = np.array([family.mean() for family in families])
    squares = [np.mean((family - np.delete(means, i).mean()) ** 2) for i, family in enumerate(families)]
    return math.sqrt(float(np.mean(squares)))


def _level(log_value: float, half: float, most: float) -> tuple[float, float, float]:
    """Value, low and high of a factor that cannot exceed ``most``."""
    value = min(most, math.exp(log_value))
    return value, min(value, math.exp(log_value - half)), min(most, math.exp(log_value + half))
