"""A byte-level language model of two LSTM layers, each made of two linear layers that run once a byte."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from validation.curvature import Task
from validation.curvature.networks.batches import BYTES, Text
from validation.curvature.networks.transformers import next_byte

LAST_STEP = 800


class Cell(nn.Module):
    """An LSTM cell."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.input, self.state = nn.Linear(width, 4 * width), nn.Linear(width, 4 * width)

    def forward(self, x: Tensor) -> Tensor:
        """A sequence, shape (N, T, width), to the states after each of its entries."""
        h = c = x.new_zeros(x.shape[0], x.shape[2])
        states = []
        for each in x.unbind(1):
            i, f, o, g = (self.input(each) + self.state(h)).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            states.append(h)
        return torch.stack(states, 1)


class Lstm(nn.Module):
    """Bytes in, logits of the next byte out."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(BYTES, width)
        self.cells = nn.Sequential(Cell(width), Cell(width))
        self.head = nn.Linear(width, BYTES)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens, shape (N, T), to logits of the next."""
        logits: Tensor = self.head(self.cells(self.embed(tokens)))
        return logits


def source_lstm_96() -> Task:
    """Width 96, 48 bytes of context; of a kind that no measured network is."""
    return Task(
        Lstm(96),
        Text(32, 48),
        next_byte,
        likelihood="categorical",
        kind="other",
        width=96,
        data="source of Python's standard library, bytes",
        roles={"cells.*": "recurrent"},
    )
