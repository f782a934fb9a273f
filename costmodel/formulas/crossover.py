"""Where one side overtakes the other, and what even a perfect solver could gain, in closed form.

The digital side of these comparisons is an inverse of c_3 n^3 FLOPs at F_d FLOPs a second, which flatters it at small
n: launches and the part that grows as n^2 are left to the projection.
"""

from __future__ import annotations

from costmodel.formulas.extremes import smaller
from costmodel.formulas.formula import Formula
from costmodel.formulas.registry import formula, get
from costmodel.formulas.thermo import inverse, solve, underdamped
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import (
    Expression,
    F_d,
    M,
    P,
    W,
    b_in,
    b_out,
    c_3,
    ell,
    epsilon,
    i_f,
    i_r,
    kappa,
    n,
    nu,
    phi,
    tau,
)
from costmodel.quantities.units import one

_SOURCE = "derived: docs/derivations.md, crossovers"


@formula("crossover.upload.dimension", one, _SOURCE, verified_by=Oracle.ROOTS)
def upload_dimension() -> Expression:
    """Size above which uploading a factor is quicker than inverting it digitally: n^2 b / W against c_3 n^3 / F_d.

    >>> round(upload_dimension().evaluate(b_in=16, W=50e9, F_d=8e12, c_3=1))
    2560
    """
    return b_in * F_d / (W * c_3)


@formula("crossover.round_trip.dimension", one, _SOURCE, verified_by=Oracle.ROOTS)
def round_trip_dimension() -> Expression:
    """The same for Method 1, whose inverse also comes back over the link.

    >>> round(round_trip_dimension().evaluate(b_in=16, b_out=16, W=50e9, F_d=8e12, c_3=1))
    5120
    """
    return (b_in + b_out) * F_d / (W * c_3)


@formula("crossover.inverse.condition_number", one, _SOURCE, verified_by=Oracle.ROOTS)
def inverse_condition_number() -> Expression:
    """Condition number below which Method 1's run on one array is quicker than a digital inverse.

    >>> round(inverse_condition_number().evaluate(n=1024, epsilon=0.1, tau=1e-9, F_d=8e12, c_3=1), 2)
    1.31
    """
    return c_3 * n**3 / (F_d * tau * (sp.log(1 / epsilon) / 2 + (n + 1) / epsilon**2))


@formula("crossover.settle.condition_number", one, _SOURCE, verified_by=Oracle.ROOTS)
def settle_condition_number() -> Expression:
    """Condition number below which settling n right-hand sides on P arrays is quicker than a digital inverse, no noise.

    >>> round(settle_condition_number().evaluate(n=1024, P=1, epsilon=0.1, tau=1e-9, F_d=8e12, c_3=1), 2)
    56.92
    """
    return c_3 * n**2 * smaller(P, n) / (F_d * tau * sp.log(1 / epsilon))


@formula("crossover.solve.condition_number", one, _SOURCE, verified_by=Oracle.ROOTS)
def solve_condition_number() -> Expression:
    """The same with the averaging that noise needs: the positive root of n tau (kappa L + 2 n nu kappa^2 / epsilon^2).

    >>> values = {"n": 1024, "P": 1, "epsilon": 0.1, "tau": 1e-9, "F_d": 8e12, "c_3": 1}
    >>> round(solve_condition_number().evaluate(nu=0, **values), 2)
    56.92
    >>> round(solve_condition_number().evaluate(nu=1e-6, **values), 2)
    20.29
    """
    budget = c_3 * n**2 * smaller(P, n) / (F_d * tau)
    linear = sp.log(1 / epsilon)
    return 2 * budget / (linear + sp.sqrt(linear**2 + 8 * n * nu * budget / epsilon**2))


@formula("crossover.amdahl.free_solver", one, _SOURCE, verified_by=Oracle.ROOTS)
def free_solver() -> Expression:
    """Speedup of a step when what a solver replaces takes no time at all: Amdahl's bound.

    >>> free_solver().evaluate(phi=0.5)
    2.0
    """
    return 1 / (1 - phi)


