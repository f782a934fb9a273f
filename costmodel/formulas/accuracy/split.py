"""The best split of what training tolerates between settling and sampling.

Training bears T_t of settling alone and T_n of sampling alone; of flaws together the squares of their shares add up,
(epsilon_t / T_t)^2 + (epsilon_n / T_n)^2 + u_s^2 <= 1, u_s being what flaws take that no time removes. Time is
c_t ln(1 / epsilon_t) + c_n / epsilon_n^2, c_r the ratio of the two. With u settling's share of what is left, its
derivative vanishes at (1 - u)^2 = 2 r u, r = c_r / T_n^2 over that rest: a quadratic equation.
"""

from __future__ import annotations

from fractions import Fraction

from costmodel.formulas.accuracy import sampling
from costmodel.formulas.accuracy.moments import SOURCE
from costmodel.formulas.extremes import larger
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, T_n, T_t, c_r, h, kappa, mu_2, n, nu, s_x, u_s
from costmodel.quantities.units import one

#: Of the squared budget, what is planned with where systematic errors leave less. Where they take all of it, no time
#: makes up for them; between a half and all, a direction is off by up to sqrt(3 / 2) of what is tolerated.
_LEAST = Fraction(1, 2)
#: Share that sampling gets at least, so that a machine without noise has no division of nothing by nothing.
_LEAST_SHARE = Fraction(1, 10**6)


def left() -> Expression:
    """Of the squared budget, what flaws that no time removes leave."""
    return larger(_LEAST, 1 - u_s**2)


def _ratio() -> Expression:
    return c_r / (T_n**2 * left())


@formula("accuracy.split.share", one, SOURCE, verified_by=Oracle.SPLIT)
def share() -> Expression:
    """Settling's share of the squared budget: near 1 where sampling is cheap, 1 / (2 r) where it is dear.

    >>> round(share().evaluate(c_r=0.01, T_n=0.1, u_s=0), 9)  # r = 1: 2 - sqrt(3)
    0.267949192
    """
    ratio = _ratio()
    return 1 / (1 + ratio + sp.sqrt(ratio * (ratio + 2)))


@formula("accuracy.split.settling", one, SOURCE, verified_by=Oracle.SPLIT)
def settling() -> Expression:
    """Error left to settling: epsilon_t.

    >>> round(settling().evaluate(c_r=0.01, T_n=0.1, T_t=0.75, u_s=0), 4)
    0.3882
    """
    return T_t * sp.sqrt(left() * share().expression)


@formula("accuracy.split.sampling", one, SOURCE, verified_by=Oracle.SPLIT)
def sampled() -> Expression:
    """Error left to sampling and noise: epsilon_n.

    >>> round(sampled().evaluate(c_r=0.01, T_n=0.1, u_s=0), 4)
    0.0856
    """
    other = sp.sqrt(2 * _ratio() * share().expression)  # 1 - u, without the difference of near equals
    return T_n * sp.sqrt(left() * larger(_LEAST_SHARE, other))


@formula("accuracy.split.inverse.cost_ratio", one, SOURCE, verified_by=Oracle.SPLIT)
def inverse_cost_ratio() -> Expression:
    """c_n / c_t of Method 1: covariances settle in kappa tau / 2 for each factor e, and errors of two add in squares.

    It is 4 (n + 1) and more, so that sampling gets nearly all of the budget.

    >>> round(inverse_cost_ratio().evaluate(n=999, d_e=30, q=0.6), 1)
    4348.9
    """
    return 4 * (n + 1) * sampling.time_ratio().expression


@formula("accuracy.split.solve.cost_ratio", one, SOURCE, verified_by=Oracle.SPLIT)
def solve_cost_ratio() -> Expression:
    """c_n / c_t of Method 2: a mean settles in kappa tau for each factor e. Noise is low, so settling gets the budget.

    >>> round(solve_cost_ratio().evaluate(n=1000, nu=1e-9, mu_2=900, s_x=100, h=1, kappa=50) * 1e9, 3)
    720.0
    """
    return 4 * n * nu * mu_2 * h**2 / (s_x * kappa)
