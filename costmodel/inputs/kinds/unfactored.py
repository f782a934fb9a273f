"""Parameters that have no Kronecker factors: embeddings, normalisations and the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from costmodel.inputs.kinds.fields import Size
from costmodel.inputs.kinds.registry import layer_kind
from costmodel.inputs.schema import Name, Strict
from costmodel.workloads.workload import Unfactored


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
    """A normalisation: scale and shift of ``width`` channels; listed, not factored."""

    kind: Literal["norm"]
    name: Name
    width: Size


@layer_kind(Norm)
def norm(entry: Norm) -> Iterator[Unfactored]:
    """Scale and shift."""
    yield Unfactored(entry.name, entry.kind, 2 * entry.width, tensors=2)


class OtherParameters(Strict):
    """Parameters of any other kind; listed, not factored."""

    kind: Literal["other"]
    name: Name
    parameters: Size


@layer_kind(OtherParameters)
def other(entry: OtherParameters) -> Iterator[Unfactored]:
    """As given."""
    yield Unfactored(entry.name, entry.kind, entry.parameters)
