"""Rules of matrix products and convolutions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from validation.counting.kinds import Kind, Rule

Counts = dict[Kind, float]


def _scale_and_add(elements: int, kwargs: dict[str, Any]) -> float:
    """Element-wise work of ``beta * input + alpha * product``: the sum, and each factor that is not 1."""
    scalings = sum(kwargs.get(name, 1) != 1 for name in ("beta", "alpha"))
    return float(elements * (1 + scalings))


def matrix_product(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Counts:
    """``mm`` and ``bmm``: every element of the result is a sum over the inner dimension."""
    return {Kind.PRODUCT: 2.0 * out.numel() * args[0].shape[-1]}


def added_product(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Counts:
    """``addmm`` and ``baddbmm``: the same, added to something."""
    product = 2.0 * out.numel() * args[1].shape[-1]
    return {Kind.PRODUCT: product, Kind.ELEMENTWISE: _scale_and_add(out.numel(), kwargs)}


def matrix_vector(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Counts:
    """``mv`` and ``dot``."""
    return {Kind.PRODUCT: 2.0 * args[0].numel()}


def convolution(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Counts:
    """Arguments input, weight, bias, stride, padding, dilation, transposed, ...; padding counts like any input."""
    bias = out.numel() if args[2] is not None else 0
    return {Kind.PRODUCT: _convolution_flops(args[0], args[1], out, args[6]), Kind.ELEMENTWISE: float(bias)}


def convolution_backward(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Counts:
    """Arguments grad_output, input, weight, bias_sizes, stride, padding, dilation, transposed, ..., output_mask."""
    grad_output, input_, weight, transposed, (for_input, for_weight, for_bias) = *args[:3], args[7], args[10]
    product = _convolution_flops(input_, weight, grad_output, transposed)
    return {
        Kind.PRODUCT: product * (for_input + for_weight),
        Kind.ELEMENTWISE: float(grad_output.numel() * for_bias),
    }


def _convolution_flops(input_: Any, weight: Any, output: Any, transposed: bool) -> float:
    """Every output position (input position where transposed) meets the whole weight of its group.

    A weight has shape (out, in / groups, kernel...), transposed (in, out / groups, kernel...).
    """
    positions = input_ if transposed else output
    return float(2 * positions.shape[0] * math.prod(positions.shape[2:]) * weight.numel())


RULES: Final[Mapping[str, Rule]] = {
    "mm": matrix_product,
    "bmm": matrix_product,
    "addmm": added_product,
    "baddbmm": added_product,
    "mv": matrix_vector,
    "dot": matrix_vector,
    "convolution": convolution,
    "convolution_backward": convolution_backward,
}
