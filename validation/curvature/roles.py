"""Roles of a network's layers, from what it is made of and how it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from torch import nn

from costmodel.curvature.naming import named_role
from costmodel.curvature.roles import LayerRole
from validation.curvature.layers import Layer, is_projection


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
    in_block = isinstance(layer.parent, nn.TransformerEncoderLayer | nn.TransformerDecoderLayer)
    named = named_role(last) if is_projection(layer) or in_block else None
    if named is not None:
        return named
    if calls > 1:
        return LayerRole.RECURRENT
    if index == count - 1:
        return LayerRole.HEAD
    if index == 0:
        return LayerRole.FIRST
    return LayerRole.CONVOLUTION if layer.is_convolution else LayerRole.HIDDEN
