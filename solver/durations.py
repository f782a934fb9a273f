"""Closed forms of how long a run must last and how wrong it will be, in units of tau with lambda_max = 1.

Worst-case laws know only n, kappa and the noise; the `predicted_*` laws know the spectrum and are exact in expectation.
Sources: docs/solver.md derives each; the overdamped ones agree with TNGD (arXiv 2405.13817) eq. 19.
"""

import math

import torch
from scipy.special import lambertw
from torch import Tensor

from solver.modes import Regime
from solver.moments import Process, averaged_response, averaged_variance, correlation


def relaxation(kappa: float, regime: Regime) -> float:
    """Slowest relaxation time: kappa when overdamped, sqrt(kappa) at critical friction.

    >>> relaxation(100.0, Regime.OVERDAMPED), relaxation(100.0, Regime.UNDERDAMPED)
    (100.0, 10.0)
    """
    return kappa if regime is Regime.OVERDAMPED else math.sqrt(kappa)


def settling_of_mean(kappa: float, error: float, regime: Regime) -> float:
    """Time from rest until the mean is within a relative error of its fixed point.

    Overdamped: kappa ln(1/e). Underdamped at critical friction the slowest mode leaves (1 + s) exp(-s), s = t /
    sqrt(kappa), and no faster mode leaves more, so s = -1 - W_-1(-e / exp(1)). Derived here.

    >>> [round(settling_of_mean(100.0, 0.01, regime), 3) for regime in Regime]
    [460.517, 66.384]
    """
    _check_error(error)
    if regime is Regime.OVERDAMPED:
        return kappa * math.log(1 / error)
    return math.sqrt(kappa) * (-1 - _lower_lambert(-error / math.e))


def settling_of_covariance(kappa: float, error: float, regime: Regime) -> float:
    """Time from rest until the covariance is within a relative error of its stationary value (the burn-in).

    Overdamped: (kappa / 2) ln(1/e). Underdamped the deficit is at most (1 + sqrt(2) s)^2 exp(-2 s), which gives
    s = -1/sqrt(2) - W_-1(-sqrt(e/2) exp(-1/sqrt(2))). Derived here.

    >>> round(settling_of_covariance(100.0, 0.01, Regime.OVERDAMPED), 3)
    230.259
    """
    _check_error(error)
    if regime is Regime.OVERDAMPED:
        return kappa / 2 * math.log(1 / error)
    root = 1 / math.sqrt(2)
    return math.sqrt(kappa) * (-root - _lower_lambert(-math.sqrt(error) * root * math.exp(-root)))


def samples_for_covariance(n: int, error: float, spacing: float, regime: Regime) -> int:
    """Samples of the state until the sampled inverse has a relative Frobenius error, for the worst spectrum.

    rel^2 <= (n + 1) c / N, where c is the correlation of samples `spacing` slowest relaxations apart: c = coth(spacing)
    when overdamped (so N tau_sample = (n + 1) kappa / e^2 for dense samples); underdamped it is the sum over all
    lags of ((1 + k s) exp(-k s))^2. Derived here from Isserlis' theorem.

    >>> [samples_for_covariance(99, 0.1, 0.5, regime) for regime in Regime]
    [21640, 50015]
    """
    _check_error(error)
    return math.ceil((n + 1) * lag_sum(spacing, regime) / error**2)


def lag_sum(spacing: float, regime: Regime) -> float:
    """Sum over all lags of the squared worst-case autocorrelation of samples `spacing` slowest relaxations apart."""
    if not spacing > 0:
        raise ValueError(f"spacing must be positive, got {spacing}")
    if regime is Regime.OVERDAMPED:
        return 1 / math.tanh(spacing)
    z, d, rest = math.exp(-2 * spacing), spacing, -math.expm1(-2 * spacing)
    return 1 + 2 * (z / rest + 2 * d * z / rest**2 + d**2 * z * (1 + z) / rest**3)


