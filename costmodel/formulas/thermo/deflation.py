"""Taking the top mode out before the array sees the matrix.

K-FAC's input factors have a stable rank near 1: one eigenvalue, the mean activation's, carries most of the trace and
most of kappa. A = A' + (lambda_1 - lambda_2) v v^T moves it down to lambda_2; Sherman and Morrison's identity puts it
back, exactly for any v, so an inexact v costs some kappa and no accuracy.
"""

from __future__ import annotations

from costmodel.formulas.extremes import smaller
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import (
    Expression,
    N_p,
    W,
    b_in,
    b_out,
    d_e,
    e_a,
    e_d,
    e_l,
    eta,
    k,
    kappa,
    mu_2,
    n,
    q,
    s_2,
    s_r,
)
from costmodel.quantities.units import byte, flop, joule, one, second

_SOURCE = "derived: docs/derivations.md, deflation of the top mode"
#: Iterations that the arms take a refresh, from the two vectors of the last: from random ones they leave up to 1.1
#: times the second eigenvalue on trained factors (95th percentile), twice as many 1.05 times.
ITERATIONS = 6
#: Launches of an iteration (a product, a Gram matrix of two vectors, its root, the basis), then of the product, Ritz
#: values, direction and update that follow; and of w = X v, its gain and the update, of an inverse or of solutions.
FIND_LAUNCHES = 4 * ITERATIONS + 5  # with a Gram matrix of its own
RESTORE_LAUNCHES = 3


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


@formula("thermo.deflation.stable_rank", one, _SOURCE, verified_by=Oracle.LIMITS)
def stable_rank() -> Expression:
    """Stable rank left: the trace without lambda_1 - lambda_2, over lambda_2.

    >>> stable_rank().evaluate(s_r=1.5, eta=10)
    6.0
    """
    return 1 + (s_r - 1) * eta


@formula("thermo.deflation.squared_rank", one, _SOURCE, verified_by=Oracle.LIMITS)
def squared_rank() -> Expression:
    """Sum of (lambda / lambda_max)^2 left, after damping.

    >>> round(squared_rank().evaluate(s_2=1.01, kappa=101, eta=10), 6)
    1.843058
    """
    return 1 + (s_2 - 1) * (kappa / condition_number().expression) ** 2


@formula("thermo.deflation.inverse_square", one, _SOURCE, verified_by=Oracle.LIMITS)
def inverse_square() -> Expression:
    """Mean of (lambda_max / lambda)^2 left, after damping.

    >>> round(inverse_square().evaluate(mu_2=9000, n=100, kappa=101, eta=10), 2)
    106.76
    """
    return (mu_2 - 1 / n) * (condition_number().expression / kappa) ** 2 + 1 / n


@formula("thermo.deflation.effective_dimension", one, _SOURCE, verified_by=Oracle.LIMITS)
def effective_dimension() -> Expression:
    """Effective dimension left: the top mode has 1 - 1 / kappa of it, after deflation as much of what is left.

    >>> round(effective_dimension().evaluate(d_e=8, kappa=101, eta=10), 4)
    7.919
    """
    return d_e + 1 / kappa - 1 / condition_number().expression


@formula("thermo.deflation.damping_share", one, _SOURCE, verified_by=Oracle.LIMITS)
def damping_share() -> Expression:
    """Damping's share q in the effective dimension left.

    >>> round(damping_share().evaluate(q=0.6, d_e=8, kappa=101, eta=10), 4)
    0.6153
    """
    left = condition_number().expression
    part = q * d_e - (kappa - 1) / kappa**2 + (left - 1) / left**2
    return part / effective_dimension().expression


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


# --- what the digital side moves: products with a vector or two are bound by memory ---------------------------------


@formula("thermo.deflation.find.bytes", byte, _SOURCE, verified_by=Oracle.TENSORS)
def find_bytes() -> Expression:
    """Memory traffic of finding the mode, float32: the factor read once an iteration and twice after, A' written.

    >>> find_bytes().evaluate(n=100)
    360000.0
    """
    return 4 * (ITERATIONS + 3) * n**2


@formula("thermo.deflation.inverse.bytes", byte, _SOURCE, verified_by=Oracle.TENSORS)
def inverse_bytes() -> Expression:
    """Memory traffic of putting the mode back into an inverse, float32: read for w, read and written by the update.

    >>> inverse_bytes().evaluate(n=100)
    120000.0
    """
    return 12 * n**2


@formula("thermo.deflation.solve.bytes", byte, _SOURCE, verified_by=Oracle.TENSORS)
def solve_bytes() -> Expression:
    """Memory traffic of putting the mode back into k solutions, float32: read once, then read and written.

    >>> solve_bytes().evaluate(n=100, k=10)
    12000.0
    """
    return 12 * n * k


@formula("thermo.deflation.direction.link_time", second, _SOURCE, verified_by=Oracle.PHASES)
def direction_link_time() -> Expression:
    """The mode to the arrays and its solution back; both travel with the next right-hand sides.

    >>> round(direction_link_time().evaluate(n=1000, b_in=16, b_out=16, W=50e9) * 1e9, 3)  # nanoseconds
    640.0
    """
    return n * (b_in + b_out) / W


@formula("thermo.deflation.direction.energy", joule, _SOURCE, verified_by=Oracle.ENERGY)
def direction_energy() -> Expression:
    """Energy of those values over the link and through the converters.

    >>> direction_energy().evaluate(n=1000, b_in=16, b_out=16, e_l=5e-12, e_a=1e-9, e_d=1e-11)
    1.17e-06
    """
    return n * ((b_in + b_out) * e_l + e_a + e_d)
