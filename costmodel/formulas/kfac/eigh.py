"""K-FAC in the eigenbasis of its factors, where damping is exact: 1 / (lambda_A lambda_G + lambda)."""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, a, g, n
from costmodel.quantities.units import byte, flop


@formula(
    "kfac.eigh.refresh.flops",
    flop,
    "Golub and Van Loan, Matrix Computations: symmetric QR with vectors, about 9n^3",
    verified_by=Oracle.COUNTED,
)
def refresh_flops() -> Expression:
    """Eigendecomposition with vectors of one factor; divide and conquer needs 4 to 6 n^3.

    >>> refresh_flops().evaluate(n=10)
    9000.0
    """
    return 9 * n**3


@formula(
    "kfac.eigh.precondition.flops",
    flop,
    "gradient into the eigenbasis, scaled, and back: four products",
    verified_by=Oracle.COUNTED,
)
def precondition_flops() -> Expression:
    """Preconditioning one layer's gradient in the eigenbasis, the scaling table ready since the last refresh.

    >>> precondition_flops().evaluate(a=3, g=2)
    126.0
    """
    return 4 * a * g * (a + g) + a * g


@formula(
    "kfac.eigh.scale.flops",
    flop,
    "outer product of the eigenvalues, damping added, reciprocal",
    verified_by=Oracle.COUNTED,
)
def scale_flops() -> Expression:
    """The table 1 / (lambda_A lambda_G + lambda) of one layer, made at a refresh.

    >>> scale_flops().evaluate(a=3, g=2)
    18.0
    """
    return 3 * a * g


@formula("kfac.eigh.scale.bytes", byte, "float32: the table is written once", verified_by=Oracle.TENSORS)
def scale_bytes() -> Expression:
    """Memory traffic of that table."""
    return 4 * a * g


@formula(
    "kfac.eigh.memory.bytes",
    byte,
    "float32: running factors, eigenvectors, scaling table, momentum",
    verified_by=Oracle.TENSORS,
)
def memory_bytes() -> Expression:
    """Optimizer state of one layer in the eigenbasis.

    >>> memory_bytes().evaluate(a=3, g=2)
    152.0
    """
    return 4 * (2 * (a**2 + g**2) + 2 * a * g)
