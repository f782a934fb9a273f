"""Splitting a factor larger than the array: how many blocks, and the sums over them.

A factor of size n on arrays of m cells is cut into q = ceil(n / m) pivot blocks of size m, the last of what is left.
Block elimination visits them in turn; block j has r_j = n - j m rows after it, for j = 1 .. q, r_q = 0. The Schur
complement of a symmetric positive definite matrix has its spectrum between lambda_min and lambda_max of the matrix, so
a block is never worse conditioned than the whole and kappa holds for each.
"""

from __future__ import annotations

from costmodel.formulas.extremes import smaller
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, kappa, m, n
from costmodel.quantities.units import one

_SOURCE = "derived: docs/derivations.md, block elimination"


@formula("thermo.blocks.count", one, _SOURCE, verified_by=Oracle.BLOCKS)
def count() -> Expression:
    """Pivot blocks of one factor.

    >>> count().evaluate(n=385, m=64)
    7.0
    """
    return sp.ceiling(n / m)


@formula("thermo.blocks.squares", one, _SOURCE, verified_by=Oracle.BLOCKS)
def squares() -> Expression:
    """Couplings uploaded: the sum over blocks of the block's size squared.

    >>> squares().evaluate(n=10, m=4)
    36.0
    """
    q = count().expression
    return (q - 1) * m**2 + (n - (q - 1) * m) ** 2


@formula("thermo.blocks.remaining_rows", one, _SOURCE, verified_by=Oracle.BLOCKS)
def remaining_rows() -> Expression:
    """Sum over blocks of the rows that come after the block: the solves that elimination itself needs.

    >>> remaining_rows().evaluate(n=10, m=4)
    8.0
    """
    q = count().expression
    return (q - 1) * n - m * q * (q - 1) / 2


@formula("thermo.blocks.remaining_rows_squared", one, _SOURCE, verified_by=Oracle.BLOCKS)
def remaining_rows_squared() -> Expression:
    """Sum over blocks of the squared number of rows after the block.

    >>> remaining_rows_squared().evaluate(n=10, m=4)
    40.0
    """
    q = count().expression
    return (q - 1) * n**2 - n * m * q * (q - 1) + m**2 * (q - 1) * q * (2 * q - 1) / 6


@formula("thermo.blocks.products", one, _SOURCE, verified_by=Oracle.BLOCKS)
def products() -> Expression:
    """Digital products of elimination: two after every block but the last."""
    return 2 * (count().expression - 1)


def _only_where_tiled(factor: Expression) -> Expression:
    """A factor of at least one that applies from two blocks on; unevaluated, since sympy takes long to compare both."""
    return smaller(factor, 1 + factor * (count().expression - 1))


# --- what elimination does to errors -------------------------------------------------------------------------------
# A pivot block inverted as P^-1 + D makes the rest of the elimination exact for a matrix whose diagonal block is off by
# P D P. Settling and sampling errors are small exactly where P is large, so they come through as they are; rounding of
# what is read out is the same in every direction and does not.


@formula("thermo.blocks.inverse.amplification", one, _SOURCE, verified_by=Oracle.BLOCKS)
def inverse_amplification() -> Expression:
    """Error of a tiled inverse over the rounding error of the block inverses read out; 1 without tiling.

    About kappa where one mode dominates, as in K-FAC's input factors: an estimate that designed spectra bear out
    from an eighth to twice as much; more dominant modes make it worse, up to the bound.

    >>> inverse_amplification().evaluate(n=385, m=64, kappa=20)
    20.0
    >>> inverse_amplification().evaluate(n=64, m=64, kappa=20)
    1.0
    """
    return _only_where_tiled(kappa)


@formula("thermo.blocks.inverse.amplification_bound", one, _SOURCE, verified_by=Oracle.BLOCKS)
def inverse_amplification_bound() -> Expression:
    """Bound on the same, to first order: |P D P| <= |D| = kappa times the relative error, moved by kappa once more.

    >>> inverse_amplification_bound().evaluate(n=385, m=64, kappa=20)
    400.0
    """
    return _only_where_tiled(kappa**2)


@formula("thermo.blocks.solve.amplification", one, _SOURCE, verified_by=Oracle.BLOCKS)
def solve_amplification() -> Expression:
    """Error of a tiled solution over the rounding error of the solutions read out; 1 without tiling.

    Each column is scaled to its own range, so that |P^-1 A_pr| <= sqrt(kappa) counts once: an estimate that no
    designed spectrum exceeds twice.

    >>> solve_amplification().evaluate(n=385, m=64, kappa=25)
    5.0
    """
    return _only_where_tiled(sp.sqrt(kappa))
