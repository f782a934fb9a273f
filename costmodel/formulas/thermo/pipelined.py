"""Converters that run while the next system settles: what a reading takes beside runs, and so does not add.

A sampled result waits in a sample-and-hold of its node, so that the array is free for its next system while converters
and the link deal with the last. Each of P copies of a block has nothing to hide its last reading behind. P stands for
the arrays that share the systems of one factor, t for the time from one result to the next: of one array where
converters are concerned, of all arrays where the link that they share is.
"""

from __future__ import annotations

from costmodel.formulas.extremes import larger, smaller
from costmodel.formulas.registry import formula
from costmodel.formulas.thermo import blocks
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, P, W, b_out, f_c, k, m, n, n_c, t
from costmodel.quantities.units import one, second

_SOURCE = "derived: docs/derivations.md, readings while the next system settles"


def of_columns(of_a_value: Expression) -> Expression:
    """Sum over blocks of p columns of p values each: all but the last of every copy is read beside a run."""
    last = n - (blocks.count().expression - 1) * m
    full = (blocks.count().expression - 1) * _beside(m, m * of_a_value)
    return full + _beside(last, last * of_a_value)


def _solves(of_a_value: Expression) -> Expression:
    """Sum over blocks of k systems of p values each."""
    last = n - (blocks.count().expression - 1) * m
    full = (blocks.count().expression - 1) * _beside(k, m * of_a_value)
    return full + _beside(k, last * of_a_value)


def _beside(systems: Expression, reading: Expression) -> Expression:
    return (larger(systems, P) - P) * smaller(t, reading)


@formula("thermo.columns.beside.convert.time", second, _SOURCE, verified_by=Oracle.SCHEDULE)
def columns_convert_time() -> Expression:
    """Conversions of the columns of one factor that run while the next column settles.

    >>> round(columns_convert_time().evaluate(n=64, m=64, n_c=64, f_c=1e6, t=5e-6, P=1), 9)
    6.3e-05
    """
    return of_columns(1 / (n_c * f_c))


@formula("thermo.columns.beside.link.time", second, _SOURCE, verified_by=Oracle.SCHEDULE)
def columns_link_time() -> Expression:
    """Transfers of those columns that run while the next column settles.

    >>> round(columns_link_time().evaluate(n=64, m=64, b_out=8, W=512e6, t=5e-6, P=1), 9)
    6.3e-05
    """
    return of_columns(b_out / W)


@formula("thermo.solve.beside.convert.time", second, _SOURCE, verified_by=Oracle.SCHEDULE)
def solve_convert_time() -> Expression:
    """Conversions of the solutions of one factor that run while the next one settles.

    >>> round(solve_convert_time().evaluate(n=64, m=64, k=11, n_c=64, f_c=1e6, t=5e-6, P=1), 9)
    1e-05
    """
    return _solves(1 / (n_c * f_c))


@formula("thermo.solve.beside.link.time", second, _SOURCE, verified_by=Oracle.SCHEDULE)
def solve_link_time() -> Expression:
    """Transfers of those solutions that run while the next one settles.

    >>> round(solve_link_time().evaluate(n=64, m=64, k=11, b_out=8, W=512e6, t=5e-6, P=1), 9)
    1e-05
    """
    return _solves(b_out / W)


@formula("thermo.columns.runs", one, _SOURCE, verified_by=Oracle.PHASES)
def column_runs() -> Expression:
    """Runs of one factor: its columns, each in the block it belongs to.

    >>> column_runs().evaluate(n=96)
    96.0
    """
    return n


@formula("thermo.solve.runs", one, _SOURCE, verified_by=Oracle.PHASES)
def solve_runs() -> Expression:
    """Runs of one factor: every right-hand side in every block.

    >>> solve_runs().evaluate(n=96, m=64, k=10)
    20.0
    """
    return k * blocks.count().expression
