"""K-FAC with a randomised low-rank eigendecomposition: O(n^2 r) instead of O(n^3).

A refresh applies the factor twice to a block of r random vectors (one power iteration), orthonormalises after each,
and diagonalises the factor in that basis. The inverse of U D U^T + gamma I is then
I / gamma + U ((D + gamma)^-1 - 1 / gamma) U^T (randomised K-FAC, arXiv 2206.15397; Halko, Martinsson and Tropp,
SIAM Review 53, 2011). How many columns a gradient needs: :mod:`costmodel.formulas.accuracy.iterations`.
"""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, a, g, k, n, r
from costmodel.quantities.units import byte, flop, one

_SKETCH = "arXiv 2206.15397 with one power iteration; Halko, Martinsson and Tropp (2011)"


@formula("kfac.low_rank.sketch.flops", flop, _SKETCH, verified_by=Oracle.COUNTED)
def sketch_flops() -> Expression:
    """Products of one factor's refresh: F Omega, F Q, F Q again, Q^T (F Q), Q V.

    >>> sketch_flops().evaluate(n=10, r=2)
    1360.0
    """
    return 6 * n**2 * r + 4 * n * r**2


@formula(
    "kfac.low_rank.qr.flops",
    flop,
    "LAPACK Working Note 41: GEQRF and ORGQR, 2nr^2 - 2r^3/3 each, twice",
    verified_by=Oracle.COUNTED,
)
def qr_flops() -> Expression:
    """Orthonormal bases of one factor's refresh, after each of the two products.

    >>> qr_flops().evaluate(n=10, r=3)
    648.0
    """
    return 8 * n * r**2 - 8 * r**3 / 3


@formula("kfac.low_rank.qr.elements", one, "the sketch is n by r, decomposed twice", verified_by=Oracle.TENSORS)
def qr_elements() -> Expression:
    """Elements of the blocks that are orthonormalised."""
    return 2 * n * r


@formula("kfac.low_rank.eigh.flops", flop, "symmetric QR with vectors, about 9r^3", verified_by=Oracle.COUNTED)
def eigh_flops() -> Expression:
    """Eigendecomposition of one factor in the basis of its sketch.

    >>> eigh_flops().evaluate(r=10)
    9000.0
    """
    return 9 * r**3


@formula("kfac.low_rank.eigh.elements", one, "the projected factor is r by r", verified_by=Oracle.TENSORS)
def eigh_elements() -> Expression:
    """Elements of the small eigenproblem."""
    return r**2


@formula(
    "kfac.low_rank.step.flops",
    flop,
    "the gradient into the basis and back: two products of 2nrk",
    verified_by=Oracle.COUNTED,
)
def step_flops() -> Expression:
    """Products of one factor with the gradient, every step.

    >>> step_flops().evaluate(n=10, r=2, k=5)
    400.0
    """
    return 4 * n * r * k


@formula(
    "kfac.low_rank.rescale.flops", flop, "r k scalings in the basis; n k divisions by gamma", verified_by=Oracle.COUNTED
)
def rescale_flops() -> Expression:
    """Element-wise work of one factor every step; the final sum is part of the product.

    >>> rescale_flops().evaluate(n=10, r=2, k=5)
    60.0
    """
    return (n + r) * k


@formula(
    "kfac.low_rank.rescale.bytes",
    byte,
    "float32: n k and r k numbers, each read and written",
    verified_by=Oracle.TENSORS,
)
def rescale_bytes() -> Expression:
    """Memory traffic of that work."""
    return 8 * (n + r) * k


@formula(
    "kfac.low_rank.memory.bytes",
    byte,
    "float32: running factors, r vectors of each, momentum",
    verified_by=Oracle.TENSORS,
)
def memory_bytes() -> Expression:
    """Optimizer state of one layer; the r eigenvalues are left out, and one r stands for both factors.

    >>> memory_bytes().evaluate(a=3, g=2, r=1)
    96.0
    """
    return 4 * (a**2 + g**2 + r * (a + g) + a * g)
