"""Backends with one flaw of the machine each, in distribution equal to the simulator and as cheap as a decomposition.

The simulator follows every array. Here the law of what it returns is drawn directly; the tests hold both against each
other.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from solver import Converter, Machine
from solver.array import program
from solver.deflation import Deflated
from solver.kfac import ThermoInverse
from solver.ledger import Ledger
from solver.noise import Noise
from solver.results import Result

Apply = Callable[[Tensor], Tensor]

# Orthogonal iterations that find the mode which deflation takes out.
_DEFLATION = 20


class _Inverses:
    """Both inverses once a refresh, products every step."""

    def prepare(self, A: Tensor, G: Tensor) -> Apply:
        """Invert both damped factors."""
        left, right = self.inverse(G), self.inverse(A)
        return lambda grad: left @ grad @ right

    def inverse(self, matrix: Tensor) -> Tensor:
        """Estimate of the inverse, shape (n, n)."""
        raise NotImplementedError


class Settled(_Inverses):
    """Arrays read too early: mode i of the inverse is (1 - exp(-lambda_i t)) / lambda_i.

    `error` sets t: with `worst`, it is what the slowest mode still lacks, exp(-lambda_min t), as when systems are
    driven by gradients (Method 2); without, the relative Frobenius error of the inverse read from n settled systems.
    """

    def __init__(self, error: float, *, worst: bool) -> None:
        self.error, self.worst = error, worst

    def inverse(self, matrix: Tensor) -> Tensor:
        """The inverse through the filter."""
        eigenvalues, basis = torch.linalg.eigh(matrix)
        gain = -torch.expm1(-eigenvalues * self.time(eigenvalues)) / eigenvalues
        inverse: Tensor = (basis * gain) @ basis.mT
        return inverse

    def time(self, eigenvalues: Tensor) -> float:
        """Settling time in units of RC over one unit of eigenvalue; ascending eigenvalues."""
        slowest = math.log(1 / self.error) / float(eigenvalues[0])
        if self.worst:
            return slowest
        weight = eigenvalues**-2 / (eigenvalues**-2).sum()
        low, high = 0.0, slowest  # no mode lacks more than the slowest, so its time is enough
        for _ in range(50):
            middle = (low + high) / 2
            lacks = float((weight * torch.exp(-2 * eigenvalues * middle)).sum().sqrt())
            low, high = (middle, high) if lacks > self.error else (low, middle)
        return high


class Sampled(_Inverses):
    """Method 1: the covariance of as many independent states as give a relative Frobenius error, in expectation.

    E |S - C|^2 = (|C|^2 + (tr C)^2) / N for the mean square S of N Gaussian states of covariance C, so
    N = (1 + (tr C)^2 / |C|^2) / error^2.
    """

    def __init__(self, error: float, seed: int) -> None:
        self.error, self.source = error, np.random.default_rng(seed)

    def inverse(self, matrix: Tensor) -> Tensor:
        """A draw of the sampled inverse."""
        covariance = torch.linalg.inv(matrix)
        stable = float(covariance.diagonal().sum() ** 2 / (covariance**2).sum())
        return self.draw(matrix, max(1, round((1 + stable) / self.error**2)))

    def draw(self, matrix: Tensor, count: int) -> Tensor:
        """Mean square of `count` states of covariance matrix^-1, by Bartlett's decomposition where it is shorter."""
        n = matrix.shape[0]
        if count <= n:
            states = self.source.standard_normal((n, count))
        else:
            states = np.tril(self.source.standard_normal((n, n)), -1)
            np.fill_diagonal(states, np.sqrt(self.source.chisquare(count - np.arange(n))))
        # matrix = C C^T, so that C^-T maps white noise to covariance matrix^-1.
        scaled = torch.linalg.solve_triangular(
            torch.linalg.cholesky(matrix).mT, torch.from_numpy(states).to(matrix), upper=True
        )
        second: Tensor = scaled @ scaled.mT / count
        return second


class Programmed(ThermoInverse):
    """Fully settled systems of what stands on the array: couplings rounded or mismatched, the top mode in or out.

    A factor that does not fit is damped further, as in the simulator.
    """

    def __init__(self, machine: Machine, *, deflate: bool = False, seed: int = 0) -> None:
        super().__init__(machine, guard=True, seed=seed)
        self.deflate = deflate

    def _inverse(self, matrix: Tensor) -> Tensor:
        noise = Noise(self._next_seed())
        return self._held(matrix, lambda m: Result(self._standing(m, noise), math.nan, Ledger())).estimate

    def _standing(self, matrix: Tensor, noise: Noise) -> Tensor:
        """Inverse of the matrix as programmed, the deflated mode put back."""
        work, deflated = matrix[None], None
        if self.deflate and matrix.shape[0] > 1:
            deflated = Deflated.of(work, _DEFLATION, noise)
            work = deflated.matrix
        array = program(self.machine, work, noise)
        basis = array.modes.basis
        inverse = (basis / array.modes.eigenvalues[:, None, :]) @ basis.mT / array.scale
        if deflated is None:
            return inverse[0]
        top = deflated.direction.abs().amax(-2, keepdim=True)
        drive = self.machine.dac.convert((deflated.direction / top).mT, 1, noise).mT * top
        return deflated.restore_solution(inverse, inverse @ drive)[0][0]


class Read:
    """Method 2 with readings of few bits, exact otherwise: each solution is rounded to its own largest entry."""

    def __init__(self, bits: int) -> None:
        self.adc = Converter(bits=bits)

    def prepare(self, A: Tensor, G: Tensor) -> Apply:
        """Factor both; a reading a system and a side."""
        left, right = torch.linalg.cholesky(G), torch.linalg.cholesky(A)
        return lambda grad: self._read(self._read(grad, left).mT, right).mT

    def _read(self, B: Tensor, root: Tensor) -> Tensor:
        return self.adc.convert(torch.cholesky_solve(B, root).mT, 1, Noise(0)).mT
