"""SOAP: Adam in the eigenbasis of Shampoo's statistics (Vyas et al., arXiv 2409.11321).

The lean form is counted: Adam's first moment lives in the eigenbasis and is turned at a refresh. Codes
that keep it outside the eigenbasis and project it every step cost 8dg(d + g) a step instead of 6dg(d + g); the official
one 10dg(d + g).
"""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, d, g
from costmodel.quantities.units import byte, flop, one

_SOAP = "arXiv 2409.11321, algorithm 3, without its one-sided and blocked variants"


@formula("soap.statistics.flops", flop, _SOAP, verified_by=Oracle.COUNTED)
def statistics_flops() -> Expression:
    """Products W W^T and W^T W of one layer's gradient, every step.

    >>> statistics_flops().evaluate(d=3, g=2)
    60.0
    """
    return 2 * d * g * (d + g)


@formula(
    "soap.statistics.bytes",
    byte,
    "float32: read the average and the new statistic, write the average",
    verified_by=Oracle.TENSORS,
)
def statistics_bytes() -> Expression:
    """Memory traffic of the running averages of both statistics."""
    return 12 * (d**2 + g**2)


@formula(
    "soap.rotate.flops",
    flop,
    "the gradient into the eigenbasis and Adam's step back: four products",
    verified_by=Oracle.COUNTED,
)
def rotate_flops() -> Expression:
    """Products with the eigenvectors, every step.

    >>> rotate_flops().evaluate(d=3, g=2)
    120.0
    """
    return 4 * d * g * (d + g)


@formula("soap.refresh.flops", flop, _SOAP + "; algorithm 4: one power iteration", verified_by=Oracle.COUNTED)
def refresh_flops() -> Expression:
    """Products of a refresh: both statistics times their old vectors; Adam's first moment out of the old basis and in.

    >>> refresh_flops().evaluate(d=3, g=2)
    190.0
    """
    return 2 * (d**3 + g**3) + 4 * d * g * (d + g)


@formula(
    "soap.qr.flops",
    flop,
    "LAPACK Working Note 41: GEQRF and ORGQR of a square matrix, 8/3 d^3",
    verified_by=Oracle.COUNTED,
)
def qr_flops() -> Expression:
    """Orthonormal bases of a refresh.

    >>> qr_flops().evaluate(d=3, g=3)
    144.0
    """
    return 8 * (d**3 + g**3) / 3


@formula("soap.factor.elements", one, "d^2 and g^2", verified_by=Oracle.TENSORS)
def elements() -> Expression:
    """Elements of both statistics of one layer."""
    return d**2 + g**2


@formula(
    "soap.memory.bytes", byte, "float32: two statistics, their eigenvectors, two moments", verified_by=Oracle.TENSORS
)
def memory_bytes() -> Expression:
    """Optimizer state of one layer.

    >>> memory_bytes().evaluate(d=3, g=2)
    152.0
    """
    return 4 * (2 * (d**2 + g**2) + 2 * d * g)
