"""Batches of images and of text, in an order that a seed fixes."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

#: Values of a byte, which is a token.
BYTES = 256


def digits() -> tuple[Tensor, Tensor]:
    """scikit-learn's 1797 handwritten digits, shape (1797, 1, 8, 8), standardised, and their classes."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32)[:, None]
    return (images - images.mean()) / images.std(), torch.tensor(data.target)


class Images:
    """Batches of images, in another order at each pass.

    Args:
        images: Shape (N, channels, height, width).
        labels: Shape (N,).
        size: Images a batch; what is left over at the end of a pass is dropped.
        shift: Pixels by which an image is moved at most, along either axis.
    """

    def __init__(self, images: Tensor, labels: Tensor, size: int, shift: int = 0) -> None:
        self.images, self.labels, self.size, self.shift = images, labels, size, shift
        self._generator = torch.Generator().manual_seed(0)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(len(self.images), generator=self._generator)
        for chosen in order[: len(order) - len(order) % self.size].split(self.size):
            yield self._moved(self.images[chosen]), self.labels[chosen]

    def _moved(self, images: Tensor) -> Tensor:
        if self.shift == 0:
            return images
        count, _, height, width = images.shape
        first = torch.randint(2 * self.shift + 1, (2, count, 1), generator=self._generator)
        rows, columns = first[0] + torch.arange(height), first[1] + torch.arange(width)
        padded = functional.pad(images, [self.shift] * 4, mode="replicate").permute(0, 2, 3, 1)
        return padded[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


class Text:
    """Endless batches of windows of the standard library's source, and of what follows each byte.

    Args:
        size: Windows a batch.
        length: Bytes a window.
    """

    def __init__(self, size: int, length: int) -> None:
        self.size, self.length = size, length
        self._generator = torch.Generator().manual_seed(0)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        text = _source()
        while True:
            first = torch.randint(len(text) - self.length, (self.size, 1), generator=self._generator)
            windows = text[first + torch.arange(self.length + 1)].long()
            yield windows[:, :-1], windows[:, 1:]


@cache
def _source() -> Tensor:
    """Bytes of every module at the top of the standard library, by name."""
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    return torch.frombuffer(bytearray(b"".join(file.read_bytes() for file in files)), dtype=torch.uint8)
