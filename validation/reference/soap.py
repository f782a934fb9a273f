"""SOAP for one matrix in its lean form: Adam's first moment lives in the eigenbasis and is turned at a refresh."""

from __future__ import annotations

import torch
from torch import Tensor


class Soap:
    """Adam in the eigenbasis of Shampoo's statistics.

    The first gradient only starts the statistics and the basis; :meth:`step` follows for every later one.

    Attributes:
        statistics: Running averages of W W^T and W^T W.
        bases: Their eigenvectors, those of large eigenvalues first.
        moments: Adam's two moments in the eigenbasis.
    """

    def __init__(self, gradient: Tensor, betas: tuple[float, float], epsilon: float) -> None:
        self.betas, self.epsilon, self.steps = betas, epsilon, 0
        self.statistics: tuple[Tensor, ...] = tuple(product * (1 - betas[1]) for product in products(gradient))
        self.bases: tuple[Tensor, ...] = tuple(torch.linalg.eigh(each).eigenvectors.flip(1) for each in self.statistics)
        self.moments = torch.zeros_like(gradient), torch.zeros_like(gradient)

    def step(self, gradient: Tensor) -> Tensor:
        """What is subtracted from the weight, times the learning rate."""
        self.steps += 1
        turned = self.rotate(gradient)
        first = torch.lerp(self.moments[0], turned, 1 - self.betas[0])
        second = torch.lerp(self.moments[1], turned.square(), 1 - self.betas[1])
        self.moments = first, second
        corrections = [1 - beta**self.steps for beta in self.betas]
        turned_back = self.rotate_back(first / (second.sqrt() + self.epsilon))
        step: Tensor = turned_back * (corrections[1] ** 0.5 / corrections[0])
        self.average(gradient)
        return step

    def rotate(self, gradient: Tensor) -> Tensor:
        """A gradient into the eigenbasis."""
        rotated: Tensor = self.bases[0].mT @ gradient @ self.bases[1]
        return rotated

    def rotate_back(self, step: Tensor) -> Tensor:
        """A step out of the eigenbasis."""
        back: Tensor = self.bases[0] @ step @ self.bases[1].mT
        return back

    def average(self, gradient: Tensor) -> None:
        """Move the statistics towards a gradient's."""
        self.statistics = tuple(
            torch.lerp(average, new, 1 - self.betas[1])
            for average, new in zip(self.statistics, products(gradient), strict=True)
        )

    def refresh(self) -> None:
        """One power iteration of the eigenvectors; the second moment is sorted, the first turned."""
        first, second = self.rotate_back(self.moments[0]), self.moments[1]
        bases = []
        for side, (statistic, basis) in enumerate(zip(self.statistics, self.bases, strict=True)):
            image = statistic @ basis
            order = torch.argsort((basis * image).sum(dim=0), descending=True)
            second = second.index_select(side, order)
            bases.append(torch.linalg.qr(image[:, order]).Q)
        self.bases = tuple(bases)
        self.moments = self.rotate(first), second


def products(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """W W^T and W^T W."""
    return gradient @ gradient.mT, gradient.mT @ gradient
