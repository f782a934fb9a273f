"""Roles of a network's layers, from what it is made of and how it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from torch import nn

from costmodel.curvature.roles import LayerRole
from validation.curvature.layers import Layer, is_projection

_PROJECTIONS: Final = {
    "query": LayerRole.QUERY,
    "key": LayerRole.KEY,
    "value": LayerRole.VALUE,
    "out_proj": LayerRole.ATTENTION_OUTPUT,
}
_BLOCK: Final = {"linear1": LayerRole.MLP_IN, "linear2": LayerRole.MLP_OUT}


def infer_roles(order: Sequence[Layer], calls: Mapping[str, int], given: Mapping[str, LayerRole]) -> list[LayerRole]:
    """The role of each layer that ran.

    The first rule that fits decides: what the user gave by a pattern; a projection or an MLP of a block that torch
    itself defines; called more than once a forward pass; last to run; first to run; a convolution; hidden.

    Args:
        order: Layers in the order of their first call.
        calls: Calls of each in one forward pass, by name.
        given: Roles by shell pattern over names, from the user.
    """
    return [_role(layer, index, len(order), calls[layer.name], given) for index, layer in enumerate(order)]


def _role(layer: Layer, index: int, count: int, calls: int, given: Mapping[str, LayerRole]) -> LayerRole:
    by_user = next((role for pattern, role in given.items() if fnmatchcase(layer.name, pattern)), None)
    if by_user is not None:
        return by_user
    last = layer.name.rpartition(".")[2]
    if is_projection(layer):
        return _PROJECTIONS[last]
    if isinstance(layer.parent, nn.TransformerEncoderLayer | nn.TransformerDecoderLayer) and last in _BLOCK:
        return _BLOCK[last]
    if calls > 1:
        return LayerRole.RECURRENT
    if index == count - 1:
        return LayerRole.HEAD
    if index == 0:
        return LayerRole.FIRST
    return LayerRole.CONVOLUTION if layer.is_convolution else LayerRole.HIDDEN
