"""Fit of a law's constants by maximum likelihood, with covariance, and predictions with intervals.

log value = log C + a log law + c / n + scatter, where the scatter has the variance of the trial's own standard
error plus that of the law, s^2. The form that knows the spectrum should find C = 1 and a = 1, and c says how it is
off in small matrices, where the laws neglect 1 / n; the form that knows n and kappa only is an upper bound and its
C and s say how loose it is.
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
    n: Array
    log_se: Array
    repeats: int

    @classmethod
    def of(
        cls, value: Sequence[float], law: Sequence[float], n: Sequence[float], log_se: Sequence[float], repeats: int
    ) -> "Points":
        """From plain numbers."""
        return cls(
            np.asarray(value, float), np.asarray(law, float), np.asarray(n, float), np.asarray(log_se, float), repeats
        )

    def design(self, center: float) -> Array:
        """Rows (1, log law - center, 1 / n)."""
        return np.stack([np.ones_like(self.law), np.log(self.law) - center, 1 / self.n], 1)


@dataclass(frozen=True, slots=True)
class LawFit:
    """value = exp(log_constant + exponent (log law - center) + finite_size / n), within a factor exp(scatter)."""

    log_constant: float
    exponent: float
    finite_size: float
    covariance: tuple[tuple[float, ...], ...]  # of the three above
    scatter: float  # s, of the logarithm, beyond the trials' own errors
    center: float  # mean log law of the fitted trials
    trials: int

    def predict(self, points: Points, level: float = 0.9) -> tuple[Array, Array, Array]:
        """Medians and interval ends for trials that know their own standard error."""
        rows = points.design(self.center)
        middle = rows @ np.array([self.log_constant, self.exponent, self.finite_size])
        parameters = ((rows @ np.array(self.covariance)) * rows).sum(1)
        z = float(norm.isf((1 - level) / 2))
        # A standard error estimated from few repetitions has Student's tails.
        student = float(t.isf((1 - level) / 2, points.repeats - 1)) / z
        half = z * np.sqrt(self.scatter**2 + parameters + (points.log_se * student) ** 2)
        return np.exp(middle), np.exp(middle - half), np.exp(middle + half)


def fit(points: Points) -> LawFit:
    """Maximum likelihood over (log C, a, c, s); s by a bounded search, the rest by weighted least squares.

    Raises:
        ValueError: fewer than five trials, one without a positive value, or all of one size or law.
    """
    if len(points.value) < 5 or (points.value <= 0).any() or (points.law <= 0).any():
        raise ValueError(f"need at least 5 trials with positive values, got {len(points.value)}")
    center = float(np.log(points.law).mean())
    y, design = np.log(points.value), points.design(center)
    if np.linalg.matrix_rank(design) < 3:
        raise ValueError("the trials do not vary in size or law enough to fit three constants")

    def solve(scatter: float) -> tuple[Array, Array, float]:
        variance = points.log_se**2 + scatter**2
        normal = design.T @ (design / variance[:, None])
        beta = np.linalg.solve(normal, design.T @ (y / variance))
        left = y - design @ beta
        # Restricted likelihood: the fitted parameters do not count as scatter.
        cost = float((left**2 / variance + np.log(variance)).sum() + np.linalg.slogdet(normal)[1])
        return np.asarray(beta, np.float64), np.asarray(np.linalg.inv(normal), np.float64), cost

    bounds = (math.log(1e-5), math.log(3.0))
    best = minimize_scalar(lambda log_s: solve(math.exp(log_s))[2], bounds=bounds, method="bounded")
    scatter = math.exp(float(best.x))
    beta, covariance, _ = solve(scatter)
    rows = tuple(tuple(float(v) for v in row) for row in covariance)
    return LawFit(float(beta[0]), float(beta[1]), float(beta[2]), rows, scatter, center, len(y))
