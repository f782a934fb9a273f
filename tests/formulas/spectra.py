"""Layers of trained networks by the spectra of their factors, and errors of preconditioned gradients on them.

``spectra.jsonl`` holds 27 layers of nine networks at the end of training (transformers on text and images, perceptrons,
a convolutional and two graph networks), with eigenvalues at some ranks; those between are interpolated in their
logarithms. A gradient of a layer has independent components along the modes of A and G, of variance alpha_i beta_j.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from costmodel.formulas.accuracy.moments import moments

FILE = Path(__file__).with_name("spectra.jsonl")
#: All layers of three networks, half-way through training, whose K-FAC was run with rounded factors.
ROUNDED = Path(__file__).with_name("spectra_rounded.jsonl")
DAMPINGS = (1e-3, 3e-2)


@dataclass(frozen=True)
class Factor:
    """A factor's eigenvalues before damping, and its damping."""

    alpha: np.ndarray
    gamma: float

    @property
    def n(self):
        return len(self.alpha)

    @property
    def damped(self):
        return self.alpha + self.gamma

    @property
    def kappa(self):
        return self.damped.max() / self.gamma

    @cached_property
    def weights(self):
        """Share of each mode in a preconditioned gradient."""
        power = self.alpha / self.damped**2
        return power / power.sum()

    @cached_property
    def moments(self):
        return moments(self.alpha, self.gamma)

    def values(self, *letters):
        """Values of some symbols for this factor."""
        found = self.moments
        by_letter = {
            "kappa": found.condition_number, "s_r": found.stable_rank, "d_e": found.effective_dimension,
            "q": found.damping_share, "s_2": found.squared_rank, "n": self.n, "m": self.n,
            "mu_2": (self.damped.max() ** 2 / self.damped**2).mean(),
            "s_x": self.damped.max() ** 2 * (self.alpha / self.damped**2).sum() / self.alpha.sum(),
        }  # fmt: skip
        return {letter: by_letter[letter] for letter in letters}

    def matrices(self, generator):
        """The damped factor, its inverse and the root of the undamped one, in a random basis."""
        basis, _ = np.linalg.qr(generator.standard_normal((self.n, self.n)))
        spectra = (self.damped, 1 / self.damped, np.sqrt(self.alpha))
        return tuple((basis * values) @ basis.T for values in spectra)


@dataclass(frozen=True)
class Layer:
    """Both factors of a layer, damped by the pi rule."""

    name: str
    A: Factor
    G: Factor

    @property
    def factors(self):
        return self.A, self.G


def layers(file=FILE, largest=10**9, dampings=DAMPINGS):
    """All layers of a file whose factors have no more dimensions than that, at each damping."""
    found = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["trace"] > 0 and row["n"] <= largest:
            found.setdefault((row["network"], row["layer"], row["step"]), {})[row["side"]] = _eigenvalues(row)
    pairs = {key: each for key, each in found.items() if len(each) == 2}
    return [_layer(key, each["A"], each["G"], damping) for key, each in pairs.items() for damping in dampings]


def _layer(key, A, G, damping):
    pi = np.sqrt(A.mean() / G.mean())
    return Layer(" ".join(map(str, key)), Factor(A, pi * np.sqrt(damping)), Factor(G, np.sqrt(damping) / pi))


def _eigenvalues(row):
    """All of them, from those at some ranks; below the last known rank a power law that completes the trace."""
    least = 1e-7 * max(row["eigenvalues"].values())  # what single precision leaves of a zero
    known = {int(rank): max(value, least) for rank, value in row["eigenvalues"].items()}
    ranks = np.arange(1, row["n"] + 1)
    values = np.exp(np.interp(np.log(ranks), np.log([*known]), np.log([*known.values()])))
    last = max(known)
    if last < row["n"]:
        rest, low, high = row["trace"] - values[:last].sum(), 0.0, 20.0
        for _ in range(60):
            exponent = (low + high) / 2
            values[last:] = known[last] * (ranks[last:] / last) ** -exponent
            low, high = (exponent, high) if values[last:].sum() > rest else (low, exponent)
    return values * row["trace"] / values.sum()


def filtered(layer, A, G):
    """Error of a preconditioned gradient whose modes are off by these shares along A and along G."""
    means = [(factor.weights @ off, factor.weights @ off**2) for factor, off in zip(layer.factors, (A, G), strict=True)]
    (first, first_square), (second, second_square) = means
    kept = (1 - 2 * first + first_square) * (1 - 2 * second + second_square)
    return np.sqrt(max(1 - 2 * (1 - first) * (1 - second) + kept, 0.0))


def random_errors(*squares):
    """Error of a preconditioned gradient from the squared errors of the two inverses, random and independent."""
    return np.sqrt(np.prod([1 + each for each in squares]) - 1)


def covariance_error(factor, relaxation):
    """Squared error of a gradient by a covariance averaged for T, times T: the sum over all pairs of modes.

    ``relaxation`` gives the integral of the product of two modes' autocorrelations over all lags.
    """
    scaled, alpha = factor.damped / factor.damped.max(), factor.alpha / factor.damped.max()
    pairs = relaxation(scaled) / (scaled[:, None] * scaled[None, :])
    noise = (pairs @ alpha).sum() + np.diag(pairs) @ alpha  # E V E^T over V = diag(alpha): each pair, i = j twice
    return noise / (alpha / scaled**2).sum()


def overdamped(scaled):
    return 2 / (scaled[:, None] + scaled[None, :])


def underdamped(scaled):
    """Autocorrelations are sums of two exponentials of rates r1, r2, roots of r^2 + f r + lambda = 0, R'(0) = 0."""
    friction = 2 * np.sqrt(scaled.min())
    moved = np.maximum(scaled, scaled.min() * (1 + 1e-6))  # the slowest has a double root
    swing = np.sqrt((moved - friction**2 / 4).astype(complex))
    rates = -friction / 2 + 1j * swing, -friction / 2 - 1j * swing
    parts = rates[1] / (rates[1] - rates[0]), rates[0] / (rates[0] - rates[1])
    total = np.zeros((len(scaled), len(scaled)), dtype=complex)
    for first, one in zip(rates, parts, strict=True):
        for second, other in zip(rates, parts, strict=True):
            total -= 2 * np.outer(one, other) / (first[:, None] + second[None, :])
    return total.real
