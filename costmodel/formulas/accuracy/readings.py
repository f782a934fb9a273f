"""Rounding of what goes to and comes from an array beside the couplings, as errors of a preconditioned gradient.

A converter of b bits with its range at the largest value has 2^(b-1) - 1 steps on each side of zero. Errors are white.
"""

from __future__ import annotations

from costmodel.formulas.accuracy import iterations
from costmodel.formulas.accuracy.moments import SOURCE
from costmodel.formulas.extremes import smaller
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, b_in, b_out, d_e, h, kappa, mu_2, n, q, s_x
from costmodel.quantities.units import one


def _rounded(bits: Expression) -> Expression:
    """Relative rms error of n normal values, the largest of which is near sqrt(2 ln(2 n)) standard deviations."""
    return sp.sqrt(sp.log(2 * n) / 6) / (2 ** (bits - 1) - 1)


@formula("accuracy.readings.inverse.error", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def inverse_error() -> Expression:
    """Error of a gradient by one inverse that is read with b bits, its largest entry 1 / gamma.

    A white error of an inverse is not smaller where a gradient is large, as the inverse itself is: kappa / sqrt(s_x)
    times more than in the inverse's own norm.

    >>> round(inverse_error().evaluate(n=1024, b_out=8, kappa=100, s_x=400), 4)
    0.3637
    """
    return kappa * sp.sqrt(n / (12 * s_x)) / (2 ** (b_out - 1) - 1)


@formula("accuracy.readings.inverse.lost_error", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def inverse_lost_error() -> Expression:
    """Error of a gradient by what an inverse loses when its entries off the diagonal are below half a step.

    In units of 1 / gamma an inverse is one less sum (alpha / lambda) u u^T, whose entries have an rms of
    sqrt(d_e (1 - q)) / n. A share l of it lost enlarges modes by l alpha / gamma: l times what an inverse of nothing
    but damping is off by.

    >>> round(inverse_lost_error().evaluate(n=1024, b_out=8, kappa=100, s_r=3, d_e=20, q=0.6), 3)
    0.834
    """
    steps = d_e * (1 - q) * ((2 ** (b_out - 1) - 1) / n) ** 2
    return smaller(1, 2 * sp.exp(-2 * sp.pi**2 * steps)) * iterations.low_rank_error().expression


@formula("accuracy.readings.inverse.total", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def inverse_total() -> Expression:
    """Error of a gradient by one inverse read with b bits: what is random, and what is lost.

    >>> values = {"n": 1024, "b_out": 8, "kappa": 100, "s_x": 400, "s_r": 3, "d_e": 20, "q": 0.6}
    >>> round(inverse_total().evaluate(**values), 3)
    0.91
    """
    return sp.sqrt(inverse_error().expression ** 2 + inverse_lost_error().expression ** 2)


@formula("accuracy.readings.solution.error", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def solution_error() -> Expression:
    """Error of a preconditioned gradient by one factor's solutions, read with b bits each; h = 1 for the last factor.

    >>> round(solution_error().evaluate(n=1024, b_out=8, h=1), 4)
    0.0089
    """
    return _rounded(b_out) * h


@formula("accuracy.readings.input.error", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def input_error() -> Expression:
    """Error of a preconditioned gradient by one factor's right-hand sides, rounded to b bits before they are solved.

    >>> round(input_error().evaluate(n=1024, b_in=8, mu_2=900, s_x=100, h=1), 4)
    0.0266
    """
    return _rounded(b_in) * h * sp.sqrt(mu_2 / s_x)
