"""Columns of an inverse: what settling and noise may leave of each, so that a preconditioned gradient is accurate.

Settling is a filter as in Method 2. Noise of the columns is A^-1 W with W white; the mean of both triangles halves it
where the inverse has its norm. Both inverses are read before a gradient is there, so no noise passes through the other.
"""

from __future__ import annotations

from costmodel.formulas.accuracy import chain, tolerances
from costmodel.formulas.accuracy.moments import SOURCE
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, kappa, mu_2, n, nu, s_x, u_i
from costmodel.quantities.units import one

_RATIO = "accuracy.split.columns.cost_ratio"


@formula("accuracy.columns.noise.tolerance", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def noise_tolerance() -> Expression:
    """What each inverse may be off by noise (Frobenius), so that a gradient has epsilon_n.

    With N = (A^-1 W + W^T A^-1) / 2, the squares of |N V| and |N| are to those of |A^-1 V| and |A^-1| as
    (mu_2 + s_x) / (2 s_x) is to 1.

    >>> round(noise_tolerance().evaluate(epsilon_n=0.1, mu_2=7.0, s_x=1.75), 5)  # sqrt(2 / 5) of 0.07062
    0.04467
    """
    return chain.independent().expression * sp.sqrt(2 * s_x / (mu_2 + s_x))


@formula(_RATIO, one, SOURCE, verified_by=Oracle.SPLIT)
def cost_ratio() -> Expression:
    """c_n / c_t: a column settles in kappa tau for each factor e. Noise is low, so settling gets the budget.

    >>> round(cost_ratio().evaluate(n=999, nu=1e-9, mu_2=900, s_x=100, kappa=50) * 1e9, 3)
    200.0
    """
    return (n + 1) * nu * (1 + mu_2 / s_x) / kappa


@formula(
    "accuracy.columns.settle",
    one,
    SOURCE,
    composed_of=("accuracy.settling.tolerance", "accuracy.split.settling", _RATIO),
)
def settle() -> Expression:
    """For the settling of columns.

    >>> values = {"n": 512, "nu": 4e-12, "mu_2": 90, "s_x": 20, "kappa": 10}
    >>> round(settle().evaluate(T_t=0.75, T_n=0.2, u_i=0, **values), 4)
    0.4999
    """
    return tolerances.settled(cost_ratio(), u_i)


@formula(
    "accuracy.columns.average",
    one,
    SOURCE,
    composed_of=("accuracy.columns.noise.tolerance", "accuracy.split.sampling", _RATIO),
)
def average() -> Expression:
    """For averaging noise out of columns.

    >>> values = {"n": 512, "nu": 4e-12, "mu_2": 90, "s_x": 20, "kappa": 10}
    >>> round(average().evaluate(T_n=0.2, u_i=0, **values), 4)
    0.0013
    """
    return tolerances.sampled(noise_tolerance(), cost_ratio(), u_i)
