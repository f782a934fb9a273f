"""Discrete samples of a settled array: how many, when they are correlated in time.

Samples spaced Delta apart weigh as coth: the sum of exp(-x |k|) over all lags k is coth(x / 2). Far apart that is 1,
close together it is 2 / x and only the time they span counts.
"""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Delta, Expression, epsilon, kappa, n, nu, tau
from costmodel.quantities.units import one

_SOURCE = "derived: docs/derivations.md, correlated samples"


@formula("thermo.sampling.covariance.samples", one, _SOURCE, verified_by=Oracle.AVERAGES)
def covariance_samples() -> Expression:
    """Samples, Delta apart, that bring a sampled covariance to a relative error of epsilon (Frobenius, worst spectrum).

    Products of two modes decay with the sum of their rates, so the slowest pair weighs coth(Delta / (kappa tau)).

    >>> round(covariance_samples().evaluate(n=99, epsilon=0.1, kappa=100, tau=1e-6, Delta=50e-6))
    21640
    """
    return (n + 1) / (sp.tanh(Delta / (kappa * tau)) * epsilon**2)


@formula("thermo.sampling.mean.samples", one, _SOURCE, verified_by=Oracle.AVERAGES)
def mean_samples() -> Expression:
    """Samples, Delta apart, that bring the noise of a sampled mean below epsilon (worst spectrum and input).

    >>> round(mean_samples().evaluate(n=100, nu=1e-6, epsilon=0.01, kappa=100, tau=1e-6, Delta=200e-6), 3)
    131.304
    """
    return n * kappa * nu / (sp.tanh(Delta / (2 * kappa * tau)) * epsilon**2)


@formula("thermo.sampling.covariance.independent_samples", one, _SOURCE, verified_by=Oracle.AVERAGES)
def covariance_independent_samples() -> Expression:
    """Samples far enough apart to be independent: (n + 1) / epsilon^2, met for A near the identity.

    >>> round(covariance_independent_samples().evaluate(n=99, epsilon=0.1))
    10000
    """
    return (n + 1) / epsilon**2


@formula("thermo.sampling.mean.independent_samples", one, _SOURCE, verified_by=Oracle.AVERAGES)
def mean_independent_samples() -> Expression:
    """Independent samples of a mean: n kappa nu / epsilon^2.

    >>> round(mean_independent_samples().evaluate(n=100, nu=1e-6, epsilon=0.01, kappa=100))
    100
    """
    return n * kappa * nu / epsilon**2