def averaging_for_mean(n: int, kappa: float, error: float, temperature: float, regime: Regime) -> float:
    """Window until thermal noise leaves a relative error on the averaged mean, for the worst drive and spectrum.

    Noise power 2 theta sum(lambda^-2) / w against a signal of at least the drive, whose largest entry is 1:
    w = 2 n kappa^2 theta / e^2; underdamped the factor 2 becomes 2 gamma = 4 / sqrt(kappa). Derived here.

    >>> averaging_for_mean(10, 100.0, 0.01, 1e-9, Regime.OVERDAMPED)
    2.0
    """
    _check_error(error)
    friction = 1.0 if regime is Regime.OVERDAMPED else 2 / math.sqrt(kappa)
    return 2 * friction * n * kappa**2 * temperature / error**2


def averaging_for_columns(n: int, kappa: float, error: float, temperature: float, regime: Regime) -> float:
    """Window of each of n columns until thermal noise leaves a relative Frobenius error on the whole inverse.

    Noise power 2 theta sum(lambda^-2) / w a column, n columns, against sum(lambda^-2): exact for every spectrum; the
    mean of both triangles makes it (n + 1) / (2 n) of that: w = (n + 1) theta / e^2, times 2 / sqrt(kappa)
    underdamped. Derived here.

    >>> averaging_for_columns(9, 100.0, 0.01, 1e-4, Regime.OVERDAMPED)
    10.0
    """
    _check_error(error)
    friction = 1.0 if regime is Regime.OVERDAMPED else 2 / math.sqrt(kappa)
    return friction * (n + 1) * temperature / error**2


def predicted_covariance_error(process: Process, count: int, spacing: float) -> Tensor:
    """Root of the expected squared relative Frobenius error of a stationary sampled covariance, shape (...).

    sum_ij (1 + d_ij) w_ij / (l_i l_j) over sum_i l_i^-2, with w_ij = (1/N) sum over lags k of (1 - |k|/N) r_i r_j; the
    overdamped sum is geometric and tends to coth((l_i + l_j) Delta / 2) / N.
    """
    scatter = sampled_scatter(process, count, spacing)
    total = scatter.sum((-1, -2)) + scatter.diagonal(dim1=-2, dim2=-1).sum(-1)
    return (total / (process.modes.eigenvalues**-2).sum(-1)).sqrt()


def predicted_direction_error(process: Process, power: Tensor, count: int, spacing: float) -> Tensor:
    """The same for the sampled inverse applied to gradients, whose modes have the variances `power`; shape (...).

    sum_ij (1 + d_ij) w_ij p_j / (l_i l_j) over sum_j p_j / l_j^2: each column of the inverse has a weight of its own.
    """
    scatter = sampled_scatter(process, count, spacing) * power[..., None, :]
    total = scatter.sum((-1, -2)) + scatter.diagonal(dim1=-2, dim2=-1).sum(-1)
    return (total / (power * process.modes.eigenvalues**-2).sum(-1)).sqrt()


def sampled_scatter(process: Process, count: int, spacing: float) -> Tensor:
    """w_ij / (l_i l_j) of every pair of modes, shape (..., n, n): the variance of the covariance's entry (i, j)."""
    lam = process.modes.eigenvalues
    pairs = lam[..., :, None] + lam[..., None, :]
    if process.regime is Regime.OVERDAMPED:
        z, rest = torch.exp(-pairs * spacing), -torch.expm1(-pairs * spacing)
        weight = ((1 + z) / rest + 2 * z * torch.expm1(-pairs * spacing * count) / (count * rest**2)) / count
    else:
        weight = torch.ones_like(pairs)
        for k in range(1, min(count, 1 + math.ceil(80 / (process.friction * spacing)))):
            r = correlation(process, k * spacing)
            weight += 2 * (1 - k / count) * r[..., :, None] * r[..., None, :]
        weight /= count
    inverse = 1 / lam
    return inverse[..., :, None] * inverse[..., None, :] * weight


def predicted_mean_error(process: Process, drive: Tensor, settle: float, window: float) -> Tensor:
    """Root of the expected squared relative error of a settled, averaged mean; drive (..., n) in the eigenbasis."""
    exact = drive / process.modes.eigenvalues
    bias = averaged_response(process, settle, window) * drive - exact
    noise = averaged_variance(process, settle, window)
    return (((bias**2).sum(-1) + noise.sum(-1)) / (exact**2).sum(-1)).sqrt()


def _lower_lambert(x: float) -> float:
    return float(lambertw(x, -1).real)


def _check_error(error: float) -> None:
    if not 0 < error < 1:
        raise ValueError(f"a relative error must lie between 0 and 1, got {error}")
