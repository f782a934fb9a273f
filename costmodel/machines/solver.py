"""How long a run on an array takes over what its formula says: what the laws of a projection are multiplied by.

A formula knows n, kappa and moments of a spectrum, and for which error of a preconditioned gradient a run is. Settling
and averages of solutions are bounded by theirs, sampling is predicted by its own. What the reference simulator finds
differs by a factor, and the factor from one family of spectra to the next. ``calibrate --simulator`` fits it and how
families scatter about it; ``catalog/solver.yaml`` holds both.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from costmodel.quantities.estimate import Quantity


class SolverLaw(StrEnum):
    """What a run on an array is as long as; each has a factor of its own.

    Settling is held to the error of the slowest mode. Averages take what a gradient makes of a spectrum into account:
    their factors are on top of :mod:`costmodel.formulas.accuracy.sampling`.
    """

    SETTLE_MEAN = "settle_mean"
    SETTLE_COVARIANCE = "settle_covariance"
    AVERAGE_MEAN = "average_mean"
    AVERAGE_COVARIANCE = "average_covariance"
    UNDERDAMPED_SETTLE_MEAN = "underdamped_settle_mean"
    UNDERDAMPED_SETTLE_COVARIANCE = "underdamped_settle_covariance"
    UNDERDAMPED_AVERAGE_MEAN = "underdamped_average_mean"
    UNDERDAMPED_AVERAGE_COVARIANCE = "underdamped_average_covariance"


#: Laws that predict a time rather than bound it, so that a factor may exceed 1.
PREDICTIONS: Final = frozenset({SolverLaw.AVERAGE_COVARIANCE, SolverLaw.UNDERDAMPED_AVERAGE_COVARIANCE})


@dataclass(frozen=True, slots=True)
class Span:
    """What the trials of a fit cover.

    Attributes:
        low: The smallest value.
        high: The largest value.
    """

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        """Whether trials lie on both sides of a value."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class LawFactor:
    """Time over that of a law, for any size and condition number.

    Its range is for one network, whose spectra are of a family that no trial had; all factors of a network share the
    draw, which widens a sum over layers more than independent draws would.

    Attributes:
        factor: At most 1 where the law is an upper bound.
        kappa: Condition numbers of the trials.
        size: Sizes of the trials.
    """

    factor: Quantity
    kappa: Span
    size: Span

    def covers(self, size: float, kappa: float) -> bool:
        """Whether the trials had sizes and condition numbers on both sides of these."""
        return size in self.size and kappa in self.kappa
