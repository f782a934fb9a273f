"""Shampoo of order two with blocks: L^(-1/4) W R^(-1/4) for each block of a g by d gradient.

Blocks of side b cut g into ceil(g / b) rows and d into ceil(d / b) columns of blocks, the last of what is left. Each
block of p by q keeps its own L (p by p) and R (q by q). The bias is preconditioned by Adam alone
(Gupta et al., arXiv 1802.09568; blocks, grafting and settings: Distributed Shampoo, arXiv 2309.06497).
"""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, b, d, g
from costmodel.quantities.units import byte, flop, one

_SHAMPOO = "arXiv 1802.09568, algorithm 1 (matrices), in blocks as arXiv 2309.06497"


def _blocks(size: Expression) -> Expression:
    return sp.ceiling(size / b)


def _power_sum(size: Expression, power: int) -> Expression:
    """Sum over the parts of a side of their sizes to a power."""
    full = _blocks(size) - 1
    return full * b**power + (size - full * b) ** power


def _sides(power: int) -> Expression:
    """Sum over all blocks of p^power + q^power."""
    return _blocks(d) * _power_sum(g, power) + _blocks(g) * _power_sum(d, power)


@formula("shampoo.factor.count", one, _SHAMPOO, verified_by=Oracle.COUNTED)
def factors() -> Expression:
    """Factors of one layer, L and R of every block: the launches of whatever is done to each.

    >>> factors().evaluate(d=10, g=7, b=4)
    12.0
    """
    return 2 * _blocks(d) * _blocks(g)


@formula("shampoo.statistics.flops", flop, _SHAMPOO, verified_by=Oracle.COUNTED)
def statistics_flops() -> Expression:
    """Products W W^T and W^T W of every block, 2pq(p + q) each; the sum over blocks is 2(d sum p^2 + g sum q^2).

    >>> statistics_flops().evaluate(d=6, g=4, b=8)
    480.0
    """
    return 2 * (d * _power_sum(g, 2) + g * _power_sum(d, 2))


@formula("shampoo.factor.elements", one, "p^2 + q^2 for each block", verified_by=Oracle.TENSORS)
def elements() -> Expression:
    """Elements of all L and R of one layer.

    >>> elements().evaluate(d=10, g=7, b=4)
    147.0
    """
    return _sides(2)


@formula(
    "shampoo.average.bytes",
    byte,
    "float32: read the average and the new statistic, write the average",
    verified_by=Oracle.TENSORS,
)
def average_bytes() -> Expression:
    """Memory traffic of the running averages of L and R."""
    return 12 * _sides(2)


@formula(
    "shampoo.eigh.flops", flop, "symmetric QR with vectors, about 9p^3 for each L and R", verified_by=Oracle.COUNTED
)
def eigh_flops() -> Expression:
    """Eigendecompositions of all L and R of one layer.

    >>> eigh_flops().evaluate(d=6, g=4, b=8)
    2520.0
    """
    return 9 * _sides(3)


@formula("shampoo.rebuild.flops", flop, "V diag V^T: one product of 2p^3 for each L and R", verified_by=Oracle.COUNTED)
def rebuild_flops() -> Expression:
    """Products that put the inverse fourth roots together.

    >>> rebuild_flops().evaluate(d=6, g=4, b=8)
    560.0
    """
    return 2 * _sides(3)


@formula("shampoo.precondition.flops", flop, _SHAMPOO, verified_by=Oracle.COUNTED)
def precondition_flops() -> Expression:
    """Products L^(-1/4) W R^(-1/4) of every block, 2pq(p + q) each.

    >>> precondition_flops().evaluate(d=6, g=4, b=8)
    480.0
    """
    return 2 * (d * _power_sum(g, 2) + g * _power_sum(d, 2))


@formula(
    "shampoo.graft.bytes",
    byte,
    "float32: two norms read a step each; the step is read, scaled and written",
    verified_by=Oracle.TENSORS,
)
def graft_bytes() -> Expression:
    """Memory traffic of giving the layer's step the length of Adam's.

    >>> graft_bytes().evaluate(d=6, g=4)
    384.0
    """
    return 16 * d * g


@formula(
    "shampoo.memory.bytes",
    byte,
    "float32: L, R and their inverse roots; grafting's second moment, momentum",
    verified_by=Oracle.TENSORS,
)
def memory_bytes() -> Expression:
    """Optimizer state of one layer.

    >>> memory_bytes().evaluate(d=6, g=4, b=8)
    608.0
    """
    return 4 * (2 * _sides(2) + 2 * d * g)
