"""Layers as matrices: the rows of inputs and of output gradients that K-FAC's factors are made of.

Rows have shape (pairs, examples, positions, size): pairs are the groups of a convolution, positions the places where an
example uses the weight: tokens, pixels, steps of a recurrence.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def input_rows(layer: nn.Module, inputs: Tensor) -> Tensor:
    """Rows x of a layer's inputs, a one appended where it has a bias."""
    match layer:
        case nn.Linear():
            rows = _flat(inputs)
        case nn.Conv2d():
            rows = _patches(layer, inputs)
        case nn.ConvTranspose2d():
            rows = _pixels(inputs, layer.groups)  # an input pixel is what the matrix maps to a patch
        case _:
            raise TypeError(f"{type(layer).__name__} has no Kronecker factors here")
    return rows if layer.bias is None else functional.pad(rows, (0, 1), value=1.0)


def gradient_rows(layer: nn.Module, gradients: Tensor) -> Tensor:
    """Rows y of the gradients of a layer's outputs."""
    match layer:
        case nn.Linear():
            return _flat(gradients)
        case nn.Conv2d():
            return _pixels(gradients, layer.groups)
        case nn.ConvTranspose2d():
            return _patches(layer, gradients)
        case _:
            raise TypeError(f"{type(layer).__name__} has no Kronecker factors here")


def weight_matrix(layer: nn.Module, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A weight (or its gradient) as matrices of shape (pairs, g, a), the bias as their last column."""
    match layer:
        case nn.Linear():
            matrix = weight[None]
        case nn.Conv2d():
            matrix = weight.reshape(layer.groups, weight.shape[0] // layer.groups, -1)
        case nn.ConvTranspose2d():
            matrix = weight.reshape(layer.groups, weight.shape[0] // layer.groups, -1).mT
        case _:
            raise TypeError(f"{type(layer).__name__} has no Kronecker factors here")
    return matrix if bias is None else torch.cat([matrix, bias.reshape(len(matrix), -1, 1)], dim=2)


def _flat(tensor: Tensor) -> Tensor:
    return tensor.reshape(1, len(tensor), -1, tensor.shape[-1])


def _patches(layer: nn.Conv2d | nn.ConvTranspose2d, images: Tensor) -> Tensor:
    """What lies under the kernel at each of its places, channels slowest as in the weight."""
    assert not isinstance(layer.padding, str)  # a padding by name has no numbers to unfold with
    columns = functional.unfold(images, layer.kernel_size, layer.dilation, layer.padding, layer.stride)
    examples, size, places = columns.shape
    return columns.reshape(examples, layer.groups, size // layer.groups, places).permute(1, 0, 3, 2)


def _pixels(images: Tensor, groups: int) -> Tensor:
    examples, channels = images.shape[:2]
    return images.reshape(examples, groups, channels // groups, -1).permute(1, 0, 3, 2)
