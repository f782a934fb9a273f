"""model.yaml: the schema of a workload. docs/model-yaml.md shows it by example."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from costmodel.inputs.schema import QuantityEntry, Strict
from costmodel.quantities import units

Size = Annotated[int, Field(ge=1, le=10**9)]
Count = Annotated[float, Field(gt=0, le=1e15, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1)]


class Number(QuantityEntry, of=units.one):
    """A plain number."""


class Seconds(QuantityEntry, of=units.second):
    """A time."""


class Damping(QuantityEntry, of="damping"):
    """Damping lambda."""


class MeanCurvature(QuantityEntry, of="mean_curvature"):
    """Product of the mean eigenvalues of a factor pair."""


class StableRank(QuantityEntry, of="stable_rank"):
    """Trace over largest eigenvalue of a factor."""


class ConditionNumber(QuantityEntry, of="condition_number"):
    """Condition number of a damped factor."""


class RelativeError(QuantityEntry, of="relative_error"):
    """Error allowed in an inverse or a solution."""


class SpectralDecay(QuantityEntry, of="spectral_decay"):
    """Exponent of a factor's spectrum."""


class Rank(QuantityEntry, of="rank"):
    """Columns of a randomised sketch."""


class BlockSize(QuantityEntry, of="block_size"):
    """Side of Shampoo's blocks."""


class Positioned(Strict):
    """A layer that runs over shared positions: tokens, pixels, nodes, edges, frames."""

    name: Name
    positions: Count = 1.0
    calls: Size = 1


class Linear(Positioned):
    """A dense layer; ``positions`` rows share its weight in each example."""

    kind: Literal["linear"]
    d_in: Size
    d_out: Size
    bias: bool = True


