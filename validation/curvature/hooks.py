"""What layers see while a network runs: their inputs, and where the gradients of their outputs will pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.nn import functional

from validation.curvature.layers import Layer, projection_weights


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a layer.

    Attributes:
        x: Its input.
        edge: The place in the graph where the gradient of its output passes; an output that is later changed in place
            does not move it.
        columns: First column of that gradient that is the layer's, and the one behind the last; None for all.
        batch: Examples where the leading dimension is the position and the next one the example; 0 where the leading
            dimension is the example.
    """

    x: Tensor
    edge: GradientEdge
    columns: tuple[int, int] | None = None
    batch: int = 0

    def arranged(self, values: Tensor) -> Tensor:
        """Inputs or gradients with the example in the leading dimension."""
        return values.reshape(-1, self.batch, values.shape[-1]).transpose(0, 1) if self.batch else values


@dataclass(slots=True)
class Seen:
    """Calls by layer, in the order in which layers first ran."""

    calls: dict[str, list[Call]] = field(default_factory=dict)

    def add(self, name: str, call: Call) -> None:
        """Note one call of a layer."""
        self.calls.setdefault(name, []).append(call)


@contextmanager
def watching(layers: Iterable[Layer], seen: Seen) -> Iterator[None]:
    """Collect the calls of some layers; afterwards the model is as it was.

    A layer that runs without gradients, as in evaluation, is not seen.
    """
    with ExitStack() as stack:
        attention: dict[str, nn.MultiheadAttention] = {}
        for layer in layers:
            if isinstance(layer.parent, nn.MultiheadAttention):
                attention[layer.name.rpartition(".")[0]] = layer.parent
            else:
                handle = layer.module.register_forward_hook(_hook(layer.name, seen), with_kwargs=True)
                stack.callback(handle.remove)
        if attention:
            wanted = {layer.name for layer in layers}
            watch = _Projections(attention, wanted, seen, functional.linear)
            stack.enter_context(mock.patch.object(functional, "linear", watch))
        yield


def _hook(name: str, seen: Seen) -> Callable[..., None]:
    def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor) -> None:
        if output.requires_grad:
            x = args[0] if args else kwargs["input"]
            seen.add(name, Call(x.detach(), get_gradient_edge(output)))

    return hook


class _Projections:
    """Stands in for ``functional.linear``, by which attention projects, and notes the calls with its weights.

    Query, key and value use rows of one parameter: all of them, or a view of some.
    """

    def __init__(
        self,
        attention: dict[str, nn.MultiheadAttention],
        wanted: set[str],
        seen: Seen,
        linear: Callable[..., Tensor],
    ) -> None:
        self.wanted, self.seen, self.linear = wanted, seen, linear
        self.batch: dict[str, int] = {}
        self.names: dict[int, tuple[str, tuple[str, ...], int]] = {}
        for name, module in attention.items():
            for projection, (weight, _) in projection_weights(module).items():
                _, known, _ = self.names.get(id(weight), ("", (), 0))
                self.names[id(weight)] = (name, (*known, projection), module.embed_dim)

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        output = self.linear(x, weight, bias)
        base = weight if id(weight) in self.names else weight._base
        found = self.names.get(id(base))
        if found is not None and output.requires_grad:
            self._note(*found, x, weight, output)
        return output

    def _note(
        self, name: str, projections: tuple[str, ...], width: int, x: Tensor, weight: Tensor, output: Tensor
    ) -> None:
        if projections != ("out_proj",):
            self.batch[name] = x.shape[1]
        first = int(weight.storage_offset()) // (width * int(weight.shape[1])) if len(projections) > 1 else 0
        edge = get_gradient_edge(output)
        for index, projection in enumerate(projections[first : first + output.shape[-1] // width]):
            full = f"{name}.{projection}" if name else projection
            if full in self.wanted:
                columns = (index * width, (index + 1) * width)
                self.seen.add(full, Call(x.detach(), edge, columns, self.batch[name]))


def gradients(loss: Tensor, calls: Iterable[Call]) -> list[Tensor | None]:
    """Gradient of a loss with respect to the output of each call; None where the loss does not depend on it."""
    calls = list(calls)
    edges = list(dict.fromkeys(call.edge for call in calls))
    found = torch.autograd.grad(loss, edges, retain_graph=True, allow_unused=True)
    by_edge = dict(zip(edges, found, strict=True))
    return [_part(call, by_edge[call.edge]) for call in calls]


def _part(call: Call, gradient: Tensor | None) -> Tensor | None:
    if gradient is None:
        return None
    return call.arranged(gradient if call.columns is None else gradient[..., slice(*call.columns)])
