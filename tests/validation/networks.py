"""Small real networks, one for each way a layer uses its weight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

DOUBLE = torch.float64


@dataclass(frozen=True)
class Case:
    """A network, its inputs, and the numbers its only or first layer should be counted by, worked out by hand.

    d, a, g: as in the formulas; rows: M of the step; pairs: equal factor pairs.
    """

    build: Callable[[], nn.Module]
    inputs: Callable[[], tuple[Tensor, ...]]
    d: int
    a: int
    g: int
    rows: int
    batch: int
    pairs: int = 1


class Recurrent(nn.Module):
    """h <- tanh(W h + V x), unrolled over the steps of each example."""

    def __init__(self) -> None:
        super().__init__()
        self.state = nn.Linear(6, 6)

    def forward(self, inputs: Tensor) -> Tensor:
        state = inputs[:, 0]
        for step in range(1, inputs.shape[1]):
            state = torch.tanh(self.state(state + inputs[:, step]))
        return state


class Edges(nn.Module):
    """A message for each edge from both of its nodes and its own features, summed at the receiving node."""

    def __init__(self) -> None:
        super().__init__()
        self.message = nn.Linear(5 + 5 + 2, 7)

    def forward(self, nodes: Tensor, edges: Tensor, sources: Tensor, targets: Tensor) -> Tensor:
        seen = torch.cat([nodes[sources], nodes[targets], edges], dim=1)
        return torch.zeros(len(nodes), 7, dtype=DOUBLE).index_add(0, targets, self.message(seen))


def _random(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=DOUBLE, requires_grad=True)


CASES: dict[str, Case] = {
    # 8 examples through 5 -> 3 with bias
    "linear": Case(lambda: nn.Linear(5, 3), lambda: (_random(8, 5),), d=5, a=6, g=3, rows=8, batch=8),
    # 4 examples of 7 tokens
    "tokens": Case(lambda: nn.Linear(5, 3), lambda: (_random(4, 7, 5),), d=5, a=6, g=3, rows=28, batch=4),
    "tokens, no bias": Case(
        lambda: nn.Linear(5, 3, bias=False), lambda: (_random(4, 7, 5),), d=5, a=5, g=3, rows=28, batch=4
    ),
    # 3x3 on 6x6 with padding 1: 36 places; 2 channels x 9 = 18
    "convolution": Case(
        lambda: nn.Conv2d(2, 4, 3, padding=1), lambda: (_random(3, 2, 6, 6),), d=18, a=19, g=4, rows=108, batch=3
    ),
    # 3x2 with stride 2 and padding 1, 0 on 7x6: (7 + 2 - 3) / 2 + 1 = 4 by (6 - 2) / 2 + 1 = 3 places
    "strided convolution": Case(
        lambda: nn.Conv2d(3, 4, (3, 2), stride=2, padding=(1, 0), bias=False),
        lambda: (_random(2, 3, 7, 6),),
        d=18,
        a=18,
        g=4,
        rows=24,
        batch=2,
    ),
    # 2 groups of 2 -> 3 channels, 3x3 on 5x5: 9 places
    "grouped convolution": Case(
        lambda: nn.Conv2d(4, 6, 3, groups=2), lambda: (_random(2, 4, 5, 5),), d=18, a=19, g=3, rows=18, batch=2, pairs=2
    ),
    # every input pixel of 4x5 becomes a 2x2 patch of 3 channels
    "transposed convolution": Case(
        lambda: nn.ConvTranspose2d(5, 3, 2, stride=2, bias=False),
        lambda: (_random(2, 5, 4, 5),),
        d=5,
        a=5,
        g=12,
        rows=40,
        batch=2,
    ),
    # 3 examples, 4 uses of the state's matrix each
    "recurrence": Case(Recurrent, lambda: (_random(3, 5, 6),), d=6, a=7, g=6, rows=12, batch=3),
    # 9 edges between 6 nodes; each edge counts as an example
    "edges": Case(
        Edges,
        lambda: (_random(6, 5), _random(9, 2), torch.arange(9) % 6, torch.arange(9) * 2 % 6),
        d=12,
        a=13,
        g=7,
        rows=9,
        batch=9,
    ),
}


def build(name: str) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The network of a case, in doubles, and its inputs."""
    torch.manual_seed(0)
    return CASES[name].build().to(DOUBLE), CASES[name].inputs()


def quadratic(output: Tensor) -> Tensor:
    """Half the sum of squares: a sum over examples whose output gradients are the outputs."""
    return (output * output).sum() / 2
