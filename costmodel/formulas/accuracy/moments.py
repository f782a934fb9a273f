"""What the error of a preconditioned gradient has to know of a factor's spectrum: two numbers beside n, kappa and s_r.

A gradient of a layer has the covariance of its factors: its component along mode i of A has the variance alpha_i, the
eigenvalue before damping. So the preconditioned gradient's has alpha_i / lambda_i^2 with lambda_i = alpha_i + gamma.
All sums that occur follow from the effective dimension d_e = sum alpha / lambda and the damping's share q = gamma
sum alpha / lambda^2 / d_e in it. For a power law alpha = i^-s_d that reaches below the damping, q = 1 / s_d.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, d_e, kappa, mu_2, n, q, s_r, s_x
from costmodel.quantities.units import one

SOURCE = "derived: docs/derivations.md, accuracy of the preconditioned gradient"


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of one damped factor's spectrum, by the names of the symbols.

    Attributes:
        condition_number: Largest eigenvalue over the damping.
        stable_rank: Trace over largest eigenvalue, before damping.
        effective_dimension: Sum of alpha / (alpha + gamma).
        damping_share: Mean of gamma / (alpha + gamma), weighted by alpha / (alpha + gamma).
        squared_rank: Sum of (lambda / lambda_max)^2.
    """

    condition_number: float
    stable_rank: float
    effective_dimension: float
    damping_share: float
    squared_rank: float


def moments(eigenvalues: Sequence[float], damping: float) -> Moments:
    """Moments of a factor from its eigenvalues before damping.

    Args:
        eigenvalues: Of the factor, none negative, one at least positive.
        damping: What is added to each of them.

    Raises:
        ValueError: A negative eigenvalue, only zeros, or damping that is not positive.

    >>> moments([3.0, 1.0, 0.0], damping=1.0)  # d_e = 3/4 + 1/2, q d_e = 3/16 + 1/4
    Moments(condition_number=4.0, stable_rank=1.3333333333333333, effective_dimension=1.25, damping_share=0.35, \
squared_rank=1.3125)
    """
    alpha = np.asarray(eigenvalues, dtype=float)
    if alpha.ndim != 1 or not (alpha >= 0).all() or not alpha.any() or not damping > 0:
        raise ValueError("moments need eigenvalues of at least zero, one of them positive, and a positive damping")
    damped = alpha + damping
    effective = float((alpha / damped).sum())
    return Moments(
        condition_number=float(damped.max() / damping),
        stable_rank=float(alpha.sum() / alpha.max()),
        effective_dimension=effective,
        damping_share=float((alpha * damping / damped**2).sum()) / effective,
        squared_rank=float(((damped / damped.max()) ** 2).sum()),
    )


@formula("accuracy.moments.inverse_square", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def inverse_square() -> Expression:
    """Mean over modes of (lambda_max / lambda)^2: gamma^2 / lambda^2 = 1 - alpha / lambda - alpha gamma / lambda^2.

    >>> inverse_square().evaluate(kappa=4, n=3, d_e=1.25, q=0.35)  # (1 + 4 + 16) / 3
    7.0
    """
    return kappa**2 * (1 - d_e * (1 + q) / n)


@formula("accuracy.moments.solution_gain", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def solution_gain() -> Expression:
    """Squared norm of a preconditioned gradient over the gradient's, with lambda_max = 1: between 1 and kappa^2.

    It is lambda_max^2 sum alpha / lambda^2 over sum alpha.

    >>> round(solution_gain().evaluate(kappa=4, s_r=4 / 3, d_e=1.25, q=0.35), 9)  # 16 (3/16 + 1/4) / 4
    1.75
    """
    return kappa**2 * d_e * q / (s_r * (kappa - 1))


@formula("accuracy.moments.white_gain", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def white_gain() -> Expression:
    """How much larger a white error gets, relative to a gradient, when an inverse is applied: sqrt(mu_2 / s_x).

    White noise has its power in the many modes at the damping, which the inverse enlarges most; a gradient has little
    there. Whatever is rounded or disturbed before an inverse is applied is enlarged by this much.

    >>> white_gain().evaluate(mu_2=7.0, s_x=1.75)
    2.0
    """
    return sp.sqrt(mu_2 / s_x)
