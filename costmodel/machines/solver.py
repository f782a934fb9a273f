"""How long a run on an array takes over what its formula says: what the laws of a projection are multiplied by.

A formula knows n, kappa and moments of a spectrum, and for which error of a preconditioned gradient a run is. Settling
and averages of solutions are bounded by theirs, sampling is predicted by its own. What the reference simulator finds
differs by a factor, and the factor from one family of spectra to the next. ``calibrate --simulator`` fits it and how
families scatter about it; ``catalog/solver.yaml`` holds both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from costmodel.quantities.estimate import Draws, Quantity


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
    """Time over that of a law: factor (n / center)^-size_decay, n the rows of a block.

    The ranges are for one network, whose spectra are of a family that no trial had; all factors of a network share the
    draw, which widens a sum over layers more than independent draws would.

    Attributes:
        factor: At the center.
        kappa: Condition numbers of the trials.
        size: Sizes of the trials.
        size_decay: How fast it falls as n grows; None where it does not.
        center: Size at which the factor is stated; it may lie outside the trials.
        bounded: Whether it is at most 1, the law being an upper bound.
    """

    factor: Quantity
    kappa: Span
    size: Span
    size_decay: Quantity | None = None
    center: float = 1.0
    bounded: bool = True

    def quantities(self) -> dict[str, Quantity]:
        """What is drawn, by name."""
        decay = {} if self.size_decay is None else {"size_decay": self.size_decay}
        return {"factor": self.factor} | decay

    def at(self, drawn: Mapping[str, Draws], size: Draws) -> Draws:
        """The factor for blocks of a size.

        Args:
            drawn: Values of :meth:`quantities`, by name, shape (draws,).
            size: Rows of a block; broadcasts against the draws.
        """
        found = drawn["factor"] * np.ones_like(size)
        if "size_decay" in drawn:
            found = found * (size / self.center) ** -drawn["size_decay"]
        return np.minimum(found, 1.0) if self.bounded else found

    def covers(self, size: float, kappa: float) -> bool:
        """Whether the trials had sizes and condition numbers on both sides of these."""
        return size in self.size and kappa in self.kappa
