"""Matrices with a chosen spectrum."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

Spd = Callable[..., Tensor]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def spd() -> Spd:
    """Build a matrix of size n with eigenvalues log-spaced over [1/kappa, 1] in a random basis."""

    def build(n: int, kappa: float, seed: int = 0, batch: int | None = None) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        shape = (n, n) if batch is None else (batch, n, n)
        basis = torch.linalg.qr(torch.randn(shape, generator=generator, dtype=torch.float64)).Q
        spectrum = torch.logspace(-float(torch.log10(torch.tensor(kappa))), 0, n, dtype=torch.float64)
        if n == 1:
            spectrum = torch.ones(1, dtype=torch.float64)
        matrix = basis * spectrum @ basis.mT
        return (matrix + matrix.mT) / 2

    return build
