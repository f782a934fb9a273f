"""Rounding of what goes in and what comes out, as a relative error of the inverse (spectral norm, to first order).

A converter of b bits has 2^(b-1) - 1 steps on each side of zero. A perturbation E of a matrix with lambda_max = 1 moves
its inverse by at most kappa |E| / (1 - kappa |E|) of itself. Rounding errors of a dense symmetric block of size p act
as independent entries of variance step^2 / 12, whose norm is step sqrt(p / 3). Blocks are rounded one by one, which is
the same as rounding the diagonal blocks of the whole, so that p is the array's size.
"""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, N_r, b_in, b_out, chi, epsilon, kappa, m
from costmodel.quantities.units import bit, one

_SOURCE = "derived: docs/derivations.md, quantization"


def _norm_of_rounding() -> Expression:
    return chi * sp.sqrt(m / 3) / (2 ** (b_in - 1) - 1)


@formula("thermo.quantization.input.norm", one, _SOURCE, verified_by=Oracle.LIMITS)
def input_norm() -> Expression:
    """Spectral norm of the rounding error of a block of couplings, relative to its largest eigenvalue.

    >>> round(input_norm().evaluate(m=1024, b_in=8, chi=1), 3)
    0.145
    """
    return _norm_of_rounding()


@formula("thermo.quantization.input.error", one, _SOURCE, verified_by=Oracle.LIMITS)
def input_error() -> Expression:
    """Relative error of the inverse from rounded couplings, to first order; above 1 the array may not hold the matrix.

    >>> round(input_error().evaluate(m=1024, b_in=16, chi=1, kappa=100), 4)
    0.0564
    """
    return kappa * _norm_of_rounding()


@formula("thermo.quantization.definite.bits", bit, _SOURCE, verified_by=Oracle.LIMITS)
def definite_bits() -> Expression:
    """Bits below which rounding may take the smallest eigenvalue, 1 / kappa, below zero.

    >>> round(definite_bits().evaluate(m=1024, chi=1, kappa=100), 2)
    11.85
    """
    return 1 + sp.log(1 + kappa * chi * sp.sqrt(m / 3), 2)


@formula("thermo.quantization.input.bits", bit, _SOURCE, verified_by=Oracle.LIMITS)
def input_bits() -> Expression:
    """Bits of the couplings that keep the inverse within a relative error of epsilon.

    >>> round(input_bits().evaluate(m=1024, chi=1, kappa=100, epsilon=0.1), 2)
    15.31
    """
    return 1 + sp.log(1 + kappa * chi * sp.sqrt(m / 3) * (1 + epsilon) / epsilon, 2)


@formula("thermo.quantization.output.inverse.error", one, _SOURCE, verified_by=Oracle.LIMITS)
def output_inverse_error() -> Expression:
    """Relative error of an inverse whose entries are read with b bits, full range at its largest entry.

    >>> round(output_inverse_error().evaluate(m=1024, b_out=8), 3)
    0.145
    """
    return sp.sqrt(m / 3) / (2 ** (b_out - 1) - 1)


@formula("thermo.quantization.output.solve.error", one, _SOURCE, verified_by=Oracle.LIMITS)
def output_solve_error() -> Expression:
    """Relative rms error of a solution read with b bits an entry; the worst solution has one large entry.

    >>> round(output_solve_error().evaluate(m=1024, b_out=8), 4)
    0.0727
    """
    return sp.sqrt(m / 12) / (2 ** (b_out - 1) - 1)


@formula("thermo.quantization.averaged.error", one, _SOURCE, verified_by=Oracle.LIMITS)
def averaged_error() -> Expression:
    """Error of the mean of N_r inverses, each of another stochastic rounding of the same matrix, to second order.

    Stochastic rounding has twice the variance of rounding to nearest and mean zero: x = kappa step sqrt(2 p / 3) falls
    as 1 / sqrt(N_r), down to the bias x^2 / 4 that curvature of the inverse leaves.

    >>> round(averaged_error().evaluate(m=1024, b_in=16, chi=1, kappa=100, N_r=1), 4)
    0.0798
    >>> round(averaged_error().evaluate(m=1024, b_in=16, chi=1, kappa=100, N_r=1e6), 4)
    0.0016
    """
    once = sp.sqrt(2) * kappa * _norm_of_rounding()
    return sp.sqrt(once**2 / N_r + once**4 / 16)
