"""Damping of the factors, and the condition number it leaves."""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, a, g, lambda_, n, s_r, theta
from costmodel.quantities.units import flop, one


@formula(
    "kfac.damping.condition_number",
    one,
    "derived: docs/derivations.md, damped condition number",
    verified_by=Oracle.CONDITION,
)
def condition_number() -> Expression:
    """Condition number of a factor under factored damping with the pi rule, its smallest eigenvalue being negligible.

    The pi rule adds gamma_A = sqrt(lambda) pi to A with pi^2 = (tr A / a) / (tr G / g). With lambda_max(A) = tr A / s_r
    the ratio lambda_max / gamma_A is (a / s_r) sqrt(theta / lambda), theta the product of the two mean eigenvalues.
    It is an upper bound, since a positive smallest eigenvalue only lowers it.

    >>> round(condition_number().evaluate(n=65, s_r=1.21597, theta=1.48275e-3, damping=1e-2), 2)
    21.58
    """
    return 1 + (n / s_r) * sp.sqrt(theta / lambda_)


@formula(
    "kfac.damping.flops", flop, "arXiv 1503.05671, section 6.3: two traces, two diagonals", verified_by=Oracle.COUNTED
)
def flops() -> Expression:
    """Factored damping of both factors: their traces, and pi sqrt(lambda) added to their diagonals.

    The handful of scalar operations for pi itself is left out.

    >>> flops().evaluate(a=3, g=2)
    10.0
    """
    return 2 * (a + g)
