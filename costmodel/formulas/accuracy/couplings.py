"""Couplings that are not what they should be: rounding and mismatch, as errors of a gradient by one inverse.

An error E of a factor moves its inverse by -A^-1 E A^-1. Where entries of E are independent, of standard deviation
sigma, so are its elements in the factor's eigenbasis, and a gradient is off by sigma |A^-1| (Frobenius), whatever the
gradient: exactly, to first order. Errors of the two inverses go together as in
:func:`costmodel.formulas.accuracy.chain.together`.
"""

from __future__ import annotations

from fractions import Fraction

from costmodel.formulas.accuracy import chain, iterations
from costmodel.formulas.accuracy.moments import SOURCE
from costmodel.formulas.extremes import larger, smaller
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import (
    Expression,
    b_in,
    chi,
    delta,
    kappa,
    m,
    mu_2,
    n,
    psi,
    q,
    s_2,
    s_r,
)
from costmodel.quantities.units import bit, one

#: Above this error by one inverse, to first order, rounding takes the smallest eigenvalue below zero.
DEFINITE = Fraction(1, 2)


@formula("accuracy.couplings.peak", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def peak() -> Expression:
    """Largest entry of a damped factor over its largest eigenvalue: the largest diagonal entry, psi times the mean.

    >>> peak().evaluate(psi=8, s_r=2, n=64, kappa=9)  # 8 * 2 * 8 / 64 + 1 dampings, of 9
    0.3333333333333333
    """
    return (psi * s_r * (kappa - 1) / n + 1) / kappa


@formula("accuracy.couplings.rounding.error", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def rounding_error() -> Expression:
    """Error of a gradient by one inverse whose couplings have b bits: sigma |A^-1|, sigma a step over sqrt(12).

    Half of what kappa |E| in the spectral norm gives at worst. From a quarter on higher orders add to it.

    >>> round(rounding_error().evaluate(m=1024, b_in=12, chi=0.05, mu_2=900), 4)
    0.0068
    """
    return chi * sp.sqrt(m * mu_2 / 12) / (2 ** (b_in - 1) - 1)


@formula("accuracy.couplings.rounding.lost", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def lost_share() -> Expression:
    """Share of a factor that rounding takes away because its entries are smaller than half a step.

    Normal entries of rms r, rounded to steps of w, keep 1 - 2 exp(-2 (pi r / w)^2) of their correlation with what they
    were. Entries off the diagonal have an rms of |A| / n (Frobenius), without damping.

    >>> round(lost_share().evaluate(n=512, b_in=4, chi=0.1, s_2=2, kappa=100, s_r=2), 3)
    0.989
    """
    undamped = larger(0, s_2 - (2 * s_r * (kappa - 1) + n) / kappa**2)  # rounding may take it below
    steps = undamped * ((2 ** (b_in - 1) - 1) / (n * chi)) ** 2
    return smaller(1, 2 * sp.exp(-2 * sp.pi**2 * steps))


@formula("accuracy.couplings.rounding.lost_error", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def lost_error() -> Expression:
    """Error of a gradient by one inverse for what is taken away: alike in all entries, so it hits the large modes.

    A share l of alpha missing enlarges a mode by l alpha / (lambda - l alpha). Between l ones, l (1 - q) for a small l
    and that of an inverse of nothing but damping for l = 1, it is interpolated.

    >>> round(lost_error().evaluate(n=512, b_in=4, chi=0.1, s_2=2, kappa=100, s_r=2, d_e=12, q=0.5), 2)
    4.87
    """
    share = lost_share().expression
    few, all_ = 1 - q, iterations.low_rank_error().expression
    return share * few * all_ / (few + (1 - share) * (all_ - few))


@formula("accuracy.couplings.rounding.total", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def rounding_total() -> Expression:
    """Both together; beyond the loss of definiteness, where nothing settles, its order of magnitude.

    >>> round(rounding_total().evaluate(m=512, n=512, b_in=8, chi=0.1, mu_2=5000, s_2=2, kappa=100, s_r=2, d_e=12, q=0.5), 4)
    0.3637
    """  # noqa: E501
    random, lost = rounding_error().expression, lost_error().expression
    beyond = larger(random, iterations.low_rank_error().expression)
    return sp.Piecewise((sp.sqrt(random**2 + lost**2), random < DEFINITE), (beyond, True))


@formula("accuracy.couplings.rounding.bits", bit, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def rounding_bits() -> Expression:
    """Bits of the couplings that keep a gradient within epsilon_n, both factors rounded; entries larger than a step.

    >>> round(rounding_bits().evaluate(m=1024, chi=0.05, mu_2=900, epsilon_n=0.1), 2)
    8.62
    """
    return 1 + sp.log(1 + chi * sp.sqrt(m * mu_2 / 12) / chain.independent().expression, 2)


@formula("accuracy.couplings.mismatch.error", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def mismatch_error() -> Expression:
    """Error of a gradient by one inverse whose couplings are off by independent shares: delta |A| |A^-1| / n.

    Both norms are Frobenius, so 2 kappa delta in the spectral norm is sqrt(n) and more above it.

    >>> round(mismatch_error().evaluate(delta=0.01, s_2=4, mu_2=900, n=1024), 5)
    0.01875
    """
    return delta * sp.sqrt(s_2 * mu_2 / n)


@formula("accuracy.couplings.mismatch.tolerance", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def mismatch_tolerance() -> Expression:
    """Mismatch that keeps a gradient within epsilon_n, both factors on such arrays.

    >>> round(mismatch_tolerance().evaluate(epsilon_n=0.1, s_2=4, mu_2=900, n=1024), 4)
    0.0377
    """
    return chain.independent().expression / sp.sqrt(s_2 * mu_2 / n)
