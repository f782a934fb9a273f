"""Several arrays at once: factors side by side, and copies of one factor that share its right-hand sides."""

from __future__ import annotations

from costmodel.formulas.extremes import larger, smaller
from costmodel.formulas.registry import formula
from costmodel.formulas.thermo import averaging, blocks, transient
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, P, k, m, n, t_w
from costmodel.quantities.units import one, second

_SOURCE = "derived: docs/derivations.md, parallel arrays"


@formula("thermo.parallel.copies", one, _SOURCE, verified_by=Oracle.PHASES)
def copies() -> Expression:
    """Copies of one factor that P arrays hold, one of each block: at least one, and no more than there are systems.

    >>> copies().evaluate(P=64, n=256, m=64, k=1000)
    16.0
    """
    return smaller(k, larger(1, sp.floor(P / blocks.count().expression)))


@formula("thermo.parallel.solve.rounds", one, _SOURCE, verified_by=Oracle.PHASES)
def rounds() -> Expression:
    """Runs that follow one another when the systems of one factor are spread over its copies, for each block.

    >>> rounds().evaluate(P=64, n=64, m=64, k=100)
    2.0
    """
    return sp.ceiling(k / copies().expression)


@formula("thermo.parallel.solve.systems", one, _SOURCE, verified_by=Oracle.PHASES)
def solve_systems() -> Expression:
    """Runs of one factor in a step that do not wait for each other: its right-hand sides.

    >>> solve_systems().evaluate(k=384)
    384.0
    """
    return k


@formula("thermo.parallel.eliminate.systems", one, _SOURCE, verified_by=Oracle.PHASES)
def eliminate_systems() -> Expression:
    """Runs of elimination that do not wait for each other, on average over its q - 1 stages.

    >>> eliminate_systems().evaluate(n=256, m=64)
    128.0
    """
    stages = blocks.count().expression - 1
    return larger(1, blocks.remaining_rows().expression / larger(1, stages))


@formula(
    "thermo.parallel.solve.time",
    second,
    _SOURCE,
    composed_of=("thermo.transient.mean.time", "thermo.average.mean.time"),
)
def solve_time() -> Expression:
    """Settling and averaging of all systems of a factor that fits one array, spread over P arrays.

    >>> round(solve_time().evaluate(P=64, n=64, k=64, kappa=100, epsilon=0.01, nu=0, tau=1e-6), 9)
    0.000460517
    """
    once = transient.mean_time().expression + averaging.mean_time().expression
    return rounds().expression.subs(m, n) * once


@formula("thermo.parallel.write.time", second, _SOURCE, verified_by=Oracle.PHASES)
def write_time() -> Expression:
    """Writing one factor into all its copies: as long as into one, since every array has its own row drivers.

    >>> round(write_time().evaluate(n=64, t_w=10e-9), 9)
    6.4e-07
    """
    return n * t_w
