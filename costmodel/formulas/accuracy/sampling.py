"""Noise: what a sampled covariance or an averaged solution may be off, so that a preconditioned gradient has epsilon_n.

The times of ``thermo.average`` take the error of an inverse in the Frobenius norm, for the worst spectrum, or of a
solution for the worst input. These are the values to give them.
"""

from __future__ import annotations

from costmodel.formulas.accuracy import chain
from costmodel.formulas.accuracy.moments import SOURCE
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, d_e, h, kappa, mu_2, n, q, s_x
from costmodel.quantities.units import one


@formula("accuracy.sampling.time_ratio", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def time_ratio() -> Expression:
    """Running time of a covariance at a given error of a gradient over (n + 1) kappa tau / error^2: 2 at most.

    A gradient gives each column of the covariance its own weight, and its error adds up over the n - d_e modes at the
    damping: 2 kappa (n - d_e + 1/2) tau / T but for the pairs of two slow modes, which stay correlated for half as
    long. Over a power law that divides by (3 + q) / 2.

    >>> round(time_ratio().evaluate(n=999, d_e=30, q=0.6), 4)
    1.0872
    """
    slow = n - d_e * (1 - q / 2) + sp.Rational(1, 2)
    return 4 * slow / ((3 + q) * (n + 1))


@formula("accuracy.sampling.covariance.tolerance", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def covariance_tolerance() -> Expression:
    """What Method 1 may be off in each inverse (Frobenius, worst spectrum), so that a gradient has epsilon_n.

    >>> round(covariance_tolerance().evaluate(n=999, d_e=30, q=0.6, epsilon_n=0.1), 4)
    0.0677
    """
    return chain.independent().expression / sp.sqrt(time_ratio().expression)


@formula("accuracy.sampling.underdamped.tolerance", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def underdamped_tolerance() -> Expression:
    """The same on underdamped cells, whose modes all lose their memory at one rate, so that none is sampled faster.

    >>> round(underdamped_tolerance().evaluate(n=999, d_e=30, q=0.6, epsilon_n=0.1), 4)
    0.0631
    """
    slow = n - d_e + sp.Rational(1, 2)
    return chain.independent().expression * sp.sqrt(sp.sqrt(q) * (n + 1) / slow)


@formula("accuracy.sampling.samples", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def samples() -> Expression:
    """Independent samples of each covariance, so that a gradient has epsilon_n: (n - d_e) / q + 1 over the square.

    >>> round(samples().evaluate(n=999, d_e=30, q=0.6, epsilon_n=0.1))
    324006
    """
    return ((n - d_e) / q + 1) / chain.independent().expression ** 2


@formula("accuracy.sampling.mean.tolerance", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def mean_tolerance() -> Expression:
    """What Method 2 may be off in a solution (worst spectrum and input), so that gradient-like ones give epsilon_n.

    The worst case is kappa larger than a gradient's sqrt(mu_2 / s_x). Noise of the factor solved first is white over
    right-hand sides, and the other inverse, applied after it, enlarges that by h; h = 1 for the factor solved last.

    >>> round(mean_tolerance().evaluate(kappa=4, mu_2=7.0, s_x=1.75, h=1, epsilon_n=0.1), 4)
    0.1412
    """
    return chain.independent().expression * kappa * sp.sqrt(s_x / mu_2) / h
