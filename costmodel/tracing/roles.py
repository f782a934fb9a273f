"""Roles of traced layers, and what kind of network they make."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from torch import nn

from costmodel.curvature.naming import named_role
from costmodel.curvature.roles import LayerRole, NetworkKind
from costmodel.tracing.capture import Use

_RECURRENT: Final = (nn.RNNBase, nn.RNNCellBase)


def role_of(
    name: str, uses: Sequence[Use], kind: str, module: nn.Module | None, last: str, edges: Collection[float]
) -> LayerRole:
    """The first rule that fits: takes the input; recurrent; runs last; by name; convolution; message passing; hidden.

    Args:
        name: Of the layer.
        uses: Its products.
        kind: Of the entry that is made of it.
        module: That holds its weight.
        last: Name of the layer that runs last.
        edges: Numbers of rows that are edges of a graph; empty where the network passes no messages.
    """
    if not any(use.input_gradient for use in uses):
        return LayerRole.FIRST
    if isinstance(module, _RECURRENT):
        return LayerRole.RECURRENT
    if name == last:
        return LayerRole.HEAD
    named = named_role(name)
    if "convolution" in kind:
        return LayerRole.CONVOLUTION
    if edges and named is None:
        return LayerRole.EDGE if any(use.rows in edges for use in uses) else LayerRole.NODE
    return named or LayerRole.HIDDEN


def network_of(uses: Sequence[Use]) -> NetworkKind:
    """What a network is, from what it runs."""
    kinds = {use.kind for use in uses}
    weighted = [use for use in uses if use.weight and use.kind != "embedding"]
    convolutions = sum(use.kind == "convolution" for use in weighted)
    if "aggregation" in kinds:
        return NetworkKind.GRAPH_NETWORK
    if 2 * convolutions > len(weighted) or (convolutions > 1 and kinds <= {"convolution", "linear"}):
        return NetworkKind.CONVOLUTIONAL
    if "products" in kinds and "embedding" in kinds:
        return NetworkKind.LANGUAGE_MODEL
    if "products" in kinds and weighted and weighted[0].kind == "convolution":
        return NetworkKind.VISION_TRANSFORMER
    if kinds == {"linear"} and len({use.weight for use in uses}) == len(uses):  # each once: no recurrence
        return NetworkKind.PERCEPTRON
    return NetworkKind.OTHER
