"""Factors whose eigenvalues are known one by one, and what the sums over them make of errors and of times on arrays.

Nothing here calls the code under test: every number is a sum over eigenvalues in units of the damping, as
docs/derivations.md writes them before they are brought to moments.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Spectrum:
    """A factor of n modes, of which the first two exceed the damping; the others are nothing but damping.

    Attributes:
        n: Dimension.
        top: First eigenvalue before damping, in dampings: kappa - 1.
        second: Second eigenvalue; 0 for a spectrum of one mode.
        peak: Largest diagonal entry over the mean.
    """

    n: int
    top: float
    second: float = 0.0
    peak: float = 1.0

    @property
    def kappa(self) -> float:
        return self.top + 1

    @cached_property
    def alpha(self) -> np.ndarray:
        return np.array([self.top, self.second, *[0.0] * (self.n - 2)])

    @property
    def damped(self) -> np.ndarray:
        return self.alpha + 1

    @property
    def weight(self) -> np.ndarray:
        """Power of a preconditioned gradient in each mode."""
        return self.alpha / self.damped**2

    @property
    def d_e(self) -> float:
        return float(np.sum(self.alpha / self.damped))

    @property
    def q(self) -> float:
        return float(np.sum(self.weight)) / self.d_e

    def stated(self, side: str) -> str:
        """As settings of a model: of ``input`` or ``output`` factors."""
        gap = self.top / self.second if self.second else 1e12
        rank = 1 + self.second / self.top
        return f"{side}_stable_rank: {rank!r}, {side}_top_mode_gap: {gap:.17g}, {side}_spectral_decay: 1"

    # --- errors of a gradient by one inverse ----------------------------------------------------------------------

    @property
    def largest(self) -> float:
        """The largest coupling, a diagonal entry."""
        return self.peak * float(np.mean(self.alpha)) + 1

    @property
    def inverse_norm(self) -> float:
        return float(np.sqrt(np.sum(self.damped**-2.0)))

    def all_lost(self) -> float:
        """Of an inverse of nothing but damping: mode i is too large by alpha_i."""
        return float(np.sqrt(np.sum(self.weight * self.alpha**2) / np.sum(self.weight)))

    def rounding(self, bits: float) -> float:
        """Steps of equal size up to the largest coupling: random, and lost where entries are below half a step."""
        step = self.largest / (2 ** (bits - 1) - 1)
        rms = np.sqrt(np.sum(self.alpha**2)) / self.n
        lost = min(1.0, 2 * np.exp(-2 * (np.pi * rms / step) ** 2))
        few, every = 1 - self.q, self.all_lost()
        systematic = lost * few * every / (few + (1 - lost) * (every - few))
        random = step / np.sqrt(12) * self.inverse_norm
        if random >= 0.5:  # an eigenvalue passes zero
            return max(random, every)
        return float(np.hypot(random, systematic))

    def mismatch(self, delta: float) -> float:
        return delta * float(np.sqrt(np.sum(self.damped**2))) * self.inverse_norm / self.n

    def reading(self, bits: float) -> float:
        """Of an inverse with entries up to 1: white, and lost where entries are below half a step."""
        step = 1 / (2 ** (bits - 1) - 1)
        # its own share of a gradient: white entries of rms step / sqrt(12) against the weights of a gradient's modes
        white = step / np.sqrt(12) * np.sqrt(self.n * np.sum(self.alpha) / np.sum(self.weight))
        rms = np.sqrt(np.sum((self.alpha / self.damped) ** 2)) / self.n
        lost = min(1.0, 2 * np.exp(-2 * (np.pi * rms / step) ** 2))
        return float(np.hypot(white, lost * self.all_lost()))

    @property
    def white_gain(self) -> float:
        """How much more an inverse enlarges white noise than a gradient."""
        return float(np.sqrt(np.mean(self.damped**-2.0) * np.sum(self.alpha) / np.sum(self.weight)))

    def solution(self, bits: float) -> float:
        """Solutions of n normal entries, each read with its own range."""
        return float(np.sqrt(np.log(2 * self.n) / 6)) / (2 ** (bits - 1) - 1)

    # --- times in relaxation times --------------------------------------------------------------------------------

    @property
    def slow(self) -> float:
        """Modes that sampling has to wait for."""
        return self.n - self.d_e * (1 - self.q / 2) + 0.5

    def share(self, target: float) -> float:
        """Of the squared budget that burning a covariance in gets."""
        return self._split(16 * self.slow / (3 + self.q), target, 0.0)[1]

    def settle_covariance(self, tolerance: float, target: float, systematic: float = 0.0) -> float:
        """Burn-in of a covariance; tolerance of settling alone, target of random errors alone."""
        left, share = self._split(16 * self.slow / (3 + self.q), target, systematic)
        return self.kappa / 2 * _relaxations(tolerance * np.sqrt(left * share))

    def sample(self, target: float, systematic: float = 0.0) -> float:
        left, share = self._split(16 * self.slow / (3 + self.q), target, systematic)
        each = np.sqrt(1 + target**2 * left * (1 - share)) - 1  # square of what each of two inverses may be off
        return float(4 / (3 + self.q) * self.slow * self.kappa / each)

    def sample_underdamped(self, target: float, systematic: float = 0.0) -> float:
        """In oscillation times; the split is that of overdamped cells."""
        left, share = self._split(16 * self.slow / (3 + self.q), target, systematic)
        each = np.sqrt(1 + target**2 * left * (1 - share)) - 1
        return float(5 / 2 * np.sqrt(self.kappa) * (self.n - self.d_e + 0.5) / (np.sqrt(self.q) * each))

    def settle_mean(self, tolerance: float, left: float = 1.0) -> float:
        """Of one solve without noise: all of what is left goes to settling."""
        return self.kappa * _relaxations(tolerance * np.sqrt(left))

    def _split(self, ratio: float, target: float, systematic: float) -> tuple[float, float]:
        """What systematic errors leave of the squared budget, and the share of it that settling gets."""
        left = 1 - (systematic / target) ** 2
        r = ratio / (target**2 * left)
        half = 1 + r  # (1 - u)^2 = 2 r u, so u^2 - 2 (1 + r) u + 1 = 0, whose roots multiply to 1
        return left, 1 / (half + np.sqrt(half**2 - 1))


def _relaxations(missing: float) -> float:
    """Until each of two inverses leaves out so much that both together leave out ``missing``."""
    return float(np.log(1 / (1 - np.sqrt(1 - missing))))


def together(first: float, second: float) -> float:
    """Random errors of the two inverses of a layer: powers multiply."""
    return float(np.sqrt((1 + first**2) * (1 + second**2) - 1))


def planned(systematic: float, target: float) -> float:
    """What times are planned with: systematic errors of a layer, half of the squared target at most."""
    return min(systematic, target / np.sqrt(2))
