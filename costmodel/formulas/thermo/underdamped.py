"""Cells of second order: dx = v dt, dv = -(A x - b) dt - gamma v dt + noise, time in units of tau_o = sqrt(LC).

The friction gamma = 2 / sqrt(kappa) is critical for the slowest mode; all others swing, and every mode decays as
exp(-t / (sqrt(kappa) tau_o)). The settled mean and covariance are those of overdamped cells.
"""

from __future__ import annotations

from costmodel.formulas.extremes import larger
from costmodel.formulas.registry import formula
from costmodel.formulas.thermo import blocks, inverse, solve
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, epsilon, k, kappa, m, n, nu, tau_o
from costmodel.quantities.units import second

_SOURCE = "derived: docs/derivations.md, underdamped cells"


@formula("thermo.underdamped.mean.time", second, _SOURCE, verified_by=Oracle.MOTION)
def mean_time() -> Expression:
    """Time from rest until the mean is within a relative error of epsilon: sqrt(kappa) in place of kappa.

    With s = t / (sqrt(kappa) tau_o) the slowest mode is off by (1 + s) exp(-s), which no other mode exceeds.

    >>> round(mean_time().evaluate(tau_o=1e-6, kappa=100, epsilon=0.01) * 1e6, 3)
    66.384
    """
    return tau_o * sp.sqrt(kappa) * (-1 - sp.LambertW(-epsilon * sp.exp(-1), -1))


@formula("thermo.underdamped.covariance.time", second, _SOURCE, verified_by=Oracle.MOTION)
def covariance_time() -> Expression:
    """Time from rest until the covariance is within a relative error of epsilon.

    The slowest mode is off by (1 + 2 s + 2 s^2) exp(-2 s), which no other mode exceeds; (1 + sqrt(2) s)^2 exp(-2 s)
    bounds it and can be solved for s. At epsilon = 0.01 that costs 1 % in time.

    >>> round(covariance_time().evaluate(tau_o=1e-6, kappa=100, epsilon=0.01) * 1e6, 3)
    42.5
    """
    root = 1 / sp.sqrt(2)
    lambert = sp.LambertW(-sp.sqrt(epsilon) * root * sp.exp(-root), -1)
    return tau_o * sp.sqrt(kappa) * (-root - lambert)


@formula("thermo.underdamped.average.mean.time", second, _SOURCE, verified_by=Oracle.AVERAGES)
def average_mean_time() -> Expression:
    """Averaging that brings the noise of one solution below epsilon, worst spectrum and input.

    The integrated autocovariance of a mode is 2 gamma / (beta lambda^2), gamma = 2 / sqrt(kappa) times the overdamped
    one: kappa^(3/2), not sqrt(kappa).

    >>> round(average_mean_time().evaluate(n=1024, kappa=100, nu=4e-12, tau_o=1e-6, epsilon=0.01), 11)
    1.6384e-07
    """
    return 4 * tau_o * n * kappa ** sp.Rational(3, 2) * nu / epsilon**2


@formula("thermo.underdamped.average.covariance.time", second, _SOURCE, verified_by=Oracle.AVERAGES)
def average_covariance_time() -> Expression:
    """Running time that brings the sampling error of the covariance below epsilon, worst spectrum.

    The slowest mode's autocorrelation (1 + s) exp(-s) has a squared integral of 5/2 sqrt(kappa) tau_o over all lags,
    and no pair of modes exceeds it.

    >>> round(average_covariance_time().evaluate(n=1024, kappa=100, tau_o=1e-9, epsilon=0.1), 9)
    0.0025625
    """
    return sp.Rational(5, 2) * (n + 1) * sp.sqrt(kappa) * tau_o / epsilon**2


@formula("thermo.inverse.underdamped.settle.time", second, _SOURCE, composed_of=("thermo.underdamped.covariance.time",))
def inverse_settle_time() -> Expression:
    """Burn-in of every block of a factor.

    >>> round(inverse_settle_time().evaluate(n=128, m=64, tau_o=1e-6, kappa=100, epsilon=0.01) * 1e6, 3)
    85.0
    """
    return blocks.count().expression * covariance_time().expression


