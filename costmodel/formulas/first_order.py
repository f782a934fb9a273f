"""Parameter updates of the first-order optimizers; they are bound by memory traffic, not by FLOPs."""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, N
from costmodel.quantities.units import byte


@formula(
    "sgd.update.bytes",
    byte,
    "float32: read weight, gradient and momentum, write weight and momentum",
    verified_by=Oracle.TORCH,
)
def sgd_update_bytes() -> Expression:
    """Memory traffic of SGD with momentum over all parameters, factored or not.

    >>> sgd_update_bytes().evaluate(N=1000)
    20000.0
    """
    return 20 * N


@formula("descent.update.bytes", byte, "float32: read weight and direction, write weight", verified_by=Oracle.TENSORS)
def descent_update_bytes() -> Expression:
    """Memory traffic of a plain step along a direction, without momentum.

    >>> descent_update_bytes().evaluate(N=1000)
    12000.0
    """
    return 12 * N


@formula(
    "adam.update.bytes",
    byte,
    "float32: read weight, gradient and two moments, write weight and two moments",
    verified_by=Oracle.TORCH,
)
def adam_update_bytes() -> Expression:
    """Memory traffic of Adam over all parameters.

    >>> adam_update_bytes().evaluate(N=1000)
    28000.0
    """
    return 28 * N


@formula("sgd.memory.bytes", byte, "float32: momentum", verified_by=Oracle.TORCH)
def sgd_memory_bytes() -> Expression:
    """Optimizer state of SGD with momentum, the whole network.

    >>> sgd_memory_bytes().evaluate(N=1000)
    4000.0
    """
    return 4 * N


@formula("adam.memory.bytes", byte, "float32: two moments", verified_by=Oracle.TORCH)
def adam_memory_bytes() -> Expression:
    """Optimizer state of Adam, the whole network.

    >>> adam_memory_bytes().evaluate(N=1000)
    8000.0
    """
    return 8 * N
