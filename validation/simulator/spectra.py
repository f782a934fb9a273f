"""Families of spectra with eigenvalues between 1 / kappa and 1, ascending."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from costmodel.formulas.accuracy.moments import Moments, moments


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


# --- factors of K-FAC ------------------------------------------------------------------------------------------------
# A spectrum that falls on a floor: eigenvalues before damping, the largest 1 and the smallest 0, plus the damping.


def on_floor(before: Tensor) -> Callable[[float], Tensor]:
    """Damped so that kappa is what is asked for; ``before`` descends, and is stretched to between 1 and 0."""
    falling = (before - before[-1]) / (before[0] - before[-1])
    return lambda kappa: 1 / kappa + (1 - 1 / kappa) * falling.flip(0)


def _ranks(n: int) -> Tensor:
    return torch.arange(1, n + 1, dtype=torch.float64)


def inverse(n: int, kappa: float) -> Tensor:
    """i^-1 on a floor."""
    return on_floor(1 / _ranks(n))(kappa)


def steep(n: int, kappa: float) -> Tensor:
    """i^-2 on a floor."""
    return on_floor(_ranks(n) ** -2)(kappa)


def gap(n: int, kappa: float) -> Tensor:
    """One mode ten times as large as the second, then i^-1.2: an input factor whose inputs have a mean."""
    return on_floor(torch.where(_ranks(n) == 1, 1.0, 0.1 * (_ranks(n) / 2) ** -1.2))(kappa)


def drop(n: int, kappa: float) -> Tensor:
    """One mode thirty times as large as the second, then i^-2."""
    return on_floor(torch.where(_ranks(n) == 1, 1.0, 0.03 * (_ranks(n) / 2) ** -2))(kappa)


def bent(n: int, kappa: float) -> Tensor:
    """i^-0.7 up to an eighth of the modes, then i^-2.5."""
    bend = max(1.0, n / 8)
    flat, rest = _ranks(n) ** -0.7, bend**-0.7 * (_ranks(n) / bend) ** -2.5
    return on_floor(torch.where(_ranks(n) <= bend, flat, rest))(kappa)


def octaves(n: int, kappa: float) -> Tensor:
    """i^-1.5 in steps of one octave of ranks, so that modes come in groups of equal ones."""
    return on_floor(2.0 ** (-1.5 * torch.floor(torch.log2(_ranks(n)))))(kappa)


def interleaved(n: int, kappa: float) -> Tensor:
    """Two factors' worth in one: i^-1 and a twentieth of i^-1.8, half of the modes each."""
    half = _ranks(n - n // 2)
    both = torch.cat([1 / half, 0.05 * half[: n // 2] ** -1.8])
    return on_floor(both.sort(descending=True).values)(kappa)


def steepening(n: int, kappa: float) -> Tensor:
    """A power law whose exponent grows from 1 by 0.3 with every factor e of rank."""
    log_rank = torch.log(_ranks(n))
    return on_floor(torch.exp(-log_rank - 0.15 * log_rank**2))(kappa)


def groups(n: int, kappa: float) -> Tensor:
    """One large mode, a sixteenth of all modes a fifth of it, the others as i^-1.4 from a fiftieth."""
    rank = _ranks(n)
    few = torch.where(rank <= 1 + n / 16, 0.2, 0.02 * (rank / (1 + n / 16)) ** -1.4)
    return on_floor(torch.where(rank == 1, 1.0, few))(kappa)


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
    "inverse": inverse,
    "steep": steep,
    "gap": gap,
    "drop": drop,
    "bent": bent,
    "octaves": octaves,
    "interleaved": interleaved,
    "steepening": steepening,
    "groups": groups,
}


def before_damping(spectrum: Tensor) -> Tensor:
    """Eigenvalues of the factor that a spectrum is of, the smallest one being the damping that was added to all."""
    return spectrum - spectrum.min()


def spectrum_moments(spectrum: Tensor) -> Moments:
    """What the formulas of accuracy know of a spectrum."""
    return moments(before_damping(spectrum).tolist(), damping=spectrum.min().item())


def matrices(spectrum: Tensor, count: int, seed: int) -> Tensor:
    """Matrices with one spectrum in `count` random bases, shape (count, n, n)."""
    n = spectrum.shape[0]
    generator = torch.Generator().manual_seed(seed)
    basis: Tensor = torch.linalg.qr(torch.randn(count, n, n, dtype=torch.float64, generator=generator)).Q
    A: Tensor = (basis * spectrum) @ basis.mT
    return (A + A.mT) / 2
