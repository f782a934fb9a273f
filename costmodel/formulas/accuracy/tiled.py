"""Inverses read block by block: when rounding of what is read spreads beyond its block, as an error of a gradient."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from costmodel.formulas.accuracy.moments import SOURCE
from costmodel.formulas.registry import formula
from costmodel.formulas.thermo import blocks
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, b_out, kappa, m, n
from costmodel.quantities.units import one

#: Of the damping, by which rounding may move a pivot before errors of trained factors exceed those without tiling.
MOVED: Final = Fraction(1, 3)


@formula("accuracy.tiled.amplification", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def amplification() -> Expression:
    """Error of a gradient by a tiled inverse over that by one read whole, at most: 1 while pivots stay definite.

    A mode that is spread over all rows has kappa m / n dampings in a pivot. A reading off by a white deviation s, in
    units of 1 / damping, moves that pivot by (kappa m / n)^2 s. Far below 1 the error stays in its block, a fifth of
    that of a whole inverse; from there on pivots may lose hold, and kappa as in the inverse's own norm is the bound.

    >>> [amplification().evaluate(n=512, m=64, kappa=40, b_out=bits) for bits in (5, 6)]
    [40.0, 1.0]
    """
    moved = (kappa * m / n) ** 2 / ((2 ** (b_out - 1) - 1) * sp.sqrt(12))
    return sp.Piecewise((1, sp.Lt(moved, MOVED)), (blocks.inverse_amplification().expression, True))
