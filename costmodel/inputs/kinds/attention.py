"""The products of attention."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from costmodel.inputs.kinds.fields import Size
from costmodel.inputs.kinds.registry import layer_kind
from costmodel.inputs.schema import Name, Strict
from costmodel.workloads.workload import Unfactored


class Attention(Strict):
    """The products of attention: queries with keys, weights with values. No parameters."""

    kind: Literal["attention"]
    name: Name
    width: Size
    queries: Size
    keys: Size


@layer_kind(Attention)
def attention(entry: Attention) -> Iterator[Unfactored]:
    """FLOPs without parameters."""
    yield Unfactored(entry.name, entry.kind, 0, attention_flops(entry.width, entry.queries, entry.keys))


def attention_flops(width: int, queries: int, keys: int) -> float:
    """FLOPs of queries times keys and weights times values, all heads together, one example, no causal saving.

    >>> attention_flops(384, 196, 196)
    59006976.0
    """
    return 4.0 * queries * keys * width
