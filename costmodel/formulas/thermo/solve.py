"""Method 2: linear systems, each the mean of the settled array.

With an input b the array dx = -(A x - b) dt + noise settles to the mean A^-1 b. K-FAC's layer needs A^-1 against the g
rows of the gradient and then G^-1 against a columns, every step, because the gradient changes every step; only the
couplings stay for a refresh interval. Where a factor is larger than the array, the block factors (U_j = P_j^-1 A_jr and
the Schur complements) also stay for the interval; the right-hand sides pass through all blocks every step.
"""

from __future__ import annotations

from costmodel.formulas.extremes import larger
from costmodel.formulas.registry import formula
from costmodel.formulas.thermo import averaging, blocks, inverse, transient
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, W, b_in, b_out, f_c, k, m, n, n_c, t_l
from costmodel.quantities.units import flop, second

_IO = "arXiv 2405.13817, appendix C: values over the link; latency added here"
_DERIVED = "derived: docs/derivations.md, "


def _settle_once() -> Expression:
    return transient.mean_time().expression


def _average_once(size: Expression) -> Expression:
    return averaging.mean_time().expression.subs(n, size)


@formula("thermo.solve.upload.time", second, _IO, verified_by=Oracle.PHASES)
def upload_time() -> Expression:
    """Couplings of every block over the link."""
    return blocks.count().expression * t_l + blocks.squares().expression * b_in / W


@formula(
    "thermo.solve.eliminate.settle.time",
    second,
    _DERIVED + "block elimination",
    composed_of=("thermo.transient.mean.time",),
)
def eliminate_settle_time() -> Expression:
    """Settling of the solves that block elimination itself needs; none where the array holds the factor.

    >>> eliminate_settle_time().evaluate(n=64, m=64, tau=1e-6, kappa=10, epsilon=0.1)
    0.0
    """
    return blocks.remaining_rows().expression * _settle_once()


@formula(
    "thermo.solve.eliminate.average.time",
    second,
    _DERIVED + "block elimination",
    composed_of=("thermo.average.mean.time",),
)
def eliminate_average_time() -> Expression:
    """Averaging of those solves.

    >>> round(eliminate_average_time().evaluate(n=96, m=64, tau=1e-6, kappa=10, epsilon=0.1, nu=1e-6), 9)
    4.096e-05
    """
    return blocks.remaining_rows().expression * _average_once(m)


@formula(
    "thermo.solve.eliminate.convert.time",
    second,
    "one conversion for each node of a solve",
    verified_by=Oracle.PHASES,
)
def eliminate_convert_time() -> Expression:
    """Those solves through the array's converters.

    >>> round(eliminate_convert_time().evaluate(n=96, m=64, n_c=1, f_c=1e6), 9)
    0.002048
    """
    return blocks.remaining_rows().expression * m / (n_c * f_c)


@formula("thermo.solve.eliminate.link_time", second, _IO, verified_by=Oracle.PHASES)
def eliminate_link_time() -> Expression:
    """Values of those solves, to the array and back; a message each way for every block but the last."""
    messages = 2 * (blocks.count().expression - 1)
    return messages * t_l + m * blocks.remaining_rows().expression * (b_in + b_out) / W


@formula("thermo.solve.eliminate.flops", flop, _DERIVED + "block elimination", verified_by=Oracle.BLOCKS)
def eliminate_flops() -> Expression:
    """Digital products of block elimination: 2 p r^2 for the Schur complement after each block."""
    return 2 * m * blocks.remaining_rows_squared().expression


@formula("thermo.solve.input.time", second, _IO, verified_by=Oracle.PHASES)
def input_time() -> Expression:
    """Right-hand sides over the link, one message for all of them to each block, which waits for the block before."""
    return blocks.count().expression * t_l + n * k * b_in / W


@formula("thermo.solve.settle.time", second, _DERIVED + "mean transient", composed_of=("thermo.transient.mean.time",))
def settle_time() -> Expression:
    """Settling of every right-hand side in every block, from rest to a relative error of epsilon.

    Mode i decays as exp(-lambda_i t / tau); with lambda_max = 1 the slowest has lambda = 1 / kappa.

    >>> round(settle_time().evaluate(n=64, m=64, k=1, tau=1e-6, kappa=100, epsilon=0.01), 9)
    0.000460517
    """
    return blocks.count().expression * k * _settle_once()


@formula(
    "thermo.solve.average.time",
    second,
    _DERIVED + "error of a time-averaged mean",
    composed_of=("thermo.average.mean.time",),
)
def average_time() -> Expression:
    """Averaging that brings the noise of every solution below epsilon, for an input in the worst direction.

    The squared error after time T is 2 tau sum_i lambda_i^-2 / (beta T), at most 2 tau n kappa^2 / (beta T), against a
    solution as small as |b|: this is the n kappa^2 of one solve, so n^2 kappa^2 of Method 2.
    """
    return k * _average_once(n)


@formula("thermo.solve.readout.time", second, _IO, verified_by=Oracle.PHASES)
def readout_time() -> Expression:
    """Solutions back over the link, one message for all of them from each block."""
    return blocks.count().expression * t_l + n * k * b_out / W


@formula("thermo.solve.convert.time", second, "one conversion for each averaged node", verified_by=Oracle.PHASES)
def convert_time() -> Expression:
    """Solutions through the array's converters."""
    return n * k / (n_c * f_c)


@formula("thermo.solve.tiling.flops", flop, _DERIVED + "block elimination", verified_by=Oracle.BLOCKS)
def tiling_flops() -> Expression:
    """Digital products that right-hand sides need between blocks, forward and back: 4 p r k for each block."""
    return 4 * m * k * blocks.remaining_rows().expression


@formula(
    "thermo.solve.time",
    second,
    "sum of the phases above on one array that holds the factor, one refresh a step",
    composed_of=("thermo.transient.mean.time", "thermo.average.mean.time"),
)
def time() -> Expression:
    """One factor solved against as many right-hand sides as it has rows, on one array, link and converters included.

    >>> from costmodel.quantities.symbols import kappa, n
    >>> time().leading(n, kappa)
    2*kappa**2*n**2*nu*tau/epsilon**2
    """
    upload = larger(upload_time().expression, inverse.write_time().expression)
    readout = larger(readout_time().expression, convert_time().expression)
    phases = (input_time(), settle_time(), average_time())
    return sp.Add(upload, *(phase.expression for phase in phases), readout).subs(m, n).subs(k, n)
