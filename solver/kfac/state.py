"""Factors, and what was prepared from them, as tensors that `torch.save` takes and `torch.load` gives back."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from solver.kfac.backends import PREPARED
from solver.kfac.layers import Layer


def saved_layers(layers: Sequence[Layer]) -> dict[str, dict[str, Any]]:
    """By layer: both factors, and the tensors of what the backend prepared, where it is made of tensors."""
    found: dict[str, dict[str, Any]] = {}
    for layer in layers:
        kind = type(layer.apply).__name__
        prepared = None
        if kind in PREPARED and layer.apply is not None:
            parts = {name: getattr(layer.apply, name) for name in PREPARED[kind].__match_args__}
            prepared = {"kind": kind, **parts}
        found[layer.name] = {"A": layer.A, "G": layer.G, "prepared": prepared}
    return found


def load_layers(layers: Sequence[Layer], saved: Mapping[str, Mapping[str, Any]], dtype: torch.dtype) -> None:
    """Give layers their factors back; nothing changes where they do not fit.

    Raises:
        ValueError: other layers, or factors of another size.
    """
    names = {layer.name for layer in layers}
    if names != saved.keys():
        different = ", ".join(map(repr, sorted(names ^ saved.keys())))
        raise ValueError(f"the state is of other layers: {different} only here or only there")
    for layer in layers:
        sizes = _sizes(layer)
        for factor, size in zip(("A", "G"), sizes, strict=True):
            held = saved[layer.name][factor]
            if held is not None and tuple(held.shape) != (size, size):
                shape = tuple(held.shape)
                raise ValueError(f"{layer.name}: its {factor} has shape {(size, size)}, the state has {shape}")
    for layer in layers:
        state = saved[layer.name]
        place = layer.module.weight.device
        layer.A, layer.G = (_placed(state[factor], place, dtype) for factor in ("A", "G"))
        layer.apply = None
        if state["prepared"] is not None:
            parts = {name: _placed(value, place, dtype) for name, value in state["prepared"].items() if name != "kind"}
            layer.apply = PREPARED[state["prepared"]["kind"]](**parts)


def _placed(value: Tensor | None, device: torch.device, dtype: torch.dtype) -> Tensor | None:
    return None if value is None else value.detach().to(device, dtype, copy=True)


def _sizes(layer: Layer) -> tuple[int, int]:
    """Sizes of A and G."""
    weight, bias = layer.module.weight, layer.module.bias
    trained = bias is not None and bias.requires_grad
    return weight[0].numel() + int(trained), weight.shape[0]
