"""What layers see while a network runs: their inputs, and where the gradients of their outputs will pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

import torch
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge
from torch.nn import functional

from solver.kfac.capture import Call, Capture
from validation.curvature.layers import Layer, is_projection, projection_weights


@dataclass(frozen=True, slots=True)
class Projection(Call):
    """One call of a projection of attention.

    Attributes:
        columns: First column of the output's gradient that is the projection's, and the one behind the last.
        batch: Examples; they are the next to last dimension, or take turns in the only one.
    """

    columns: tuple[int, int]
    batch: int


def arranged(call: Call, values: Tensor) -> Tensor:
    """Inputs or gradients of a call with the example in the leading dimension."""
    if isinstance(call, Projection):
        return values.reshape(-1, call.batch, values.shape[-1]).transpose(0, 1)
    return values


@contextmanager
def watching(layers: Iterable[Layer]) -> Iterator[Capture]:
    """Collect the calls of some layers; afterwards the model is as it was.

    A layer that runs without gradients, as in evaluation, is not seen.
    """
    layers = list(layers)
    attention = {layer.name.rpartition(".")[0]: layer.own for layer in layers if is_projection(layer)}
    with Capture({layer.name: layer.own for layer in layers if not is_projection(layer)}) as capture:
        if not attention:
            yield capture
            return
        watch = _Projections(attention, {layer.name for layer in layers}, capture.calls, functional.linear)
        with mock.patch.object(functional, "linear", watch):
            yield capture


class _Projections:
    """Stands in for ``functional.linear``, by which attention projects, and notes the calls with its weights.

    Query, key and value use rows of one parameter: all of them, or a view of some.
    """

    def __init__(
        self,
        attention: Mapping[str, nn.Module],
        wanted: Collection[str],
        calls: dict[str, list[Call]],
        linear: Callable[..., Tensor],
    ) -> None:
        self.wanted, self.calls, self.linear = wanted, calls, linear
        self.batch: dict[str, int] = {}
        self.names: dict[int, tuple[str, tuple[str, ...], int]] = {}
        for name, module in attention.items():
            assert isinstance(module, nn.MultiheadAttention)
            for projection, (weight, _) in projection_weights(module).items():
                _, known, _ = self.names.get(id(weight), ("", (), 0))
                self.names[id(weight)] = (name, (*known, projection), module.embed_dim)

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        output = self.linear(x, weight, bias)
        base = weight if id(weight) in self.names else weight._base
        found = self.names.get(id(base))
        if found is not None and output.requires_grad:
            first = 0 if base is weight or base is None else weight.storage_offset() - base.storage_offset()
            self._note(*found, x, first // (found[2] * weight.shape[1]), output)
        return output

    def _note(self, name: str, projections: tuple[str, ...], width: int, x: Tensor, first: int, output: Tensor) -> None:
        """Note one call whose weight begins at the first row of some projection."""
        if projections != ("out_proj",):
            self.batch[name] = x.shape[1]
        edge = get_gradient_edge(output)
        for index, projection in enumerate(projections[first : first + output.shape[-1] // width]):
            full = f"{name}.{projection}" if name else projection
            if full in self.wanted:
                columns = (index * width, (index + 1) * width)
                self.calls.setdefault(full, []).append(Projection(x.detach(), edge, columns, self.batch[name]))


def gradients(loss: Tensor, calls: Iterable[Call]) -> list[Tensor | None]:
    """Gradient of a loss with respect to the output of each call; None where the loss does not depend on it."""
    calls = list(calls)
    edges = list(dict.fromkeys(call.output for call in calls))
    found = torch.autograd.grad(loss, edges, retain_graph=True, allow_unused=True)
    by_edge = dict(zip(edges, found, strict=True))
    return [_part(call, by_edge[call.output]) for call in calls]


def _part(call: Call, gradient: Tensor | None) -> Tensor | None:
    if gradient is None or not isinstance(call, Projection):
        return gradient
    return gradient[..., slice(*call.columns)]
