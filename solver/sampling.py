"""Streaming moments of exactly simulated trajectories, in memory that does not grow with the number of samples.

A chunk of steps is cut into segments that advance side by side, then the ends are chained: a linear recurrence of T
steps costs about 2 sqrt(T) vectorised operations and no time-step error. The moments are sums over the simulated
positions, accumulated in the eigenbasis (a rotation, which commutes with both sums) unless a reader wants each
sample at the nodes.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from solver.modes import Regime, Step, Step2, overdamped_step, underdamped_step
from solver.moments import Process
from solver.noise import Noise

# Numbers held by one chunk of positions: 2 MB of doubles stay near the caches and still make large matrix products.
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over simulated samples, as an accumulator would hold them."""

    count: int
    mean: Tensor  # (..., n)
    second: Tensor  # (..., n, n), mean of x x^T, the mean not subtracted

    @property
    def covariance(self) -> Tensor:
        """Second moment about the sample mean, shape (..., n, n)."""
        return self.second - self.mean[..., :, None] * self.mean[..., None, :]


def sample_moments(
    process: Process,
    count: int,
    spacing: float,
    noise: Noise,
    *,
    burn_in: float = 0.0,
    drive: Tensor | None = None,
    read: Callable[[Tensor], Tensor] | None = None,
) -> Moments:
    """Mean and second moment of `count` positions, `spacing` apart, the first one `spacing` after the burn-in.

    Args:
        process: the process, modes of shape (..., n).
        count: number of samples.
        spacing: time between samples, in units of tau.
        noise: source of the noise, on the device of the modes.
        burn_in: time from rest before sampling starts, in units of tau.
        drive: b in the node basis, shape (..., n); none is zero.
        read: what a converter does to node voltages of shape (T, ..., n) before they are summed; none is exact.

    Raises:
        ValueError: count or spacing not positive.
    """
    if count < 1 or not spacing > 0:
        raise ValueError(f"need at least 1 sample and a positive spacing, got {count} and {spacing}")
    basis = process.modes.basis
    n, batch = basis.shape[-1], basis.shape[:-2]
    total = basis.new_zeros((*batch, n))
    outer = basis.new_zeros((*batch, n, n))
    for positions in _chunks(process, count, spacing, noise, burn_in, drive):
        if read is not None:
            positions = read((basis @ positions[..., None])[..., 0] if batch else positions @ basis.mT)
        total += positions.sum(0)
        if batch:
            rows = positions.movedim(0, -2)
            outer += rows.mT @ rows
        else:
            outer.addmm_(positions.mT, positions)
    if read is not None:
        return Moments(count, total / count, outer / count)
    mean = (basis @ (total / count)[..., None])[..., 0]
    return Moments(count, mean, basis @ (outer / count) @ basis.mT)


