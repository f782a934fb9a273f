"""How long one run must be averaged: the error that noise leaves in a mean and in a covariance.

Both come from the integral of an autocovariance. A settled mode has <x x'> = exp(-lambda |t| / tau) / (beta lambda).
"""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, epsilon, kappa, mu_2, n, nu, s_x, tau
from costmodel.quantities.units import second

_MEAN = "derived: docs/derivations.md, error of a time-averaged mean"
_COVARIANCE = "derived: docs/derivations.md, error of a time-averaged covariance"


@formula("thermo.average.mean.time", second, _MEAN, verified_by=Oracle.AVERAGES)
def mean_time() -> Expression:
    """Averaging that brings the noise of one solution below epsilon, for the worst spectrum and the worst input.

    Noise power after time T is at most 2 tau sum_i lambda_i^-2 / (beta T) <= 2 tau n kappa^2 / (beta T); the solution
    has at least the norm of its input, |x| >= |b|, with equality for the mode of lambda_max.

    >>> round(mean_time().evaluate(n=1024, kappa=100, nu=4e-12, tau=1e-6, epsilon=0.01), 10)
    8.192e-07
    """
    return 2 * tau * n * kappa**2 * nu / epsilon**2


@formula("thermo.average.mean.spectrum.time", second, _MEAN, verified_by=Oracle.AVERAGES)
def mean_spectrum_time() -> Expression:
    """The same for a known spectrum and a known solution: sum_i lambda_i^-2 = n mu_2, |x|^2 = s_x |b|^2.

    >>> round(mean_spectrum_time().evaluate(n=1024, mu_2=1e4, s_x=1, nu=4e-12, tau=1e-6, epsilon=0.01), 10)
    8.192e-07
    """
    return 2 * tau * n * mu_2 * nu / (s_x * epsilon**2)


@formula("thermo.average.mean.isotropic.time", second, _MEAN, verified_by=Oracle.AVERAGES)
def mean_isotropic_time() -> Expression:
    """The same for an input spread evenly over the modes: signal and noise grow alike, so kappa drops out.

    With the input of each mode held fixed, n nu is a constant too, and so is this time.

    >>> round(mean_isotropic_time().evaluate(n=1024, nu=4e-12, tau=1e-6, epsilon=0.01), 14)
    8.192e-11
    """
    return 2 * tau * n * nu / epsilon**2


@formula("thermo.average.covariance.time", second, _COVARIANCE, verified_by=Oracle.AVERAGES)
def covariance_time() -> Expression:
    """Running time that brings the sampling error of the covariance below epsilon (relative, Frobenius norm, rms).

    The squared error after time T is at most (n + 1) kappa tau / T, for any spectrum.

    >>> round(covariance_time().evaluate(n=1024, kappa=100, tau=1e-9, epsilon=0.1), 6)
    0.01025
    """
    return (n + 1) * kappa * tau / epsilon**2
