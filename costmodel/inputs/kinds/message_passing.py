"""What message passing does between its layers: sums over edges, and softmax over the edges of a node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from costmodel.inputs.kinds.fields import Count, Size
from costmodel.inputs.kinds.registry import layer_kind
from costmodel.inputs.schema import Name, Strict
from costmodel.workloads.workload import Unfactored


class Aggregation(Strict):
    """Messages of ``width`` gathered at the nodes: sum, mean or maximum. No parameters."""

    kind: Literal["aggregation"]
    name: Name
    edges: Count
    width: Size


@layer_kind(Aggregation)
def aggregation(entry: Aggregation) -> Iterator[Unfactored]:
    """One operation an element of a message."""
    yield Unfactored(entry.name, entry.kind, 0, entry.edges * entry.width)


class EdgeSoftmax(Strict):
    """Attention over the edges of a node, ``heads`` numbers an edge. No parameters."""

    kind: Literal["edge_softmax"]
    name: Name
    edges: Count
    heads: Size = 1


@layer_kind(EdgeSoftmax)
def edge_softmax(entry: EdgeSoftmax) -> Iterator[Unfactored]:
    """Maximum, difference, exponential, sum and quotient: five operations an edge and head."""
    yield Unfactored(entry.name, entry.kind, 0, 5.0 * entry.edges * entry.heads)