@formula(
    "thermo.inverse.underdamped.sample.time",
    second,
    _SOURCE,
    composed_of=("thermo.underdamped.average.covariance.time",),
)
def inverse_sample_time() -> Expression:
    """Sampling of every block of a factor.

    >>> round(inverse_sample_time().evaluate(n=1024, m=1024, kappa=100, tau_o=1e-9, epsilon=0.1), 9)
    0.0025625
    """
    return average_covariance_time().expression.subs(n, n + blocks.count().expression - 1)


@formula("thermo.solve.underdamped.settle.time", second, _SOURCE, composed_of=("thermo.underdamped.mean.time",))
def solve_settle_time() -> Expression:
    """Settling of every right-hand side in every block.

    >>> round(solve_settle_time().evaluate(n=64, m=64, k=10, tau_o=1e-6, kappa=100, epsilon=0.01) * 1e6, 2)
    663.84
    """
    return blocks.count().expression * k * mean_time().expression


@formula(
    "thermo.solve.underdamped.average.time", second, _SOURCE, composed_of=("thermo.underdamped.average.mean.time",)
)
def solve_average_time() -> Expression:
    """Averaging of every right-hand side in every block.

    >>> round(solve_average_time().evaluate(n=1024, k=10, kappa=100, nu=4e-12, tau_o=1e-6, epsilon=0.01), 10)
    1.6384e-06
    """
    return k * average_mean_time().expression


@formula(
    "thermo.solve.underdamped.eliminate.settle.time",
    second,
    _SOURCE,
    composed_of=("thermo.underdamped.mean.time",),
)
def solve_eliminate_settle_time() -> Expression:
    """Settling of the solves that block elimination itself needs; none where the array holds the factor.

    >>> solve_eliminate_settle_time().evaluate(n=64, m=64, tau_o=1e-6, kappa=10, epsilon=0.1)
    0.0
    """
    return blocks.remaining_rows().expression * mean_time().expression


@formula(
    "thermo.solve.underdamped.eliminate.average.time",
    second,
    _SOURCE,
    composed_of=("thermo.underdamped.average.mean.time",),
)
def solve_eliminate_average_time() -> Expression:
    """Averaging of those solves.

    >>> round(solve_eliminate_average_time().evaluate(n=96, m=64, tau_o=1e-6, kappa=100, epsilon=0.1, nu=1e-6), 9)
    0.0008192
    """
    return blocks.remaining_rows().expression * average_mean_time().expression.subs(n, m)


@formula(
    "thermo.inverse.underdamped.time",
    second,
    "sum of the phases on one array that holds the factor",
    composed_of=("thermo.underdamped.covariance.time", "thermo.underdamped.average.covariance.time"),
)
def inverse_time() -> Expression:
    """One factor inverted on one underdamped array at least as large, link and converters included.

    >>> inverse_time().leading("n", "kappa")
    n**2*(Max(b_out/W, 1/(f_c*n_c)) + b_in/W)
    """
    upload = larger(inverse.upload_time().expression, inverse.write_time().expression)
    readout = larger(inverse.readout_time().expression, inverse.convert_time().expression)
    return sp.Add(upload, inverse_settle_time().expression, inverse_sample_time().expression, readout).subs(m, n)


@formula(
    "thermo.solve.underdamped.time",
    second,
    "sum of the phases on one array that holds the factor",
    composed_of=("thermo.underdamped.mean.time", "thermo.underdamped.average.mean.time"),
)
def solve_time() -> Expression:
    """One factor solved against as many right-hand sides as it has rows, on one underdamped array.

    >>> solve_time().leading("n", "kappa")
    4*kappa**(3/2)*n**2*nu*tau_o/epsilon**2
    """
    upload = larger(inverse.upload_time().expression, inverse.write_time().expression)
    readout = larger(solve.readout_time().expression, solve.convert_time().expression)
    phases = (solve.input_time(), solve_settle_time(), solve_average_time())
    return sp.Add(upload, *(phase.expression for phase in phases), readout).subs(m, n).subs(k, n)
