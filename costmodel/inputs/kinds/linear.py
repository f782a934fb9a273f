"""Dense layers, and the output layer whose weight is the embedding's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from costmodel.inputs.kinds.fields import Count, Positioned, Size
from costmodel.inputs.kinds.registry import layer_kind
from costmodel.inputs.schema import Name, Strict
from costmodel.workloads.workload import Layer, Unfactored


class Linear(Positioned):
    """A dense layer; ``positions`` rows share its weight in each example."""

    kind: Literal["linear"]
    d_in: Size
    d_out: Size
    bias: bool = True


@layer_kind(Linear)
def linear(entry: Linear) -> Iterator[Layer]:
    """One matrix."""
    yield Layer(
        entry.name,
        entry.kind,
        entry.d_in,
        entry.d_out,
        entry.bias,
        positions=entry.positions,
        calls=entry.calls,
        role=entry.role,
    )


class OutputProjection(Strict):
    """Logits from a tied embedding: its products are counted, its parameters belong to the embedding."""

    kind: Literal["tied_projection"]
    name: Name
    d_in: Size
    d_out: Size
    positions: Count = 1.0


@layer_kind(OutputProjection)
def tied_projection(entry: OutputProjection) -> Iterator[Unfactored]:
    """FLOPs without parameters."""
    yield Unfactored(entry.name, entry.kind, 0, 2.0 * entry.positions * entry.d_in * entry.d_out, weighted=True)
