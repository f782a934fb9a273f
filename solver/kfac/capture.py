"""What the layers of a network saw in a pass: their inputs, and the gradients of losses at their outputs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from solver.kfac.rows import is_covered


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a layer.

    Attributes:
        inputs: Its input, detached.
        output: The place of its output in the graph. The tensor itself would not do: an activation that works in place
            makes it stand for what comes after.
    """

    inputs: Tensor
    output: GradientEdge


class Capture:
    """Hooks that keep what layers see until `clear`; the end of a with statement, or `remove`, takes them off.

    Args:
        layers: By name.
        wanted: Asked whether to keep a call of a layer; None keeps all. A call without a graph is never kept.

    Attributes:
        calls: Of each layer that ran, layers in the order of their first calls.
    """

    def __init__(self, layers: Mapping[str, nn.Module], wanted: Callable[[nn.Module], bool] | None = None) -> None:
        self.calls: dict[str, list[Call]] = {}
        self._wanted = wanted
        self._handles = [
            module.register_forward_hook(self._watch(name), with_kwargs=True) for name, module in layers.items()
        ]

    def _watch(self, name: str) -> Callable[[nn.Module, tuple[Tensor, ...], dict[str, Tensor], Tensor], None]:
        def hook(module: nn.Module, given: tuple[Tensor, ...], named: dict[str, Tensor], output: Tensor) -> None:
            if output.requires_grad and (self._wanted is None or self._wanted(module)):
                (inputs,) = (*given, *named.values())  # a covered layer takes one tensor, by place or by name
                self.calls.setdefault(name, []).append(Call(inputs.detach(), get_gradient_edge(output)))

        return hook

    def gradients(self, loss: Tensor) -> dict[str, list[Tensor]]:
        """Gradients of a scalar loss with respect to every output kept, call by call; the graph stays usable.

        Raises:
            RuntimeError: the loss does not depend on one of the outputs.
        """
        edges = [call.output for calls in self.calls.values() for call in calls]
        left = iter(torch.autograd.grad(loss, edges, retain_graph=True))
        return {name: [next(left) for _ in calls] for name, calls in self.calls.items()}

    def clear(self) -> None:
        """Forget the calls, and with them their graph."""
        self.calls.clear()

    def remove(self) -> None:
        """Take the hooks off; what was kept stays."""
        for handle in self._handles:
            handle.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


def covered_layers(network: nn.Module) -> dict[str, nn.Module]:
    """Layers of a network that have rows, by name."""
    return {name: module for name, module in network.named_modules() if is_covered(module)}
