"""Roles of layers by their names, for curvature files that do not record them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from costmodel.curvature.roles import LayerRole

_TRANSFORMER: Final = (
    (r"patch", LayerRole.FIRST),
    (r"b\.\d+\.query", LayerRole.QUERY),
    (r"b\.\d+\.key", LayerRole.KEY),
    (r"b\.\d+\.value", LayerRole.VALUE),
    (r"b\.\d+\.proj", LayerRole.ATTENTION_OUTPUT),
    (r"b\.\d+\.fc", LayerRole.MLP_IN),
    (r"b\.\d+\.out", LayerRole.MLP_OUT),
    (r"head", LayerRole.HEAD),
)
#: Names of layers, whole, by kind of network.
PATTERNS: Final[dict[str, tuple[tuple[str, LayerRole], ...]]] = {
    "gpt": _TRANSFORMER,
    "vit": _TRANSFORMER,
    "mlp": ((r"l\.0", LayerRole.FIRST),),  # the last one is the head by its order
    "gnn": (
        (r"ne|ee", LayerRole.FIRST),
        (r"b\.\d+\.edge", LayerRole.EDGE),
        (r"b\.\d+\.node", LayerRole.NODE),
        (r"b\.\d+\.glob", LayerRole.GLOBAL),
        (r"dec", LayerRole.HEAD),
    ),
    "resnet": (
        (r"conv1", LayerRole.FIRST),
        (r"layer\d+\..+", LayerRole.CONVOLUTION),
        (r"fc", LayerRole.HEAD),
    ),
}


def roles_of(factors: Sequence[tuple[str, str, str, str, int]]) -> list[LayerRole]:
    """The role of each factor's layer.

    Args:
        factors: Network, kind, layer, side and order of each, in the order of the file.

    Returns:
        What the name says in a network of this kind. Where it says nothing, the first layer of a network in the file
        is its first, the last its head, and the others are hidden.
    """
    order: dict[str, dict[str, None]] = {}
    orders: dict[tuple[str, str, str], int] = {}
    for network, _, layer, side, n in factors:
        order.setdefault(network, {})[layer] = None
        orders[network, layer, side] = n
    return [
        _swapped(_named(kind, layer) or _placed(layer, order[network]), orders, network, layer)
        for network, kind, layer, _, _ in factors
    ]


def _named(kind: str, layer: str) -> LayerRole | None:
    return next((role for pattern, role in PATTERNS.get(kind, ()) if re.fullmatch(pattern, layer)), None)


def _placed(layer: str, order: dict[str, None]) -> LayerRole:
    if layer == next(reversed(order)) and len(order) > 1:
        return LayerRole.HEAD
    return LayerRole.FIRST if layer == next(iter(order)) else LayerRole.HIDDEN


def _swapped(role: LayerRole, orders: dict[tuple[str, str, str], int], network: str, layer: str) -> LayerRole:
    """``out`` is the output of an MLP where it narrows, and of attention where it keeps the width."""
    A, G = orders.get((network, layer, "A")), orders.get((network, layer, "G"))
    if role is LayerRole.MLP_OUT and A is not None and G is not None and A <= G + 1:
        return LayerRole.ATTENTION_OUTPUT
    return role
