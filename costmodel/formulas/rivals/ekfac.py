"""E-KFAC: K-FAC's eigenbasis with eigenvalues measured in it (George et al., arXiv 1806.03884)."""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, M, a, g
from costmodel.quantities.units import byte, flop

_EKFAC = "arXiv 1806.03884; every row taken as an example, as expand does"


@formula("ekfac.scalings.flops", flop, _EKFAC, verified_by=Oracle.COUNTED)
def scalings_flops() -> Expression:
    """Second moments of one layer's gradient in the eigenbasis: rows projected, then squares multiplied up.

    The products are X U_A (2Ma^2), Y U_G (2Mg^2) and (Y U_G)^2 T (X U_A)^2 (2Mag).

    >>> scalings_flops().evaluate(M=8, a=3, g=2)
    304.0
    """
    return 2 * M * (a**2 + g**2) + 2 * M * a * g


@formula("ekfac.squares.flops", flop, "one product for each projected number", verified_by=Oracle.COUNTED)
def squares_flops() -> Expression:
    """Squares of the projected rows.

    >>> squares_flops().evaluate(M=8, a=3, g=2)
    40.0
    """
    return M * (a + g)


@formula("ekfac.squares.bytes", byte, "float32: projected rows read, squares written", verified_by=Oracle.TENSORS)
def squares_bytes() -> Expression:
    """Memory traffic of those squares."""
    return 8 * M * (a + g)


@formula(
    "ekfac.memory.bytes",
    byte,
    "float32: running factors, eigenvectors, second moments, momentum",
    verified_by=Oracle.TENSORS,
)
def memory_bytes() -> Expression:
    """Optimizer state of one layer.

    >>> memory_bytes().evaluate(a=3, g=2)
    152.0
    """
    return 4 * (2 * (a**2 + g**2) + 2 * a * g)
