"""Fit of a law's constant and exponent by maximum likelihood, with covariance, and predictions with intervals.

log value = log C + a log law + scatter, where the scatter has the variance of the trial's own standard error plus
that of the law, s^2. The form that knows the spectrum should find C = 1 and a = 1; the form that knows n and kappa
only is an upper bound and its C and s say how loose it is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import norm, t

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Points:
    """Trials as arrays."""

    value: Array
    law: Array
    log_se: Array
    repeats: int

    @classmethod
    def of(cls, value: Sequence[float], law: Sequence[float], log_se: Sequence[float], repeats: int) -> "Points":
        """From plain numbers."""
        return cls(np.asarray(value, float), np.asarray(law, float), np.asarray(log_se, float), repeats)


@dataclass(frozen=True, slots=True)
class Fit:
    """value = constant * law^exponent, within a factor exp(scatter)."""

    log_constant: float
    exponent: float
    covariance: tuple[tuple[float, float], tuple[float, float]]  # of (log_constant, exponent)
    scatter: float  # s, of the logarithm, beyond the trials' own errors
    center: float  # mean log law of the fitted trials, about which log_constant is taken
    trials: int

    def predict(self, points: Points, level: float = 0.9) -> tuple[Array, Array, Array]:
        """Medians and interval ends for trials that know their own standard error."""
        x = np.log(points.law) - self.center
        middle = self.log_constant + self.exponent * x
        (v00, v01), (_, v11) = self.covariance
        parameters = v00 + 2 * x * v01 + x**2 * v11
        z = float(norm.isf((1 - level) / 2))
        # A standard error estimated from few repetitions has Student's tails.
        student = float(t.isf((1 - level) / 2, points.repeats - 1)) / z
        half = z * np.sqrt(self.scatter**2 + parameters + (points.log_se * student) ** 2)
        return np.exp(middle), np.exp(middle - half), np.exp(middle + half)


def fit(points: Points) -> Fit:
    """Maximum likelihood over (log C, a, s); s by a bounded search, the rest by weighted least squares.

    Raises:
        ValueError: fewer than three trials, or one without a positive value.
    """
    if len(points.value) < 3 or (points.value <= 0).any() or (points.law <= 0).any():
        raise ValueError(f"need at least 3 trials with positive values, got {len(points.value)}")
    center = float(np.log(points.law).mean())
    x, y = np.log(points.law) - center, np.log(points.value)
    design = np.stack([np.ones_like(x), x], 1)

    def solve(scatter: float) -> tuple[Array, Array, float]:
        variance = points.log_se**2 + scatter**2
        normal = design.T @ (design / variance[:, None])
        beta = np.linalg.solve(normal, design.T @ (y / variance))
        left = y - design @ beta
        # Restricted likelihood: the two fitted parameters do not count as scatter.
        cost = float((left**2 / variance + np.log(variance)).sum() + np.linalg.slogdet(normal)[1])
        return np.asarray(beta, np.float64), np.asarray(np.linalg.inv(normal), np.float64), cost

    bounds = (math.log(1e-5), math.log(3.0))
    best = minimize_scalar(lambda log_s: solve(math.exp(log_s))[2], bounds=bounds, method="bounded")
    scatter = math.exp(float(best.x))
    beta, covariance, _ = solve(scatter)
    rows = tuple((float(row[0]), float(row[1])) for row in covariance)
    return Fit(float(beta[0]), float(beta[1]), (rows[0], rows[1]), scatter, center, len(x))
