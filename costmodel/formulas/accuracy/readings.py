"""Rounding of what goes to and comes from an array beside the couplings, as errors of a preconditioned gradient.

A converter of b bits with its range at the largest value has 2^(b-1) - 1 steps on each side of zero. Errors are white.
"""

from __future__ import annotations

import sympy as sp

from costmodel.formulas.accuracy.moments import SOURCE
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, b_in, b_out, h, kappa, mu_2, n, s_x
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
