"""Factories of tests: networks as users write them, and ways in which they fail."""

from typing import Any

import torch
from torch import Tensor, nn


def perceptron() -> tuple[nn.Module, Tensor]:
    return nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3, bias=False)), torch.zeros(4, 12)


def alone() -> nn.Module:
    return nn.Linear(12, 8)


def wide(width: int, *, depth: int = 1) -> tuple[nn.Module, Tensor]:
    return nn.Sequential(*(nn.Linear(width, width) for _ in range(depth))), torch.zeros(2, width)


def raises() -> Any:
    raise ValueError("the width is wrong\nand more of it")


def wrong_shape() -> tuple[nn.Module, Tensor]:
    return nn.Linear(4, 5), torch.zeros(3, 7)


def nothing_covered() -> tuple[nn.Module, Tensor]:
    return nn.LayerNorm(4), torch.zeros(3, 4)


def number() -> int:
    return 3


class NeedsValues(nn.Module):
    """How many rows its second layer has depends on what the first finds."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        found: Tensor = self.second(y[x[:, 0] > 0])
        return found


def needs_values() -> tuple[nn.Module, Tensor]:
    return NeedsValues(), torch.tensor([[1.0, 0, 0, 0]] * 3 + [[-1.0, 0, 0, 0]] * 5)
