"""A real forward and backward pass, with what every layer saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from validation.reference.rows import gradient_rows, input_rows, weight_matrix

FACTORED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


@dataclass
class Record:
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


@dataclass
class _Seen:
    inputs: list[Tensor] = field(default_factory=list)
    gradients: list[Tensor] = field(default_factory=list)


def run(network: nn.Module, inputs: tuple[Tensor, ...], loss: Callable[[Tensor], Tensor]) -> dict[str, Record]:
    """Forward and backward pass of a network, and what its factored layers saw, by name.

    Args:
        network: Its gradients are overwritten.
        inputs: Arguments of its forward pass, examples first.
        loss: Sum over examples of each example's loss, so that output gradients are those of single examples.
    """
    layers = {name: layer for name, layer in network.named_modules() if isinstance(layer, FACTORED)}
    seen = {name: _Seen() for name in layers}
    handles = [layer.register_forward_hook(_watch(seen[name])) for name, layer in layers.items()]
    network.zero_grad()
    loss(network(*inputs)).backward()
    for handle in handles:
        handle.remove()
    return {name: _record(layer, seen[name]) for name, layer in layers.items()}


def _watch(seen: _Seen) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    def hook(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen.inputs.append(inputs[0].detach())
        # Gradients arrive last call first.
        output.register_hook(lambda gradient: seen.gradients.insert(0, gradient))

    return hook


def _record(layer: nn.Module, seen: _Seen) -> Record:
    inputs = torch.cat([input_rows(layer, each) for each in seen.inputs], dim=2)
    gradients = torch.cat([gradient_rows(layer, each) for each in seen.gradients], dim=2)
    assert isinstance(layer.weight, Tensor)
    weight = layer.weight.grad
    bias = layer.bias.grad if isinstance(layer.bias, Tensor) else None
    assert weight is not None
    return Record(layer, inputs, gradients, weight_matrix(layer, weight, bias))
