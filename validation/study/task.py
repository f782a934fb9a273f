"""What the study needs of a task."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor, nn


class Split(StrEnum):
    """Parts of a data set."""

    TRAIN = "train"
    VALIDATION = "validation"


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs and targets of some examples."""

    inputs: tuple[Tensor, ...]
    target: Tensor
    examples: int
    segments: dict[str, Tensor]  # by layer: the example of each row, for graph layers


class Task(ABC):
    """Data, model and losses; lower metrics are better.

    Everything is in double precision: training amplifies rounding so much that in single precision another order of a
    sum moves the step at which a run arrives.
    """

    def __init__(self, name: str, batch_size: int) -> None:
        self.name, self.batch_size = name, batch_size
        self._validation: Batch | None = None

    @abstractmethod
    def model(self) -> nn.Module:
        """A fresh model; seed torch first."""

    @abstractmethod
    def size(self, split: Split) -> int:
        """Examples in a split."""

    @abstractmethod
    def batch(self, split: Split, index: Tensor) -> Batch:
        """Examples by index."""

    @abstractmethod
    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Mean loss, which is also the validation metric."""

    @abstractmethod
    def curvature(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """Summed pseudo-loss that samples the Fisher."""

    def metric(self, model: nn.Module) -> float:
        """Validation loss."""
        model.eval()
        with torch.no_grad():
            if self._validation is None:
                self._validation = self.batch(Split.VALIDATION, torch.arange(self.size(Split.VALIDATION)))
            value = float(self.loss(model(*self._validation.inputs), self._validation))
        model.train()
        return value
