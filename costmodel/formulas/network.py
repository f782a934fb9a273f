"""The forward and backward pass, which every optimizer pays."""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, F_o, M, N_t, d, g, j
from costmodel.quantities.units import byte, flop, one


@formula(
    "network.forward_backward.flops",
    flop,
    "one product forward, backward one for the weights and one for the inputs, which the first layer does without",
    verified_by=Oracle.COUNTED,
)
def forward_backward_flops() -> Expression:
    """Forward and backward products of one factored layer, a multiply-add being 2 FLOPs and the bias add ignored.

    >>> forward_backward_flops().evaluate(M=196, d=384, g=1536, j=1)
    693633024.0
    >>> forward_backward_flops().evaluate(M=196, d=384, g=1536, j=0)
    462422016.0
    """
    return (4 + 2 * j) * M * d * g


@formula(
    "network.outputs.bytes",
    byte,
    "float32, each output once: what element-wise modules after a layer scale with",
    verified_by=Oracle.TENSORS,
)
def outputs_bytes() -> Expression:
    """Outputs of one factored layer.

    >>> outputs_bytes().evaluate(M=8, g=2)
    64.0
    """
    return 4 * M * g


@formula("network.other.flops", flop, "backward taken as twice the forward pass", verified_by=Oracle.COUNTED)
def other_flops() -> Expression:
    """Forward and backward FLOPs of what no Kronecker factor covers: attention products, a tied output projection."""
    return 3 * F_o


@formula("network.tensors", one, "a weight and a bias are two tensors", verified_by=Oracle.TENSORS)
def tensors() -> Expression:
    """Parameter tensors, for each of which an update launches once."""
    return N_t
