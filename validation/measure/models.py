"""Small networks of five kinds, to time whole K-FAC steps on: each built, and one batch for it, from a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import torch
from torch import nn


@dataclass(slots=True)
class Built:
    """A network with one batch.

    Attributes:
        network: Maps ``inputs`` to logits.
        inputs: One batch.
        labels: Class of each row of the logits.
    """

    network: nn.Module
    inputs: torch.Tensor
    labels: torch.Tensor

    def loss(self) -> torch.Tensor:
        """Cross-entropy of the batch."""
        logits = self.network(self.inputs)
        return nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), self.labels)


class Attended(nn.Module):
    """Products of attention, a module of their own so that a hook can count them."""

    def __init__(self, heads: int, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal

    def forward(self, joined: torch.Tensor) -> torch.Tensor:
        """Outputs."""
        batch, tokens, width = joined.shape
        query, key, value = joined.view(batch, tokens, 3, self.heads, width // (3 * self.heads)).permute(2, 0, 3, 1, 4)
        weights = query @ key.mT * (query.shape[-1] ** -0.5)
        if self.causal:
            mask = torch.ones(tokens, tokens, dtype=torch.bool, device=joined.device).triu(1)
            weights = weights.masked_fill(mask, float("-inf"))
        attended: torch.Tensor = weights.softmax(-1) @ value
        return attended.transpose(1, 2).reshape(batch, tokens, width // 3)


class Block(nn.Module):
    """A transformer block, norm first."""

    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.attended = Attended(heads, causal)
        self.up, self.gelu, self.down = nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs."""
        x = x + self.out(self.attended(self.qkv(self.norm1(x))))
        whole: torch.Tensor = x + self.down(self.gelu(self.up(self.norm2(x))))
        return whole


