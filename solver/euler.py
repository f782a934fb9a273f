"""Euler-Maruyama steps for what has no exact law: nonlinear cells, couplings that drift while the array runs.

The time step biases the result: the stationary variance of a linear mode is theta / (lambda (1 - lambda dt / 2)),
so halve the step until the answer stands still.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from solver.noise import Noise
from solver.sampling import Moments

Drift = Callable[[Tensor, float], Tensor]  # (x of shape (..., n), time) -> dx/dt


def euler_moments(
    drift: Drift,
    start: Tensor,
    count: int,
    spacing: float,
    noise: Noise,
    *,
    temperature: float = 1.0,
    burn_in: float = 0.0,
    step: float = 0.05,
) -> Moments:
    """Mean and second moment of dx = drift(x, t) dt + sqrt(2 theta) dW, sampled every `spacing`.

    Args:
        drift: deterministic part; -(A x - b) is the linear one.
        start: x at time 0, shape (..., n).
        count: number of samples.
        spacing: time between samples, in units of tau.
        noise: source of the noise.
        temperature: theta.
        burn_in: time before sampling starts.
        step: longest time step; each interval is cut into equal steps no longer than this.

    Raises:
        ValueError: counts or times that are not positive.
        FloatingPointError: the trajectory diverged, which a smaller step cures when the drift itself is stable.
    """
    if count < 1 or not spacing > 0 or not step > 0:
        raise ValueError(f"need at least 1 sample, spacing > 0 and step > 0, got {count}, {spacing} and {step}")
    x, time = start.clone(), 0.0
    total, outer = torch.zeros_like(x), x.new_zeros((*x.shape, x.shape[-1]))
    for i in range(count):
        duration = spacing + (burn_in if i == 0 else 0.0)
        steps = math.ceil(duration / step)
        dt = duration / steps
        kick = math.sqrt(2 * temperature * dt)
        for _ in range(steps):
            x = x + dt * drift(x, time) + kick * noise.normal(tuple(x.shape), x)
            time += dt
        if not torch.isfinite(x).all():
            raise FloatingPointError(f"the trajectory diverged by time {time:.3g}; use a step below {dt:.3g}")
        total += x
        outer += x[..., :, None] * x[..., None, :]
    return Moments(count, total / count, outer / count)
