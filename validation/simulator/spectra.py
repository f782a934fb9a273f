"""Families of spectra with eigenvalues between 1 / kappa and 1, ascending."""

import math
from collections.abc import Callable

import torch
from torch import Tensor


def logarithmic(n: int, kappa: float) -> Tensor:
    """Evenly spaced logarithms."""
    return torch.logspace(-math.log10(kappa), 0, n, dtype=torch.float64)


def linear(n: int, kappa: float) -> Tensor:
    """Evenly spaced: most modes are fast."""
    return torch.linspace(1 / kappa, 1, n, dtype=torch.float64)


def spiked(n: int, kappa: float) -> Tensor:
    """One mode at 1, all others slow, within a factor of sqrt(kappa) of the slowest: an input factor of K-FAC."""
    low = torch.logspace(-math.log10(kappa), -math.log10(kappa) / 2, n - 1, dtype=torch.float64)
    return torch.cat([low, torch.ones(1, dtype=torch.float64)])


def power(n: int, kappa: float) -> Tensor:
    """lambda_i = i^-a with the exponent that kappa sets: a decaying factor on its floor of damping."""
    i = torch.arange(n, 0, -1, dtype=torch.float64)
    return torch.pow(i, -math.log(kappa) / math.log(n))


def semicircle(n: int, kappa: float) -> Tensor:
    """Chebyshev points stretched over the interval: dense at both ends."""
    angle = torch.linspace(math.pi, 0, n, dtype=torch.float64)
    return 1 / kappa + (1 - 1 / kappa) * (1 + torch.cos(angle)) / 2


def damped(n: int, kappa: float) -> Tensor:
    """i^-a on a floor of damping at which most modes lie, as in K-FAC's factors; a = 2.5, or what a floor needs."""
    decay = max(2.5, 1.2 * math.log(kappa) / math.log(n))
    modes = torch.pow(torch.arange(n, 0, -1, dtype=torch.float64), -decay)
    floor = (1 / kappa - n**-decay) / (1 - 1 / kappa)
    found: Tensor = (modes + floor) / (1 + floor)
    return found


def clusters(n: int, kappa: float) -> Tensor:
    """Half of the modes slow and half fast, each half within a factor of kappa^(1/4)."""
    width, ends = -math.log10(kappa) / 4, -math.log10(kappa)
    low = torch.logspace(ends, ends - width, n // 2, dtype=torch.float64)
    return torch.cat([low, torch.logspace(width, 0, n - n // 2, dtype=torch.float64)])


def quadratic(n: int, kappa: float) -> Tensor:
    """Squares of evenly spaced numbers: thins out slowly towards the fast end."""
    return 1 / kappa + (1 - 1 / kappa) * torch.linspace(0, 1, n, dtype=torch.float64) ** 2


def harmonic(n: int, kappa: float) -> Tensor:
    """Evenly spaced relaxation times: most modes are slow."""
    found: Tensor = 1 / torch.linspace(kappa, 1, n, dtype=torch.float64)
    return found


def lone(n: int, kappa: float) -> Tensor:
    """One slow mode, all others at least sqrt(kappa) times as fast."""
    low = torch.full((1,), 1 / kappa, dtype=torch.float64)
    return torch.cat([low, torch.logspace(-math.log10(kappa) / 2, 0, n - 1, dtype=torch.float64)])


FAMILIES: dict[str, Callable[[int, float], Tensor]] = {
    "logarithmic": logarithmic,
    "linear": linear,
    "spiked": spiked,
    "power": power,
    "semicircle": semicircle,
    "damped": damped,
    "clusters": clusters,
    "quadratic": quadratic,
    "harmonic": harmonic,
    "lone": lone,
}


def matrices(spectrum: Tensor, count: int, seed: int) -> Tensor:
    """Matrices with one spectrum in `count` random bases, shape (count, n, n)."""
    n = spectrum.shape[0]
    generator = torch.Generator().manual_seed(seed)
    basis: Tensor = torch.linalg.qr(torch.randn(count, n, n, dtype=torch.float64, generator=generator)).Q
    A: Tensor = (basis * spectrum) @ basis.mT
    return (A + A.mT) / 2