@formula("crossover.amdahl.free_solver_on_a_link", one, _SOURCE, verified_by=Oracle.ROOTS)
def free_solver_on_a_link() -> Expression:
    """Speedup when the solver takes no time but its link does; below 1 where the link costs more than it replaces.

    >>> free_solver_on_a_link().evaluate(phi=0.5, ell=0.3)
    1.25
    """
    return 1 / (1 - phi + ell)


@formula("crossover.amdahl.square_layer", one, _SOURCE, verified_by=Oracle.ROOTS)
def square_layer() -> Expression:
    """Amdahl's bound of square layers by FLOPs alone: inversion and preconditioning over the rest, at one rate.

    Forward and backward are 6 M n^2, both factors 4 M n^2 every i_f steps, both Cholesky inverses 2 n^3 every i_r
    steps, preconditioning 4 n^3. What a solver can gain is set by n / M, width over rows: small at large batches.

    >>> round(square_layer().evaluate(n=1024, M=1024 * 197, i_f=1, i_r=10), 5)
    1.00213
    """
    return 1 + (4 + 2 / i_r) * n / ((6 + 4 / i_f) * M)


# --- growth with width at fixed damping: kappa = 1 + (n / s_r) sqrt(theta / lambda), so kappa grows as n --------------


def width_exponent(expression: Expression) -> Expression:
    """Degree in n of a time, a count or an energy once kappa follows from fixed damping.

    >>> width_exponent(solve.time().expression)
    4
    """
    damped = expression.subs(kappa, get("kfac.damping.condition_number").expression)
    leading = Formula("width", damped, one, "", "").leading(n)
    return sp.Add.make_args(sp.expand(leading))[0].as_coeff_exponent(n)[1]


@formula("crossover.width_exponent.kfac.cholesky", one, _SOURCE, verified_by=Oracle.ROOTS)
def cholesky_width_exponent() -> Expression:
    """Power of the width that a digital inverse grows with: 3, whatever the damping.

    >>> cholesky_width_exponent().evaluate()
    3.0
    """
    return width_exponent(get("kfac.cholesky.refresh.flops").expression)


@formula("crossover.width_exponent.thermo.inverse", one, _SOURCE, verified_by=Oracle.ROOTS)
def inverse_width_exponent() -> Expression:
    """Power of the width that Method 1 on one array grows with at fixed damping: n kappa is n^2, like its transfers.

    The products that use the inverse stay digital and stay cubic.

    >>> inverse_width_exponent().evaluate()
    2.0
    """
    return width_exponent(inverse.time().expression)


@formula("crossover.width_exponent.thermo.inverse.underdamped", one, _SOURCE, verified_by=Oracle.ROOTS)
def underdamped_inverse_width_exponent() -> Expression:
    """The same on underdamped cells: sampling falls to n^(3/2) and leaves the transfers.

    >>> underdamped_inverse_width_exponent().evaluate()
    2.0
    """
    return width_exponent(underdamped.inverse_time().expression)


@formula("crossover.width_exponent.thermo.solve", one, _SOURCE, verified_by=Oracle.ROOTS)
def solve_width_exponent() -> Expression:
    """Power of the width that Method 2 on one array grows with at fixed damping: n^2 kappa^2 is n^4.

    >>> solve_width_exponent().evaluate()
    4.0
    """
    return width_exponent(solve.time().expression)


@formula("crossover.width_exponent.thermo.solve.underdamped", one, _SOURCE, verified_by=Oracle.ROOTS)
def underdamped_solve_width_exponent() -> Expression:
    """The same on underdamped cells: n^2 kappa^(3/2) is n^(7/2).

    >>> underdamped_solve_width_exponent().evaluate()
    3.5
    """
    return width_exponent(underdamped.solve_time().expression)


@formula("crossover.width_exponent.thermo.solve.noise_free", one, _SOURCE, verified_by=Oracle.ROOTS)
def noise_free_solve_width_exponent() -> Expression:
    """The same where noise is negligible, so that only settling counts: n kappa, like the transfers.

    >>> noise_free_solve_width_exponent().evaluate()
    2.0
    """
    return width_exponent(solve.time().expression.subs(nu, 0))
