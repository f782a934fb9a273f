"""Layers as matrices: the rows of inputs and of output gradients that Kronecker factors are made of.

Rows have shape (pairs, examples, positions, size): pairs are the groups of a convolution, positions the places where an
example uses the weight: tokens, pixels, steps of a recurrence. The gradient of a weight is the sum over rows of g x^T.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


def is_covered(module: nn.Module) -> bool:
    """Whether a module has rows here: linear layers and 2-d convolutions padded with zeros by a number."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        return isinstance(module.padding, tuple) and module.padding_mode == "zeros"
    return isinstance(module, nn.Linear)


def learns_bias(module: nn.Module) -> bool:
    """Whether a covered module has a bias that is trained, and with it a last column of its inputs' rows."""
    return isinstance(module.bias, Tensor) and module.bias.requires_grad


def input_rows(module: nn.Module, x: Tensor) -> Tensor:
    """Rows of a layer's inputs, with a 1 appended where it has a trained bias.

    A linear layer takes (N, ..., d), with positions the product of the middle dimensions; a convolution takes
    (N, c, h, w), and patches are its positions, or pixels where it is transposed, as its matrix maps pixels to patches.

    Raises:
        TypeError: the module has no rows here.
    """
    match module:
        case nn.Linear():
            rows = _flat(x)
        case nn.Conv2d():
            rows = _patches(module, x)
        case nn.ConvTranspose2d():
            rows = _pixels(module, x)
        case _:
            raise _refusal(module)
    return functional.pad(rows, (0, 1), value=1.0) if learns_bias(module) else rows


def gradient_rows(module: nn.Module, g: Tensor) -> Tensor:
    """Rows of the gradients with respect to a layer's outputs.

    Raises:
        TypeError: the module has no rows here.
    """
    match module:
        case nn.Linear():
            return _flat(g)
        case nn.Conv2d():
            return _pixels(module, g)
        case nn.ConvTranspose2d():
            return _patches(module, g)
        case _:
            raise _refusal(module)


def weight_matrix(module: nn.Module, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A weight, or its gradient, as matrices of shape (pairs, size of g, size of x); a bias is their last column.

    Raises:
        TypeError: the module has no rows here.
    """
    match module:
        case nn.Linear():
            matrix = weight[None]
        case nn.Conv2d():
            matrix = weight.reshape(module.groups, weight.shape[0] // module.groups, -1)
        case nn.ConvTranspose2d():
            matrix = weight.reshape(module.groups, weight.shape[0] // module.groups, -1).mT
        case _:
            raise _refusal(module)
    return matrix if bias is None else torch.cat([matrix, bias.reshape(len(matrix), -1, 1)], dim=2)


def _refusal(module: nn.Module) -> TypeError:
    return TypeError(f"{type(module).__name__} has no Kronecker factors here")


def _flat(tensor: Tensor) -> Tensor:
    return tensor.reshape(1, len(tensor), -1, tensor.shape[-1])


def _patches(layer: nn.Conv2d | nn.ConvTranspose2d, images: Tensor) -> Tensor:
    """What lies under the kernel at each of its places, channels slowest as in the weight."""
    assert not isinstance(layer.padding, str)  # is_covered
    columns = functional.unfold(images, layer.kernel_size, layer.dilation, layer.padding, layer.stride)
    examples, size, places = columns.shape
    return columns.reshape(examples, layer.groups, size // layer.groups, places).permute(1, 0, 3, 2)


def _pixels(layer: nn.Conv2d | nn.ConvTranspose2d, images: Tensor) -> Tensor:
    examples, channels = images.shape[:2]
    return images.reshape(examples, layer.groups, channels // layer.groups, -1).permute(1, 0, 3, 2)
