"""Construction of the Kronecker factors and their running average."""

from __future__ import annotations

from enum import StrEnum

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import B, Expression, M, a, g, n
from costmodel.quantities.units import byte, flop, one

_WEIGHT_SHARING = "arXiv 2311.00636: expand takes every shared position as a row, reduce one row an example"
_SYMMETRIC = "BLAS SYRK: n (n + 1) / 2 elements, a multiply-add a row each"


class FactorConstruction(StrEnum):
    """How the factors are built: which rows enter, and whether the products use that they are symmetric."""

    EXPAND = "expand"  # every shared position a row
    EXPAND_SYMMETRIC = "expand.symmetric"  # the same, one triangle computed
    REDUCE = "reduce"  # one row an example, its positions summed first
    REDUCE_SYMMETRIC = "reduce.symmetric"  # the same, one triangle computed

    @property
    def sums_first(self) -> bool:
        """Whether inputs and gradients are summed over the shared positions before the products."""
        return self in {FactorConstruction.REDUCE, FactorConstruction.REDUCE_SYMMETRIC}


@formula("kfac.factors.expand.flops", flop, _WEIGHT_SHARING, verified_by=Oracle.COUNTED)
def expand_flops() -> Expression:
    """Both factors as full products over all rows (a symmetric product halves it).

    >>> expand_flops().evaluate(M=8, a=3, g=2)
    208.0
    """
    return 2 * M * (a**2 + g**2)


@formula("kfac.factors.expand.symmetric.flops", flop, _SYMMETRIC, verified_by=Oracle.COUNTED)
def expand_symmetric_flops() -> Expression:
    """Both factors over all rows, one triangle each.

    >>> expand_symmetric_flops().evaluate(M=8, a=3, g=2)
    144.0
    """
    return M * (a * (a + 1) + g * (g + 1))


@formula("kfac.factors.reduce.flops", flop, _WEIGHT_SHARING, verified_by=Oracle.COUNTED)
def reduce_flops() -> Expression:
    """Both factors as full products over one row an example, the positions summed first.

    >>> reduce_flops().evaluate(B=4, a=3, g=2)
    104.0
    """
    return 2 * B * (a**2 + g**2)


@formula("kfac.factors.reduce.symmetric.flops", flop, _SYMMETRIC, verified_by=Oracle.COUNTED)
def reduce_symmetric_flops() -> Expression:
    """Both factors over one row an example, one triangle each.

    >>> reduce_symmetric_flops().evaluate(B=4, a=3, g=2)
    72.0
    """
    return B * (a * (a + 1) + g * (g + 1))


@formula("kfac.factor.expand.flops", flop, _WEIGHT_SHARING, verified_by=Oracle.COUNTED)
def factor_expand_flops() -> Expression:
    """One factor as a full product over all rows; both of a layer make ``kfac.factors.expand.flops``.

    >>> factor_expand_flops().evaluate(M=8, n=3) + factor_expand_flops().evaluate(M=8, n=2)
    208.0
    """
    return 2 * M * n**2


@formula("kfac.factor.expand.symmetric.flops", flop, _SYMMETRIC, verified_by=Oracle.COUNTED)
def factor_expand_symmetric_flops() -> Expression:
    """One triangle of one factor over all rows.

    >>> factor_expand_symmetric_flops().evaluate(M=8, n=3)
    96.0
    """
    return M * n * (n + 1)


@formula("kfac.factor.reduce.flops", flop, _WEIGHT_SHARING, verified_by=Oracle.COUNTED)
def factor_reduce_flops() -> Expression:
    """One factor as a full product over one row an example.

    >>> factor_reduce_flops().evaluate(B=4, n=3)
    72.0
    """
    return 2 * B * n**2


@formula("kfac.factor.reduce.symmetric.flops", flop, _SYMMETRIC, verified_by=Oracle.COUNTED)
def factor_reduce_symmetric_flops() -> Expression:
    """One triangle of one factor over one row an example.

    >>> factor_reduce_symmetric_flops().evaluate(B=4, n=3)
    48.0
    """
    return B * n * (n + 1)


@formula(
    "kfac.factors.rows.bytes",
    byte,
    "float32 inputs and output gradients, read and written once",
    verified_by=Oracle.TENSORS,
)
def rows_bytes() -> Expression:
    """Traffic of laying out inputs and output gradients as rows, a column of ones appended, patches cut out.

    >>> rows_bytes().evaluate(M=8, a=3, g=2)
    320.0
    """
    return 8 * M * (a + g)


@formula(
    "kfac.factors.reduce.bytes", byte, "float32 inputs and output gradients, read once", verified_by=Oracle.TENSORS
)
def reduce_bytes() -> Expression:
    """Traffic of summing inputs and gradients over the shared positions, which reduce does before its products.

    >>> reduce_bytes().evaluate(M=8, a=3, g=2)
    160.0
    """
    return 4 * M * (a + g)


@formula("kfac.layer.elements", one, "A is a by a, G is g by g", verified_by=Oracle.TENSORS)
def layer_elements() -> Expression:
    """Elements of both factors of a layer."""
    return a**2 + g**2


@formula("kfac.layer.triangle.elements", one, "n (n + 1) / 2 of a symmetric matrix", verified_by=Oracle.TENSORS)
def layer_triangle_elements() -> Expression:
    """Elements of one triangle of both factors: what symmetric storage or communication needs.

    >>> layer_triangle_elements().evaluate(a=3, g=2)
    9.0
    """
    return (a * (a + 1) + g * (g + 1)) / 2


@formula("kfac.factor.elements", one, "a matrix is n by n", verified_by=Oracle.TENSORS)
def factor_elements() -> Expression:
    """Matrix elements a factorisation touches: the work that grows as n^2 beside the n^3 of its products."""
    return n**2


@formula(
    "kfac.running_average.bytes",
    byte,
    "float32: read the average and the new factor, write the average",
    verified_by=Oracle.TENSORS,
)
def running_average_bytes() -> Expression:
    """Memory traffic of the exponential moving average of both factors."""
    return 12 * (a**2 + g**2)


@formula(
    "kfac.running_average.flops",
    flop,
    "A + w (A_new - A): a subtraction, a product and a sum for each element",
    verified_by=Oracle.COUNTED,
)
def running_average_flops() -> Expression:
    """Element-wise work of the exponential moving average of both factors.

    >>> running_average_flops().evaluate(a=3, g=2)
    39.0
    """
    return 3 * (a**2 + g**2)