def _chunks(
    process: Process, count: int, spacing: float, noise: Noise, burn_in: float, drive: Tensor | None
) -> Iterator[Tensor]:
    """Positions in the eigenbasis, shape (T, ..., n), in order of time; the next chunk overwrites this one."""
    lam = process.modes.eigenvalues
    force = torch.zeros_like(lam) if drive is None else (process.modes.basis.mT @ drive[..., None])[..., 0]
    segment = max(1, math.isqrt(min(count, max(1, _CHUNK // lam.numel()))))
    advance = _overdamped if process.regime is Regime.OVERDAMPED else _underdamped
    yield from advance(process, count, spacing, noise, burn_in, force, segment)


def _lengths(count: int, segment: int) -> Iterator[tuple[int, int]]:
    """Cut `count` steps into chunks of segment x segment steps and a remainder: pairs (segments, steps in each)."""
    chunks, rest = divmod(count, segment * segment)
    yield from ((segment, segment) for _ in range(chunks))
    if rest // segment:
        yield rest // segment, segment
    if rest % segment:
        yield 1, rest % segment


def _overdamped(
    process: Process,
    count: int,
    spacing: float,
    noise: Noise,
    burn_in: float,
    force: Tensor,
    segment: int,
) -> Iterator[Tensor]:
    """Chunks of the overdamped recurrence y' = decay y + gain b + std * normal."""
    lam, theta = process.modes.eigenvalues, process.temperature
    position, driven = torch.zeros_like(lam), bool(force.any())
    if burn_in > 0:
        start = overdamped_step(lam, burn_in, theta)
        position = start.gain * force + start.std * noise.normal(tuple(lam.shape), lam)
    step = overdamped_step(lam, spacing, theta)
    buffer = lam.new_empty((segment * segment, *lam.shape))
    powers = torch.stack([overdamped_step(lam, spacing * (i + 1), 0.0).decay for i in range(segment)])
    for segments, length in _lengths(count, segment):
        y = noise.fill(buffer[: segments * length].view(segments, length, *lam.shape))
        y *= step.std
        if driven:
            y += step.gain * force
        yield _chain(y, step, powers[:length], position).reshape(-1, *lam.shape)
        position = y[-1, -1].clone()  # before the buffer is filled again


def _chain(y: Tensor, step: Step, powers: Tensor, position: Tensor) -> Tensor:
    """Turn increments y of shape (segments, length, ..., n) into positions, in place."""
    for i in range(1, y.shape[1]):
        y[:, i].addcmul_(step.decay, y[:, i - 1])
    for s in range(y.shape[0]):
        # The segment's own positions are complete but for what its start contributes.
        y[s].addcmul_(powers, position)
        position = y[s, -1]
    return y


def _underdamped(
    process: Process,
    count: int,
    spacing: float,
    noise: Noise,
    burn_in: float,
    force: Tensor,
    segment: int,
) -> Iterator[Tensor]:
    """Chunks of the underdamped recurrence of (position, velocity)."""
    lam, gamma, theta = process.modes.eigenvalues, process.friction, process.temperature
    position, speed, driven = torch.zeros_like(lam), torch.zeros_like(lam), bool(force.any())
    if burn_in > 0:
        start = underdamped_step(lam, gamma, burn_in, theta)
        first, second = noise.normal((2, *lam.shape), lam)
        position = start.gain_x * force + start.noise_x * first
        speed = start.gain_v * force + start.noise_vx * first + start.noise_v * second
    step = underdamped_step(lam, gamma, spacing, theta)
    buffer = lam.new_empty((2, segment * segment, *lam.shape))
    ahead = [underdamped_step(lam, gamma, spacing * (i + 1), 0.0) for i in range(segment)]
    # What the state at the start of a segment contributes to each of its steps, (segment, ..., n) each.
    powers = tuple(torch.stack(parts) for parts in zip(*((a.xx, a.xv, a.vx, a.vv) for a in ahead), strict=True))
    for segments, length in _lengths(count, segment):
        x = noise.fill(buffer[0, : segments * length].view(segments, length, *lam.shape))
        v = noise.fill(buffer[1, : segments * length].view(segments, length, *lam.shape))
        v.mul_(step.noise_v).addcmul_(step.noise_vx, x)
        x.mul_(step.noise_x)
        if driven:
            v += step.gain_v * force
            x += step.gain_x * force
        _chain2(x, v, step, powers, position, speed)
        yield x.reshape(-1, *lam.shape)
        position, speed = x[-1, -1].clone(), v[-1, -1].clone()


def _chain2(x: Tensor, v: Tensor, step: Step2, powers: tuple[Tensor, ...], position: Tensor, speed: Tensor) -> None:
    """Turn increments into positions and velocities, in place; shapes (segments, length, ..., n)."""
    length = x.shape[1]
    for i in range(1, length):
        before_x, before_v = x[:, i - 1], v[:, i - 1]
        x[:, i].addcmul_(step.xx, before_x).addcmul_(step.xv, before_v)
        v[:, i].addcmul_(step.vx, before_x).addcmul_(step.vv, before_v)
    xx, xv, vx, vv = (power[:length] for power in powers)
    for s in range(x.shape[0]):
        x[s].addcmul_(xx, position).addcmul_(xv, speed)
        v[s].addcmul_(vx, position).addcmul_(vv, speed)
        position, speed = x[s, -1], v[s, -1]
