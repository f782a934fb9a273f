"""Taking the top mode out before the array sees the matrix.

K-FAC's input factors have a stable rank near 1: one eigenvalue, the mean activation's, carries most of the trace and
most of kappa. A = A' + (lambda_1 - lambda_2) v v^T moves it down to lambda_2; Sherman and Morrison's identity puts it
back, exactly for any v, so an inexact v costs some kappa and no accuracy.
"""

from __future__ import annotations

from costmodel.formulas.extremes import smaller
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, N_p, eta, k, kappa, n, s_r
from costmodel.quantities.units import flop, one

_SOURCE = "derived: docs/derivations.md, deflation of the top mode"


@formula("thermo.deflation.condition_number", one, _SOURCE, verified_by=Oracle.LIMITS)
def condition_number() -> Expression:
    """Condition number left, the smallest eigenvalue being the damping: kappa - 1 is lambda_max / gamma.

    >>> condition_number().evaluate(kappa=101, eta=10)
    11.0
    """
    return 1 + (kappa - 1) / eta


@formula("thermo.deflation.condition_number_bound", one, _SOURCE, verified_by=Oracle.LIMITS)
def condition_number_bound() -> Expression:
    """Bound on the same from the stable rank alone: what is not in the top mode is lambda_1 (s_r - 1) at most.

    A factor of stable rank 1.2 has a second eigenvalue of at most a fifth of the first.

    >>> round(condition_number_bound().evaluate(kappa=101, s_r=1.2), 9)
    21.0
    """
    return 1 + (kappa - 1) * smaller(1, s_r - 1)


@formula("thermo.deflation.find.flops", flop, _SOURCE, verified_by=Oracle.LIMITS)
def find_flops() -> Expression:
    """Finding the mode by orthogonal iteration with two vectors: 4 n^2 an iteration, 6 n^2 to form A'.

    The second vector gives lambda_2, down to which the mode is moved.

    >>> find_flops().evaluate(n=100, N_p=5)
    260000.0
    """
    return (4 * N_p + 6) * n**2


@formula("thermo.deflation.inverse.flops", flop, _SOURCE, verified_by=Oracle.LIMITS)
def inverse_flops() -> Expression:
    """Putting the mode back into an inverse: one product with v and one rank-one update.

    >>> inverse_flops().evaluate(n=100)
    40000.0
    """
    return 4 * n**2


@formula("thermo.deflation.solve.flops", flop, _SOURCE, verified_by=Oracle.LIMITS)
def solve_flops() -> Expression:
    """Putting the mode back into k solutions; the array solves one more system, for v.

    >>> solve_flops().evaluate(n=100, k=10)
    4000.0
    """
    return 4 * n * k
