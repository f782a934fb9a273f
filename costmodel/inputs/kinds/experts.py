"""Mixtures of experts: one matrix each, of which every position uses a few."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from costmodel.inputs.kinds.fields import Positioned, Size
from costmodel.inputs.kinds.registry import layer_kind
from costmodel.workloads.workload import Layer


class Experts(Positioned):
    """A dense layer of each expert; every position is sent to ``top_k`` of them.

    ``capacity`` is the room of an expert over its even share: what is padded is computed. Even shares are assumed.
    """

    kind: Literal["experts"]
    d_in: Size
    d_out: Size
    experts: Size
    top_k: Size = 1
    capacity: Annotated[float, Field(gt=0, le=1000)] = 1.0
    bias: bool = False

    def conflicts(self) -> Iterator[str]:
        """More experts for a position than there are."""
        if self.top_k > self.experts:
            yield f"top_k {self.top_k} of {self.experts} experts"


@layer_kind(Experts)
def experts(entry: Experts) -> Iterator[Layer]:
    """Equal factor pairs, one an expert, each with its share of the rows."""
    share = entry.positions * entry.top_k * entry.capacity / entry.experts
    yield Layer(
        entry.name,
        entry.kind,
        entry.d_in,
        entry.d_out,
        entry.bias,
        entry.experts,
        share,
        entry.calls,
        role=entry.role,
    )