class Convolution(Positioned):
    """A convolution in any number of dimensions, or a transposed one.

    Positions are output pixels (input pixels for a transposed one, whose matrix maps an input pixel to the whole patch
    it is spread over). They are given, or follow from ``input_size``, ``stride`` and ``padding``.
    """

    kind: Literal["convolution", "transposed_convolution"]
    d_in: Size
    d_out: Size
    kernel: Annotated[list[Size], Field(min_length=1)]
    stride: list[Size] | None = None
    padding: list[Annotated[int, Field(ge=0)]] | None = None
    input_size: list[Size] | None = None
    groups: Size = 1
    bias: bool = True

    @model_validator(mode="after")
    def _consistent(self) -> Convolution:
        for key in ("stride", "padding", "input_size"):
            value = getattr(self, key)
            if value is not None and len(value) != len(self.kernel):
                raise ValueError(f"{key} has {len(value)} entries, kernel has {len(self.kernel)}")
        for key in ("d_in", "d_out"):
            if getattr(self, key) % self.groups:
                raise ValueError(f"{key} {getattr(self, key)} does not divide into {self.groups} groups")
        if self.kind == "transposed_convolution" and self.bias:
            raise ValueError("a bias of a transposed convolution is not one column of its matrix; write 'bias: false'")
        given = "positions" in self.model_fields_set
        if self.input_size is None and not given:
            raise ValueError("needs 'positions', or 'input_size' with stride and padding")
        counted = self.counted_positions()
        if given and counted != self.positions:
            raise ValueError(f"positions {self.positions:g} but input_size gives {counted:g}")
        return self

    def counted_positions(self) -> float:
        """Positions of one example."""
        if self.input_size is None:
            return self.positions
        if self.kind == "transposed_convolution":
            return math.prod(self.input_size)
        ones, zeros = [1] * len(self.kernel), [0] * len(self.kernel)
        sides = zip(self.input_size, self.kernel, self.stride or ones, self.padding or zeros, strict=True)
        outputs = [(size + 2 * pad - kernel) // stride + 1 for size, kernel, stride, pad in sides]
        if min(outputs) < 1:
            raise ValueError(f"kernel {self.kernel} is larger than the padded input {self.input_size}")
        return math.prod(outputs)


class Recurrent(Positioned):
    """A recurrent layer: one factored matrix for the input and one for the state, for each direction."""

    kind: Literal["recurrent"]
    cell: Literal["rnn", "gru", "lstm"]
    d_in: Size
    d_hidden: Size
    directions: Annotated[int, Field(ge=1, le=2)] = 1
    bias: bool = True


class Attention(Strict):
    """The products of attention: queries with keys, weights with values. No parameters."""

    kind: Literal["attention"]
    name: Name
    width: Size
    queries: Size
    keys: Size


class Embedding(Strict):
    """A table of vectors; listed, not factored."""

    kind: Literal["embedding"]
    name: Name
    vocabulary: Size
    width: Size


class OutputProjection(Strict):
    """Logits from a tied embedding: its products are counted, its parameters belong to the embedding."""

    kind: Literal["tied_projection"]
    name: Name
    d_in: Size
    d_out: Size
    positions: Count = 1.0


class Norm(Strict):
    """A normalisation: scale and shift of ``width`` channels; listed, not factored."""

    kind: Literal["norm"]
    name: Name
    width: Size


class OtherParameters(Strict):
    """Parameters of any other kind; listed, not factored."""

    kind: Literal["other"]
    name: Name
    parameters: Size


class Repeat(Strict):
    """Layers that occur several times; ``{i}`` in ``name`` counts from ``start``."""

    repeat: Annotated[int, Field(ge=1, le=100_000)]
    start: Annotated[int, Field(ge=0)] = 0
    name: Name
    layers: Annotated[list[Any], Field(min_length=1)]


LAYER_KINDS: dict[str, type[Strict]] = {
    "linear": Linear,
    "convolution": Convolution,
    "transposed_convolution": Convolution,
    "recurrent": Recurrent,
    "attention": Attention,
    "embedding": Embedding,
    "tied_projection": OutputProjection,
    "norm": Norm,
    "other": OtherParameters,
}


class Training(Strict):
    """What first-order training takes, and what share of its steps K-FAC needs."""

    target: str
    adam_steps: Number
    kfac_step_ratio: Number


class KfacEntry(Strict):
    """Settings of K-FAC that bind every method alike."""

    weight_sharing: Literal["expand", "reduce"] = "expand"
    factor_products: Literal["full", "symmetric"] = "full"
    factor_interval: Size = 10
    refresh_interval: Size = 100
    damping: Damping | None = None
    mean_curvature: MeanCurvature | None = None
    input_stable_rank: StableRank | None = None
    output_stable_rank: StableRank | None = None
    condition_number: ConditionNumber | None = None
    relative_error: RelativeError | None = None
    input_spectral_decay: SpectralDecay | None = None
    output_spectral_decay: SpectralDecay | None = None
    rank: Rank | None = None
    block_size: BlockSize | None = None


class MlpParameters(Strict):
    """A multilayer perceptron: ``depth`` hidden layers of ``width``."""

    depth: Size = 4
    width: Size = 1024
    d_in: Size = 784
    d_out: Size = 10


class GptParameters(Strict):
    """A decoder-only transformer; ``factored_output`` unties and factors the output layer, at vocabulary size."""

    depth: Size = 12
    width: Size = 768
    heads: Size = 12
    context: Size = 1024
    vocabulary: Size = 50257
    factored_output: bool = False

    @model_validator(mode="after")
    def _heads_divide(self) -> GptParameters:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} does not divide into {self.heads} heads")
        return self


FAMILIES: dict[str, type[Strict]] = {"mlp": MlpParameters, "gpt": GptParameters}


class WorkloadFile(Strict):
    """The top of model.yaml: either ``layers`` or a ``family`` with ``parameters``."""

    schema_: Literal[1] = Field(alias="schema")
    name: Name
    title: str = ""
    source: str = ""
    batch_size: Size
    host_time: Seconds | None = None
    training: Training | None = None
    kfac: KfacEntry = KfacEntry()
    layers: Annotated[list[Any], Field(min_length=1)] | None = None
    family: str | None = None
    parameters: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one_description(self) -> WorkloadFile:
        if (self.layers is None) == (self.family is None):
            raise ValueError("needs either 'layers' or 'family'")
        if self.family is None and self.parameters is not None:
            raise ValueError("'parameters' belong to a 'family'; layers state their own sizes")
        return self
