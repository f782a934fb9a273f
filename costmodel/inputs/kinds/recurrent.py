"""Recurrent layers: RNN, GRU and LSTM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field

from costmodel.curvature.roles import LayerRole
from costmodel.inputs.kinds.fields import Positioned, Size
from costmodel.inputs.kinds.registry import layer_kind
from costmodel.workloads.workload import Layer

_GATES: Final = {"rnn": 1, "gru": 3, "lstm": 4}


class Recurrent(Positioned):
    """A recurrent layer: one factored matrix for the input and one for the state, for each direction."""

    kind: Literal["recurrent"]
    cell: Literal["rnn", "gru", "lstm"]
    d_in: Size
    d_hidden: Size
    directions: Annotated[int, Field(ge=1, le=2)] = 1
    bias: bool = True


@layer_kind(Recurrent)
def recurrent(entry: Recurrent) -> Iterator[Layer]:
    """Matrices by the names PyTorch gives them."""
    outputs = _GATES[entry.cell] * entry.d_hidden
    for suffix in ("", "_reverse")[: entry.directions]:
        for matrix, inputs in (("ih", entry.d_in), ("hh", entry.d_hidden)):
            name = f"{entry.name}.weight_{matrix}_l0{suffix}"
            role = entry.role or LayerRole.RECURRENT
            yield Layer(name, entry.kind, inputs, outputs, entry.bias, 1, entry.positions, entry.calls, role=role)
