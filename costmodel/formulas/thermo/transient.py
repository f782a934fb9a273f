"""How long one run takes to settle from rest, and what a run cut short computes instead.

Overdamped cells obey dx = -(A x - b) dt / tau + noise, with the couplings scaled to lambda_max = 1, so that the slowest
mode decays as exp(-t / (kappa tau)). A run that stops early is not wrong at random: it solves a more damped system.
"""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, epsilon, kappa, t, tau
from costmodel.quantities.units import one, second

_DERIVED = "derived: docs/derivations.md, "
_FINITE_TIME = _DERIVED + "finite time as damping"


@formula(
    "thermo.transient.mean.time",
    second,
    _DERIVED + "mean transient; arXiv 2405.13817, equation 19",
    verified_by=Oracle.MOTION,
)
def mean_time() -> Expression:
    """Time from rest until the mean is within a relative error of epsilon of A^-1 b, whatever b is.

    The mean lacks exp(-A t / tau) A^-1 b: the slowest mode, lambda = 1 / kappa, is off by exp(-t / (kappa tau)).

    >>> round(mean_time().evaluate(tau=1e-6, kappa=100, epsilon=0.01), 9)
    0.000460517
    """
    return tau * kappa * sp.log(1 / epsilon)


@formula("thermo.transient.warm_mean.time", second, _DERIVED + "mean transient", verified_by=Oracle.MOTION)
def warm_mean_time() -> Expression:
    """The same from the solution of another input of equal norm: longer than from rest, since that start may be worse.

    Two inputs of equal norm have solutions whose distance is at most kappa + 1 times the norm of either.

    >>> round(warm_mean_time().evaluate(tau=1e-6, kappa=100, epsilon=0.01), 9)
    0.000922029
    """
    return tau * kappa * sp.log((kappa + 1) / epsilon)


@formula("thermo.transient.covariance.time", second, _DERIVED + "covariance transient", verified_by=Oracle.MOTION)
def covariance_time() -> Expression:
    """Time from rest until the covariance is within a relative error of epsilon of A^-1 / beta: the burn-in.

    C(t) = A^-1 (I - exp(-2 A t / tau)) / beta: the slowest mode is off by exp(-2 t / (kappa tau)).

    >>> round(covariance_time().evaluate(tau=1e-6, kappa=100, epsilon=0.01), 9)
    0.000230259
    """
    return tau * kappa * sp.log(1 / epsilon) / 2


@formula("thermo.implicit_damping.mean", one, _FINITE_TIME, verified_by=Oracle.MOTION)
def mean_damping() -> Expression:
    """Damping, relative to lambda_max, that a mean read at time t adds at most: modes below tau / t are cut off there.

    The mean applies (1 - exp(-lambda t / tau)) / lambda for 1 / lambda. Its inverse lies between max(lambda, tau / t)
    and lambda + tau / t.

    >>> round(mean_damping().evaluate(tau=1e-6, t=50e-6), 9)
    0.02
    """
    return tau / t


@formula("thermo.implicit_damping.covariance", one, _FINITE_TIME, verified_by=Oracle.MOTION)
def covariance_damping() -> Expression:
    """The same for a covariance read at time t, which applies (1 - exp(-2 lambda t / tau)) / lambda.

    >>> round(covariance_damping().evaluate(tau=1e-6, t=50e-6), 9)
    0.01
    """
    return tau / (2 * t)


@formula("thermo.implicit_damping.condition_number", one, _FINITE_TIME, verified_by=Oracle.MOTION)
def effective_condition_number() -> Expression:
    """Condition number of the matrix whose inverse a mean read at time t applies.

    >>> round(effective_condition_number().evaluate(tau=1e-6, t=50e-6, kappa=1000), 2)
    48.77
    """
    return kappa * (1 - sp.exp(-t / (kappa * tau))) / (1 - sp.exp(-t / tau))
