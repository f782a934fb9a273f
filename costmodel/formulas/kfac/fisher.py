"""The extra backward pass of the sampled Fisher: gradients at outputs for targets drawn from the network itself."""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, F_b, M, d, g, j
from costmodel.quantities.units import flop


@formula(
    "kfac.fisher.backward.flops",
    flop,
    "only gradients at outputs are wanted, so that no product is spent on weights",
    verified_by=Oracle.COUNTED,
)
def backward_flops() -> Expression:
    """Products of one factored layer in the backward pass of sampled targets: the gradient at its input alone.

    >>> backward_flops().evaluate(M=196, d=384, g=1536, j=1)
    231211008.0
    """
    return 2 * j * M * d * g


@formula(
    "kfac.fisher.other.flops",
    flop,
    "products of two activations have two gradients, those of an activation with a tied weight one",
    verified_by=Oracle.COUNTED,
)
def other_flops() -> Expression:
    """The same of what no Kronecker factor covers."""
    return F_b
