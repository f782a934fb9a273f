"""Method 1: the inverse of a factor as the covariance of the settled array.

An Ornstein-Uhlenbeck array with couplings A, dx = -A x dt + sqrt(2 / beta) dW, settles to the covariance A^-1 / beta.
Analog correlators (a multiplier and an integrator for each pair of cells) accumulate it while the array runs, so that
only the n^2 averages are converted. The couplings are scaled to lambda_max = 1.
"""

from __future__ import annotations

from costmodel.formulas.extremes import larger
from costmodel.formulas.registry import formula
from costmodel.formulas.thermo import averaging, blocks, transient
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, W, b_in, b_out, f_c, m, n, n_c, t_l, t_w
from costmodel.quantities.units import flop, second

_IO = "arXiv 2405.13817, appendix C: the transfer of n^2 values over the link; latency added here"
_DERIVED = "derived: docs/derivations.md, "


@formula("thermo.inverse.upload.time", second, _IO, verified_by=Oracle.PHASES)
def upload_time() -> Expression:
    """Couplings of every block over the link.

    >>> round(upload_time().evaluate(n=1024, m=1024, b_in=16, W=50e9, t_l=0), 9)
    0.000335544
    """
    return blocks.count().expression * t_l + blocks.squares().expression * b_in / W


@formula(
    "thermo.array.write.time", second, "rows of one array are written one after another", verified_by=Oracle.PHASES
)
def write_time() -> Expression:
    """Writing a factor's couplings into the arrays, row by row, block by block; it overlaps with their transfer."""
    return n * t_w


@formula(
    "thermo.inverse.settle.time",
    second,
    _DERIVED + "covariance transient",
    composed_of=("thermo.transient.covariance.time",),
)
def settle_time() -> Expression:
    """Burn-in of the covariance, from rest to a relative error of epsilon, for each block.

    C(t) = A^-1 (I - exp(-2 A t / tau)) / beta: the slowest mode, lambda = 1 / kappa, is off by exp(-2 t / (kappa tau)).
    """
    return blocks.count().expression * transient.covariance_time().expression


@formula(
    "thermo.inverse.sample.time",
    second,
    _DERIVED + "error of a time-averaged covariance",
    composed_of=("thermo.average.covariance.time",),
)
def sample_time() -> Expression:
    """Running time that brings the sampling error of the covariance below epsilon (relative, Frobenius, worst case).

    The squared error after time T is at most (p + 1) kappa tau / T for a block of size p; it is met for A near the
    identity, and a given spectrum needs less.

    >>> round(sample_time().evaluate(n=1024, m=1024, kappa=100, tau=1e-9, epsilon=0.1), 6)
    0.01025
    """
    return averaging.covariance_time().expression.subs(n, n + blocks.count().expression - 1)


@formula("thermo.inverse.readout.time", second, _IO, verified_by=Oracle.PHASES)
def readout_time() -> Expression:
    """Inverse of every block back over the link."""
    return blocks.count().expression * t_l + blocks.squares().expression * b_out / W


@formula(
    "thermo.inverse.convert.time", second, "one conversion for each averaged correlation", verified_by=Oracle.PHASES
)
def convert_time() -> Expression:
    """Inverse of every block through the array's converters."""
    return blocks.squares().expression / (n_c * f_c)


@formula("thermo.inverse.tiling.flops", flop, _DERIVED + "block elimination", verified_by=Oracle.BLOCKS)
def tiling_flops() -> Expression:
    """Digital products left when the factor is larger than the array: a symmetric Gauss-Jordan sweep over blocks.

    A pivot block of size p with r = n - p other rows costs 2 p^2 r for U = P^-1 A_pr and 2 p r^2 for A_rr - A_rp U.

    >>> tiling_flops().evaluate(n=64, m=64)
    0.0
    """
    return 2 * n * (n**2 - blocks.squares().expression)


@formula(
    "thermo.inverse.time",
    second,
    "sum of the phases above on one array that holds the factor",
    composed_of=("thermo.transient.covariance.time", "thermo.average.covariance.time"),
)
def time() -> Expression:
    """One factor inverted on one array at least as large, link and converters included.

    >>> time().leading("kappa")
    kappa*tau*(log(1/epsilon)/2 + n/epsilon**2 + epsilon**(-2))
    """
    upload = larger(upload_time().expression, write_time().expression)
    readout = larger(readout_time().expression, convert_time().expression)
    return sp.Add(upload, settle_time().expression, sample_time().expression, readout).subs(m, n)
