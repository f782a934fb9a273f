"""A real forward and backward pass, and what every layer saw as rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from solver.kfac.capture import Call, Capture, covered_layers
from solver.kfac.rows import gradient_rows, input_rows, weight_matrix


@dataclass
class Seen:
    """What one layer saw in a pass.

    Attributes:
        layer: The layer.
        inputs: Rows of its inputs, (pairs, examples, positions, a); calls of one layer follow each other as positions.
        gradients: Rows of the gradients of its outputs, (pairs, examples, positions, g).
        weight_gradient: Gradient of its matrix, (pairs, g, a).
    """

    layer: nn.Module
    inputs: Tensor
    gradients: Tensor
    weight_gradient: Tensor


def run(network: nn.Module, inputs: tuple[Tensor, ...], loss: Callable[[Tensor], Tensor]) -> dict[str, Seen]:
    """Forward and backward pass of a network, and what its covered layers saw, by name.

    Args:
        network: Its gradients are overwritten.
        inputs: Arguments of its forward pass, examples first.
        loss: Sum over examples of each example's loss, so that output gradients are those of single examples.
    """
    layers = covered_layers(network)
    network.zero_grad()
    with Capture(layers) as seen:
        value = loss(network(*inputs))
    gradients = seen.gradients(value)
    value.backward()
    return {name: _record(layer, seen.calls[name], gradients[name]) for name, layer in layers.items()}


def _record(layer: nn.Module, calls: Sequence[Call], output_gradients: Sequence[Tensor]) -> Seen:
    inputs = torch.cat([input_rows(layer, each.inputs) for each in calls], dim=2)
    gradients = torch.cat([gradient_rows(layer, each) for each in output_gradients], dim=2)
    assert isinstance(layer.weight, Tensor)
    weight = layer.weight.grad
    bias = layer.bias.grad if isinstance(layer.bias, Tensor) else None
    assert weight is not None
    return Seen(layer, inputs, gradients, weight_matrix(layer, weight, bias))