class Tokens(nn.Module):
    """Image patches, or words, to tokens with a position."""

    def __init__(self, first: nn.Module, tokens: int, width: int) -> None:
        super().__init__()
        self.first, self.position = first, nn.Parameter(torch.zeros(tokens, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs."""
        embedded: torch.Tensor = self.first(x)
        if embedded.dim() == 4:
            embedded = embedded.flatten(2).mT
        return embedded + self.position


class Mean(nn.Module):
    """Mean over tokens or pixels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs."""
        return x.mean(1) if x.dim() == 3 else x.mean((2, 3))


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, d_in: int, d_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(d_in, d_out, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(d_out, d_out, 3, 1, 1, bias=False)
        self.norm1, self.norm2, self.relu = nn.BatchNorm2d(d_out), nn.BatchNorm2d(d_out), nn.ReLU()
        straight = d_in == d_out and stride == 1
        self.shortcut = nn.Identity() if straight else nn.Conv2d(d_in, d_out, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs."""
        inner = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        summed: torch.Tensor = self.relu(inner + self.shortcut(x))
        return summed


class Messages(nn.Module):
    """Rounds of message passing: an edge reads its two ends, a node the sum of its edges."""

    def __init__(self, width: int, rounds: int, nodes: int, edges: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.register_buffer("ends", torch.randint(nodes, (2, edges), generator=generator))
        self.embed = nn.Linear(16, width)
        self.edge = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(rounds))
        self.node = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(rounds))
        self.relu, self.readout = nn.ReLU(), nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs."""
        x = self.embed(x)
        source, target = self.ends.unbind(0)  # type: ignore[operator]
        for edge, node in zip(self.edge, self.node, strict=True):
            message = self.relu(edge(torch.cat([x[source], x[target]], 1)))
            received = torch.zeros_like(x).index_add(0, target, message)
            x = self.relu(node(torch.cat([x, received], 1)))
        logits: torch.Tensor = self.readout(x)
        return logits


def mlp(batch: int, *widths: int) -> Built:
    """A multilayer perceptron with biases."""
    layers: list[nn.Module] = []
    for d_in, d_out in pairwise(widths):
        layers += [nn.Linear(d_in, d_out), nn.ReLU()]
    return Built(nn.Sequential(*layers[:-1]), torch.randn(batch, widths[0]), torch.randint(widths[-1], (batch,)))


def vit(batch: int, width: int, depth: int, side: int) -> Built:
    """A vision transformer on patches of 4 by 4 pixels, ``side`` patches a side."""
    first = Tokens(nn.Conv2d(3, width, 4, 4), side * side, width)
    blocks = [Block(width, 4, causal=False) for _ in range(depth)]
    network = nn.Sequential(first, *blocks, nn.LayerNorm(width), Mean(), nn.Linear(width, 10))
    return Built(network, torch.randn(batch, 3, 4 * side, 4 * side), torch.randint(10, (batch,)))


def gpt(batch: int, width: int, depth: int, context: int) -> Built:
    """A decoder-only transformer over 96 characters."""
    first = Tokens(nn.Embedding(96, width), context, width)
    blocks = [Block(width, 4, causal=True) for _ in range(depth)]
    network = nn.Sequential(first, *blocks, nn.LayerNorm(width), nn.Linear(width, 96))
    return Built(network, torch.randint(96, (batch, context)), torch.randint(96, (batch * context,)))


def gnn(nodes: int, edges: int, width: int, rounds: int) -> Built:
    """Message passing on one random graph, a class for each node."""
    network = Messages(width, rounds, nodes, edges)
    return Built(network, torch.randn(nodes, 16), torch.randint(10, (nodes,)))


def resnet(batch: int, width: int, blocks: int, side: int) -> Built:
    """A residual network of three stages, each half the size and twice the channels of the one before."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    channels = width
    for stage in range(3):
        for block in range(blocks):
            layers.append(Residual(channels, width * 2**stage, 2 if stage and not block else 1))
            channels = width * 2**stage
    network = nn.Sequential(*layers, Mean(), nn.Linear(channels, 10))
    return Built(network, torch.randn(batch, 3, side, side), torch.randint(10, (batch,)))


MODELS: Final[dict[str, Callable[[], Built]]] = {
    "mlp_small": lambda: mlp(128, 784, 256, 128, 10),
    "mlp_plain": lambda: mlp(256, 784, 512, 512, 10),
    "mlp_deep": lambda: mlp(512, 256, 384, 384, 384, 384, 20),
    "mlp_wide": lambda: mlp(384, 784, 1024, 768, 10),
    "mlp_uneven": lambda: mlp(200, 500, 700, 300, 150, 10),
    "vit_small": lambda: vit(8, 96, 3, 8),
    "vit_plain": lambda: vit(4, 192, 3, 8),
    "vit_large": lambda: vit(4, 256, 2, 10),
    "vit_deep": lambda: vit(4, 128, 6, 8),
    "vit_wide": lambda: vit(4, 320, 2, 8),
    "gpt_small": lambda: gpt(4, 96, 3, 128),
    "gpt_plain": lambda: gpt(4, 192, 3, 96),
    "gpt_large": lambda: gpt(2, 288, 2, 128),
    "gpt_deep": lambda: gpt(2, 160, 5, 128),
    "gpt_wide": lambda: gpt(2, 384, 2, 128),
    "gnn_small": lambda: gnn(1000, 3000, 64, 3),
    "gnn_plain": lambda: gnn(1500, 4000, 128, 3),
    "gnn_large": lambda: gnn(1000, 3000, 192, 4),
    "gnn_wide": lambda: gnn(800, 2500, 256, 3),
    "gnn_deep": lambda: gnn(1500, 4500, 96, 6),
    "resnet_small": lambda: resnet(16, 16, 1, 16),
    "resnet_plain": lambda: resnet(8, 32, 1, 16),
    "resnet_large": lambda: resnet(8, 24, 2, 24),
    "resnet_deep": lambda: resnet(8, 16, 3, 24),
    "resnet_wide": lambda: resnet(8, 40, 1, 20),
}
