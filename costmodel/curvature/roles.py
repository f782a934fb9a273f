"""What a layer does in its network, which decides how curved the loss is along its weights.

Layers of different roles differ by orders of magnitude in one network (measured: docs/curvature.md).
"""

from __future__ import annotations

from enum import StrEnum


class LayerRole(StrEnum):
    """What a factored layer does in its network."""

    FIRST = "first"  # takes the network's input: pixels, patches, features of atoms
    QUERY = "query"  # of attention
    KEY = "key"  # of attention
    VALUE = "value"  # of attention
    ATTENTION_OUTPUT = "attention_output"  # mixes the heads of attention
    MLP_IN = "mlp_in"  # widens, inside a block with a residual connection
    MLP_OUT = "mlp_out"  # narrows, inside a block with a residual connection
    CONVOLUTION = "convolution"  # any but the first
    NODE = "node"  # update of nodes in message passing
    EDGE = "edge"  # update of edges in message passing
    GLOBAL = "global"  # update of a whole graph's state
    HIDDEN = "hidden"  # of a multilayer perceptron, or anything without a role of its own
    RECURRENT = "recurrent"  # applied once a step of a sequence
    HEAD = "head"  # gives the network's output: classes, tokens, targets


class NetworkKind(StrEnum):
    """What family a network is of; layers of one role are curved differently from one family to the next."""

    PERCEPTRON = "perceptron"  # dense layers, one after the other
    VISION_TRANSFORMER = "vision_transformer"  # attention over patches, one target an image
    LANGUAGE_MODEL = "language_model"  # attention over tokens, a target each
    GRAPH_NETWORK = "graph_network"  # message passing
    CONVOLUTIONAL = "convolutional"
    OTHER = "other"  # nothing like it has been measured

    @property
    def pools_positions(self) -> bool:
        """Whether its loss sees the mean over positions that it keeps apart until then."""
        return self is NetworkKind.VISION_TRANSFORMER
