"""Convolutions in any number of dimensions, and transposed ones."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from costmodel.inputs.kinds.fields import LARGEST_COUNT, Positioned, Size
from costmodel.inputs.kinds.registry import layer_kind
from costmodel.workloads.workload import Layer

#: More dimensions than any network has.
Sides = Annotated[list[Size], Field(min_length=1, max_length=8)]


class Convolution(Positioned):
    """A convolution in any number of dimensions, or a transposed one.

    Positions are output pixels (input pixels for a transposed one, whose matrix maps an input pixel to the whole patch
    it is spread over). They are given, or follow from ``input_size``, ``stride`` and ``padding``.
    """

    kind: Literal["convolution", "transposed_convolution"]
    d_in: Size
    d_out: Size
    kernel: Sides
    stride: Sides | None = None
    padding: Annotated[list[Annotated[int, Field(ge=0, le=10**9)]], Field(max_length=8)] | None = None
    input_size: Sides | None = None
    groups: Size = 1
    bias: bool = True

    def conflicts(self) -> Iterator[str]:
        """Lists of unequal length, channels that do not divide, positions that are missing or do not fit."""
        unequal = [
            f"{key} has {len(value)} entries, kernel has {len(self.kernel)}"
            for key, value in (("stride", self.stride), ("padding", self.padding), ("input_size", self.input_size))
            if value is not None and len(value) != len(self.kernel)
        ]
        yield from unequal
        for key, channels in (("d_in", self.d_in), ("d_out", self.d_out)):
            if channels % self.groups:
                yield f"{key} {channels} does not divide into {self.groups} groups"
        if self.kind == "transposed_convolution" and self.bias:
            yield "a bias of a transposed convolution is not one column of its matrix; write 'bias: false'"
        given = "positions" in self.model_fields_set
        if self.input_size is None and not given:
            yield "needs 'positions', or 'input_size' with stride and padding"
        if self.input_size is not None and not unequal:
            sides = self._output_size(self.input_size)
            if min(sides) < 1:
                yield f"kernel {self.kernel} is larger than the padded input {self.input_size}"
            elif math.prod(sides) > LARGEST_COUNT:
                yield f"input_size gives {math.prod(sides):.3g} positions; at most {LARGEST_COUNT:g} are computed with"
            elif given and math.prod(sides) != self.positions:
                yield f"positions {self.positions:g} but input_size gives {math.prod(sides)}"

    def _output_size(self, input_size: list[int]) -> list[int]:
        """Positions in each dimension."""
        if self.kind == "transposed_convolution":
            return input_size
        ones, zeros = [1] * len(self.kernel), [0] * len(self.kernel)
        sides = zip(input_size, self.kernel, self.stride or ones, self.padding or zeros, strict=True)
        return [(size + 2 * pad - kernel) // stride + 1 for size, kernel, stride, pad in sides]

    def counted_positions(self) -> float:
        """Positions of one example."""
        return self.positions if self.input_size is None else float(math.prod(self._output_size(self.input_size)))


@layer_kind(Convolution)
def convolution(entry: Convolution) -> Iterator[Layer]:
    """A convolution as its matrix: patches to output channels, or pixels to patches where it is transposed."""
    patch = math.prod(entry.kernel)
    inputs, outputs = entry.d_in // entry.groups, entry.d_out // entry.groups
    if entry.kind == "transposed_convolution":
        outputs *= patch
    else:
        inputs *= patch
    yield Layer(
        entry.name,
        entry.kind,
        inputs,
        outputs,
        entry.bias,
        entry.groups,
        entry.counted_positions(),
        entry.calls,
        patches=True,
        role=entry.role,
    )
