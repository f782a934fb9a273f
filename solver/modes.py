"""Exact motion of the modes of a linear Langevin equation over a finite time.

In the eigenbasis of A every mode moves alone, so a step of any length has an exact Gaussian law and no time-step error:

* overdamped:  dy = -(lambda y - b) dt + sqrt(2 theta) dW
* underdamped: dy = v dt,  dv = -(lambda y - b + gamma v) dt + sqrt(2 gamma theta) dW   (unit mass)

Both settle to y ~ N(b / lambda, theta / lambda). Time is in units of tau (RC, or sqrt(LC) when underdamped), theta
is the noise temperature 1/beta. Source: TNGD (arXiv 2405.13817) eq. 13, 14, 19 for the overdamped law; the
underdamped one is derived here from the 2x2 matrix exponential.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from solver.matrices import check_matrix, check_positive


class Regime(StrEnum):
    """Which equation the cells obey."""

    OVERDAMPED = "overdamped"  # RC cells: settling grows as kappa
    UNDERDAMPED = "underdamped"  # RLC cells at the critical friction of the slowest mode: settling grows as sqrt(kappa)


@dataclass(frozen=True, slots=True)
class Modes:
    """Spectrum and eigenbasis of a batch of positive definite matrices: A = basis diag(eigenvalues) basis^T."""

    eigenvalues: Tensor  # (..., n), ascending
    basis: Tensor  # (..., n, n), eigenvectors in columns

    @classmethod
    def of(cls, A: Tensor, what: str = "the matrix") -> "Modes":
        """Decompose A, shape (..., n, n); raises MatrixError when it cannot be programmed."""
        check_matrix(A)
        eigenvalues, basis = torch.linalg.eigh(A)
        check_positive(eigenvalues, what)
        return cls(eigenvalues, basis)

    @property
    def kappa(self) -> Tensor:
        """Condition numbers, shape (...)."""
        return self.eigenvalues[..., -1] / self.eigenvalues[..., 0]


@dataclass(frozen=True, slots=True)
class Step:
    """Exact law of one step of a mode: y' = decay y + gain b + std * normal. All fields have shape (..., n)."""

    decay: Tensor
    gain: Tensor
    std: Tensor


def overdamped_step(eigenvalues: Tensor, duration: float, temperature: float) -> Step:
    """Law of an overdamped step.

    >>> step = overdamped_step(torch.tensor([0.5], dtype=torch.float64), 2.0, 1.0)
    >>> round(step.decay.item(), 6), round(step.gain.item(), 6), round(step.std.item() ** 2, 6)
    (0.367879, 1.264241, 1.729329)
    """
    x = eigenvalues * duration
    variance = -torch.expm1(-2 * x) * temperature / eigenvalues
    return Step(torch.exp(-x), -torch.expm1(-x) / eigenvalues, variance.sqrt())


@dataclass(frozen=True, slots=True)
class Step2:
    """Exact law of one underdamped step of (position, velocity); every field has shape (..., n).

    The free motion is [[xx, xv], [vx, vv]], the response to a constant drive b is (gain_x b, gain_v b), and the
    noise has the lower Cholesky factor [[noise_x, 0], [noise_vx, noise_v]].
    """

    xx: Tensor
    xv: Tensor
    vx: Tensor
    vv: Tensor
    gain_x: Tensor
    gain_v: Tensor
    noise_x: Tensor
    noise_vx: Tensor
    noise_v: Tensor


def free_motion(eigenvalues: Tensor, friction: float, duration: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Matrix exponential of [[0, 1], [-lambda, -gamma]] over a duration: (xx, xv, vx, vv), each (..., n).

    Below, at and above critical damping: w^2 = lambda - gamma^2 / 4 of either sign, with the series at w = 0.
    """
    half = friction / 2
    w2 = eigenvalues - half**2
    w = w2.abs().sqrt()
    envelope = math.exp(-half * duration)
    safe = torch.where(w > 0, w, torch.ones_like(w))
    # exp(-half t) cosh(w t) written with decaying exponentials only, so that strong friction cannot overflow
    slow, fast = torch.exp(-(half - w) * duration), torch.exp(-(half + w) * duration)
    cosine = torch.where(w2 >= 0, envelope * torch.cos(w * duration), (slow + fast) / 2)
    sine = torch.where(w2 >= 0, envelope * torch.sin(w * duration) / safe, (slow - fast) / (2 * safe))
    flat = w * duration < 1e-4
    sine = torch.where(flat, envelope * duration * (1 - w2 * duration**2 / 6), sine)
    return cosine + half * sine, sine, -eigenvalues * sine, cosine - half * sine


def underdamped_step(eigenvalues: Tensor, friction: float, duration: float, temperature: float) -> Step2:
    """Law of an underdamped step: free motion E, noise covariance S - E S E^T with S the stationary one."""
    xx, xv, vx, vv = free_motion(eigenvalues, friction, duration)
    q_xx = ((1 - xx**2) / eigenvalues - xv**2).clamp(min=0) * temperature
    q_vx = -(xx * vx / eigenvalues + xv * vv) * temperature
    q_vv = (1 - vx**2 / eigenvalues - vv**2).clamp(min=0) * temperature
    noise_x = q_xx.sqrt()
    noise_vx = torch.where(noise_x > 0, q_vx / noise_x.clamp(min=torch.finfo(noise_x.dtype).tiny), 0.0)
    noise_v = (q_vv - noise_vx**2).clamp(min=0).sqrt()
    return Step2(xx, xv, vx, vv, (1 - xx) / eigenvalues, xv, noise_x, noise_vx, noise_v)
