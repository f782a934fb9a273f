"""The inverse of a factor from n settled linear systems, whose right-hand sides are the unit vectors.

Column i of A^-1 is the mean of an array that is driven at node i alone. So n runs of kappa tau ln(1 / epsilon), once a
refresh, give what Method 1 takes (n + 1) kappa tau / epsilon^2 for; no noise is injected, nothing is correlated. The
drive is a switch at full scale that steps from node to node: no right-hand side crosses the link. Every column reads
n values; the mean of both triangles of what is read halves the variance of noise.
"""

from __future__ import annotations

from costmodel.formulas.extremes import larger
from costmodel.formulas.registry import formula
from costmodel.formulas.thermo import blocks, inverse, transient, underdamped
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, epsilon, kappa, m, n, nu, t_w, tau, tau_o
from costmodel.quantities.units import byte, one, second

_SOURCE = "derived: docs/derivations.md, columns of the inverse"
#: A float32 element, read and written.
_BYTES = 8


@formula("thermo.average.columns.time", second, _SOURCE, verified_by=Oracle.AVERAGES)
def average_column_time() -> Expression:
    """Averaging of each column that brings the noise of the whole inverse below epsilon (relative, Frobenius, rms).

    Noise power of one column is 2 tau nu sum_i lambda_i^-2 / T, and sum_i lambda_i^-2 is the squared norm of the
    inverse: n of them make 2 tau n nu / T whatever the spectrum, and the mean of both triangles half of that.

    >>> round(average_column_time().evaluate(n=1023, nu=4e-12, tau=1e-6, epsilon=0.01) * 1e12, 2)  # picoseconds
    40.96
    """
    return tau * (n + 1) * nu / epsilon**2


@formula("thermo.underdamped.average.columns.time", second, _SOURCE, verified_by=Oracle.AVERAGES)
def underdamped_average_column_time() -> Expression:
    """The same on underdamped cells, whose integrated autocovariance is 2 / sqrt(kappa) times as large.

    >>> round(underdamped_average_column_time().evaluate(n=1023, nu=4e-12, kappa=100, tau_o=1e-6, epsilon=0.01) * 1e12, 3)
    8.192
    """  # noqa: E501
    return 2 * tau_o * (n + 1) * nu / (sp.sqrt(kappa) * epsilon**2)


def over_blocks(of_a_column: Expression) -> Expression:
    """Sum over blocks of p columns each of a time that is linear in p + 1."""
    return (blocks.squares().expression + n) * of_a_column / (n + 1)


@formula("thermo.columns.systems", one, _SOURCE, verified_by=Oracle.PHASES)
def systems() -> Expression:
    """Runs of one factor that do not wait for each other: the columns of a block, on average over its blocks.

    >>> systems().evaluate(n=96, m=64)
    48.0
    """
    return n / blocks.count().expression


@formula(
    "thermo.columns.drive.time",
    second,
    "a switch at full scale steps to the next node, as a row driver does",
    verified_by=Oracle.PHASES,
)
def drive_time() -> Expression:
    """Driving every column: the switch takes as long as writing one row; no value crosses the link for it.

    >>> round(drive_time().evaluate(n=64, t_w=10e-9), 9)
    6.4e-07
    """
    return n * t_w


@formula("thermo.columns.settle.time", second, _SOURCE, composed_of=("thermo.transient.mean.time",))
def settle_time() -> Expression:
    """Settling of every column of every block, from rest to a relative error of epsilon: n runs, tiled or not.

    >>> round(settle_time().evaluate(n=64, tau=1e-6, kappa=100, epsilon=0.01) * 1e3, 3)  # milliseconds
    29.473
    """
    return n * transient.mean_time().expression


@formula("thermo.columns.average.time", second, _SOURCE, composed_of=("thermo.average.columns.time",))
def average_time() -> Expression:
    """Averaging of every column of every block.

    >>> round(average_time().evaluate(n=64, m=64, nu=1e-6, tau=1e-6, epsilon=0.1) * 1e9, 1)  # nanoseconds
    416.0
    """
    return over_blocks(average_column_time().expression)


@formula("thermo.columns.underdamped.settle.time", second, _SOURCE, composed_of=("thermo.underdamped.mean.time",))
def underdamped_settle_time() -> Expression:
    """Settling of every column of every block on underdamped cells.

    >>> round(underdamped_settle_time().evaluate(n=64, tau_o=1e-6, kappa=100, epsilon=0.01) * 1e3, 3)  # milliseconds
    4.249
    """
    return n * underdamped.mean_time().expression


@formula(
    "thermo.columns.underdamped.average.time",
    second,
    _SOURCE,
    composed_of=("thermo.underdamped.average.columns.time",),
)
def underdamped_average_time() -> Expression:
    """Averaging of every column of every block on underdamped cells.

    >>> round(underdamped_average_time().evaluate(n=64, m=64, nu=1e-6, kappa=100, tau_o=1e-6, epsilon=0.1) * 1e9, 1)
    83.2
    """
    return over_blocks(underdamped_average_column_time().expression)


@formula("thermo.columns.symmetric.bytes", byte, _SOURCE, verified_by=Oracle.TENSORS)
def symmetric_bytes() -> Expression:
    """Memory traffic of the mean of both triangles: every block's float32 inverse, read and written once.

    >>> symmetric_bytes().evaluate(n=64, m=64)
    32768.0
    """
    return _BYTES * blocks.squares().expression


@formula("thermo.columns.error", one, _SOURCE, verified_by=Oracle.AVERAGES)
def error() -> Expression:
    """Bound on the rms relative error (Frobenius) of an inverse settled to epsilon and averaged to epsilon.

    Both parts are met where every mode is as slow as the slowest.

    >>> round(error().evaluate(epsilon=0.1), 4)
    0.1414
    """
    return sp.sqrt(2) * epsilon


@formula(
    "thermo.columns.time",
    second,
    "sum of the phases above on one array that holds the factor",
    composed_of=("thermo.transient.mean.time", "thermo.average.columns.time"),
)
def time() -> Expression:
    """One factor inverted column by column on one array at least as large, link and converters included.

    >>> from costmodel.quantities.symbols import kappa, n
    >>> time().leading(kappa)
    kappa*n*tau*log(1/epsilon)
    """
    upload = larger(inverse.upload_time().expression, inverse.write_time().expression)
    readout = larger(inverse.readout_time().expression, inverse.convert_time().expression)
    return sp.Add(upload, drive_time().expression, settle_time().expression, average_time().expression, readout).subs(
        m, n
    )
