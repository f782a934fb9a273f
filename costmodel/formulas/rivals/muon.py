"""Muon: momentum made orthogonal by five Newton-Schulz steps (Jordan et al., 2024)."""

from __future__ import annotations

from costmodel.formulas.extremes import larger
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, N, d, g
from costmodel.quantities.units import byte, flop, one

#: Newton-Schulz steps, and products of each: X X^T, its square, and the result times X.
STEPS, PRODUCTS = 5, 3


@formula(
    "muon.orthogonalise.flops",
    flop,
    "code of Jordan et al. and torch.optim.Muon: five steps of three products",
    verified_by=Oracle.TORCH,
)
def orthogonalise_flops() -> Expression:
    """Products of one layer's five steps on the g by d momentum, the smaller side s first: 5 (4 s^2 l + 2 s^3).

    >>> orthogonalise_flops().evaluate(d=160, g=96)
    38338560.0
    """
    large = larger(d, g)
    small = d * g / large
    return STEPS * (4 * small**2 * large + 2 * small**3)


@formula("muon.products", one, "three products a step", verified_by=Oracle.TORCH)
def products() -> Expression:
    """Matrix products of one layer."""
    return sp.Integer(STEPS * PRODUCTS)


@formula("muon.update.bytes", byte, "float32: momentum 12, Nesterov 12, normalisation 12, weight 12 bytes a parameter")
def update_bytes() -> Expression:
    """Memory traffic of everything that is no product, as if every parameter had a matrix.

    >>> update_bytes().evaluate(N=10)
    480.0
    """
    return 48 * N


@formula("muon.memory.bytes", byte, "float32: momentum", verified_by=Oracle.TORCH)
def memory_bytes() -> Expression:
    """Optimizer state of the whole network, as if every parameter had a matrix.

    >>> memory_bytes().evaluate(N=10)
    40.0
    """
    return 4 * N
