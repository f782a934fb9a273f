"""A Langevin process with its exact transient moments: what a perfect instrument would read.

All moments are in the eigenbasis, one value a mode, from a start at rest (y = 0, v = 0); `Modes.basis` rotates them to
the nodes. A window of duration 0 means a single reading.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from solver.modes import Modes, Regime, free_motion, overdamped_step, underdamped_step

# Below this number of time constants the closed form of the averaging noise cancels; quadrature is exact enough there.
_SHORT = 0.5
_NODES = 12


@dataclass(frozen=True, slots=True)
class Process:
    """dx = -(A x - b) dt + noise on cells that are over- or underdamped."""

    modes: Modes
    regime: Regime = Regime.OVERDAMPED
    temperature: float = 1.0  # theta = 1 / beta: the settled covariance is theta A^-1
    friction: float = 0.0  # gamma, underdamped only; 2 / sqrt(kappa) is critical for the slowest mode

    def __post_init__(self) -> None:
        """Refuse a temperature or friction that has no stationary law."""
        if self.temperature < 0:
            raise ValueError(f"temperature must be >= 0, got {self.temperature}")
        if self.regime is Regime.UNDERDAMPED and not self.friction > 0:
            raise ValueError(
                f"an underdamped process needs friction > 0, got {self.friction}; critical is 2 sqrt(lambda_min)"
            )


def response(process: Process, time: float) -> Tensor:
    """Position after a constant unit drive from rest, shape (..., n); tends to 1 / lambda.

    Source: TNGD eq. 19 (overdamped); underdamped derived here.
    """
    if process.regime is Regime.OVERDAMPED:
        return overdamped_step(process.modes.eigenvalues, time, 0.0).gain
    return underdamped_step(process.modes.eigenvalues, process.friction, time, 0.0).gain_x


def variance(process: Process, time: float) -> Tensor:
    """Variance of the position at a time after rest, shape (..., n); tends to theta / lambda."""
    if process.regime is Regime.OVERDAMPED:
        return overdamped_step(process.modes.eigenvalues, time, process.temperature).std ** 2
    return underdamped_step(process.modes.eigenvalues, process.friction, time, process.temperature).noise_x ** 2


def correlation(process: Process, lag: float) -> Tensor:
    """Stationary autocorrelation of the position at a lag, shape (..., n)."""
    if process.regime is Regime.OVERDAMPED:
        return torch.exp(-process.modes.eigenvalues * lag)
    return free_motion(process.modes.eigenvalues, process.friction, lag)[0]


def averaged_response(process: Process, settle: float, window: float) -> Tensor:
    """Mean over a window, after settling from rest, of the position under a unit drive; shape (..., n).

    Overdamped (1 - e^(-l s) (1 - e^(-l w)) / (l w)) / l. A window of 0 is a single reading.
    """
    lam = process.modes.eigenvalues
    if window == 0:
        return response(process, settle)
    if process.regime is Regime.OVERDAMPED:
        return (1 + torch.exp(-lam * settle) * torch.expm1(-lam * window) / (lam * window)) / lam
    gamma = process.friction
    xx, _, vx, _ = free_motion(lam, gamma, settle)
    deviation, speed = -xx / lam, -vx / lam
    wxx, wxv, wvx, wvv = free_motion(lam, gamma, window)
    over_x, over_v = (gamma * (1 - wxx) - wvx) / lam, (1 - wvv - gamma * wxv) / lam
    return 1 / lam + (over_x * deviation + over_v * speed) / window


def averaged_variance(process: Process, settle: float, window: float) -> Tensor:
    """Variance of that windowed mean, shape (..., n): what the start contributes plus what the window adds.

    For a long window it tends to 2 theta / (lambda^2 w) (overdamped) and 2 gamma theta / (lambda^2 w) (underdamped).
    """
    lam = process.modes.eigenvalues
    if window == 0:
        return variance(process, settle)
    if process.regime is Regime.OVERDAMPED:
        carry = -torch.expm1(-lam * window) / (lam * window)
        return variance(process, settle) * carry**2 + _window_noise(lam, window) * process.temperature
    gamma = process.friction
    wxx, wxv, wvx, wvv = free_motion(lam, gamma, window)
    over_x, over_v = (gamma * (1 - wxx) - wvx) / (lam * window), (1 - wvv - gamma * wxv) / (lam * window)
    start = underdamped_step(lam, gamma, settle, process.temperature)
    carried = (over_x * start.noise_x + over_v * start.noise_vx) ** 2 + (over_v * start.noise_v) ** 2
    return carried + _window_noise_underdamped(lam, gamma, window) * process.temperature


def _window_noise(lam: Tensor, window: float) -> Tensor:
    """(2 / w^2) times the integral over s in (0, w) of ((1 - e^(-l s)) / l)^2."""
    x = lam * window
    closed = (x + 2 * torch.expm1(-x) - torch.expm1(-2 * x) / 2) / x
    series = x**2 * (1 / 3 - x / 4 + 7 * x**2 / 60 - x**3 / 24 + 31 * x**4 / 2520)
    return 2 / (lam**2 * window) * torch.where(x < 0.02, series, closed)


def _window_noise_underdamped(lam: Tensor, gamma: float, window: float) -> Tensor:
    """(2 gamma / w^2) times the integral of ((1 - xx(s)) / l)^2, by the balance of energy of the free motion.

    With I, J, K the integrals of x^2, v^2, x v along the motion from (1, 0): K = (x^2 - 1) / 2,
    v^2 = -2 l K - 2 gamma J and x v = J - l I - gamma K.
    """
    xx, _, vx, _ = free_motion(lam, gamma, window)
    first = (gamma * (1 - xx) - vx) / lam
    k = (xx**2 - 1) / 2
    j = -(vx**2 + 2 * lam * k) / (2 * gamma)
    second = (j - gamma * k - xx * vx) / lam
    closed = window - 2 * first + second
    short = torch.zeros_like(closed)
    for node, weight in _gauss_legendre():
        s = window * node
        short = short + window * weight * (1 - free_motion(lam, gamma, s)[0]) ** 2
    integral = torch.where(lam.sqrt() * window < _SHORT, short, closed)
    return 2 * gamma / (lam * window) ** 2 * integral


def _gauss_legendre() -> list[tuple[float, float]]:
    """Nodes and weights on (0, 1), from the eigenvalues of the Jacobi matrix of the Legendre polynomials."""
    k = torch.arange(1, _NODES, dtype=torch.float64)
    off = k / (4 * k**2 - 1).sqrt()
    nodes, vectors = torch.linalg.eigh(torch.diag(off, 1) + torch.diag(off, -1))
    return [((1 + x.item()) / 2, v.item() ** 2) for x, v in zip(nodes, vectors[0], strict=True)]
