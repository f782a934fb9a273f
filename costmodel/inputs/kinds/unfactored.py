"""Parameters that have no Kronecker factors: embeddings, normalisations and the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from costmodel.inputs.kinds.fields import Size
from costmodel.inputs.kinds.registry import layer_kind
from costmodel.inputs.schema import Name, Strict
from costmodel.workloads.workload import Unfactored

Flops = Annotated[float, Field(ge=0, le=1e18, allow_inf_nan=False)]


class Embedding(Strict):
    """A table of vectors; listed, not factored."""

    kind: Literal["embedding"]
    name: Name
    vocabulary: Size
    width: Size


@layer_kind(Embedding)
def embedding(entry: Embedding) -> Iterator[Unfactored]:
    """One vector for every word."""
    yield Unfactored(entry.name, entry.kind, entry.vocabulary * entry.width)


class Norm(Strict):
    """A normalisation: scale and, unless ``bias`` is false, shift of ``width`` channels; listed, not factored."""

    kind: Literal["norm"]
    name: Name
    width: Size
    bias: bool = True


@layer_kind(Norm)
def norm(entry: Norm) -> Iterator[Unfactored]:
    """Scale and shift."""
    tensors = 1 + entry.bias
    yield Unfactored(entry.name, entry.kind, tensors * entry.width, tensors=tensors)


class OtherParameters(Strict):
    """Parameters of any other kind, with the FLOPs of their products; listed, not factored."""

    kind: Literal["other"]
    name: Name
    parameters: Size
    flops: Flops = 0.0


@layer_kind(OtherParameters)
def other(entry: OtherParameters) -> Iterator[Unfactored]:
    """As given."""
    yield Unfactored(entry.name, entry.kind, entry.parameters, entry.flops, weighted=entry.flops > 0)


class Products(Strict):
    """Products of activations, or with weights that do not train: FLOPs without parameters."""

    kind: Literal["products"]
    name: Name
    flops: Annotated[float, Field(gt=0, le=1e18, allow_inf_nan=False)]


@layer_kind(Products)
def products(entry: Products) -> Iterator[Unfactored]:
    """As given."""
    yield Unfactored(entry.name, entry.kind, 0, entry.flops)
