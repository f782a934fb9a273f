"""Simulated means, covariances and transients against independent closed forms, both damping regimes.

z-scores: each test compares at most a few hundred Gaussian-distributed statistics with 4 standard errors. A single one
exceeds 4 with probability 6.3e-5, so the family of all cases here raises a false alarm with probability below 2 %; the
seeds are fixed, so a passing run passes for ever.
"""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from scipy.integrate import quad
from scipy.linalg import expm

from solver import Modes, Noise, Process, Regime, euler_moments, sample_moments, sampling
from solver.modes import free_motion, overdamped_step, underdamped_step
from solver.moments import averaged_response, averaged_variance, correlation, response, variance
from solver.sampling import _CHUNK, _chunks

REGIMES = list(Regime)


def process_of(matrix, regime, theta=1.0):
    modes = Modes.of(matrix)
    return Process(modes, regime, theta, friction=2 / math.sqrt(float(modes.kappa)))


@pytest.mark.parametrize("gamma", [0.1, 2.0, 2.0000001, 7.0])  # below, at, just above and far above critical damping
def test_free_motion_is_the_matrix_exponential(gamma):
    lam = torch.tensor([1.0, 0.3, 1e-3], dtype=torch.float64)
    xx, xv, vx, vv = free_motion(lam, gamma, 3.7)
    for i, value in enumerate(lam.tolist()):
        expected = expm(3.7 * torch.tensor([[0.0, 1.0], [-value, -gamma]], dtype=torch.float64).numpy())
        got = torch.stack([xx[i], xv[i], vx[i], vv[i]]).reshape(2, 2)
        torch.testing.assert_close(got, torch.from_numpy(expected), rtol=1e-10, atol=1e-12)


def test_underdamped_noise_is_the_integral_of_its_response():
    # Variance of x after t from rest is 2 gamma theta times the integral of xv(s)^2 (a kick of speed at each instant).
    lam, gamma, theta, t = torch.tensor([0.37], dtype=torch.float64), 0.4, 1.7, 2.3
    step = underdamped_step(lam, gamma, t, theta)
    for got, pair in [(step.noise_x**2, (1, 1)), (step.noise_x * step.noise_vx, (1, 3))]:
        expected = quad(lambda s, pair=pair: math.prod(free_motion(lam, gamma, s)[i].item() for i in pair), 0, t)[0]
        assert got.item() == pytest.approx(2 * gamma * theta * expected, rel=1e-9)


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("window", [0.05, 3.0, 400.0])
def test_window_moments_are_time_integrals(regime, window):
    # Independent route: integrate the transient response over the window, and the squared response to a kick at each
    # earlier instant (before the window: its average over the window; inside: over what is left of it).
    lam, theta, settle = torch.tensor([0.04], dtype=torch.float64), 0.6, 5.0
    modes = Modes(lam, torch.ones(1, 1, dtype=torch.float64))
    process = Process(modes, regime, theta, friction=0.4)
    strength = 2 * theta * (process.friction if regime is Regime.UNDERDAMPED else 1.0)
    mean = quad(lambda t: response(process, t).item(), settle, settle + window, limit=200)[0] / window
    assert averaged_response(process, settle, window).item() == pytest.approx(mean, rel=1e-7)

    def kick(u):  # integral from 0 to u of the position after a unit kick at 0
        return response(process, u).item() if u > 0 else 0.0

    before = quad(lambda s: (kick(s + window) - kick(s)) ** 2, 0, settle, limit=200)[0]
    inside = quad(lambda s: kick(s) ** 2, 0, window, limit=200)[0]
    expected = strength * (before + inside) / window**2
    assert averaged_variance(process, settle, window).item() == pytest.approx(expected, rel=1e-6)


def z_scores(estimate, exact, standard_error):
    return ((estimate - exact) / standard_error).abs().max().item()


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(("n", "kappa"), [(2, 1.0), (2, 1e4), (8, 1e2), (64, 1e4)])
def test_stationary_moments_of_spaced_samples(regime, n, kappa, spd):
    """Mean A^-1 b and covariance theta A^-1 from samples too far apart to be correlated: plain standard errors."""
    A, theta, count = spd(n, kappa, seed=n), 0.5, 4000
    process = process_of(A, regime, theta)
    slow = kappa if regime is Regime.OVERDAMPED else math.sqrt(kappa)
    drive = Noise(1).normal((n,), A)
    far = 20 * slow  # correlation of neighbours below 1e-7
    moments = sample_moments(process, count, far, Noise(2), burn_in=far, drive=drive)
    covariance = theta * torch.linalg.inv(A)
    variances = covariance.diagonal()
    assert z_scores(moments.mean, torch.linalg.solve(A, drive), (variances / count).sqrt()) < 4.0 + 0.3 * (n > 8)
    spread = ((torch.outer(variances, variances) + covariance**2) / count).sqrt()
    # 64 x 64 has 2080 distinct entries: 4 standard errors are then exceeded somewhere in 12 % of runs, 4.9 in 0.2 %.
    assert z_scores(moments.covariance, covariance, spread) < (4.0 if n <= 8 else 4.9)


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("time", [0.3, 4.0, 60.0])
def test_transients_from_rest(regime, time, spd):
    """Mean and covariance at one instant over 3000 independent runs against laws written with matrix functions."""
    n, runs, theta = 5, 3000, 0.8
    A = spd(n, 30.0, seed=3)
    drive = torch.tensor([1.0, -2.0, 0.5, 0.0, 1.0], dtype=torch.float64)
    process = Process(Modes.of(A.expand(runs, n, n)), regime, theta, friction=2 / math.sqrt(30.0))
    # The first sample of each of `runs` batch members, `time` after rest.
    force = drive.expand(runs, n)
    positions = next(iter(_chunks(process, 1, time, Noise(4), 0.0, force)))[0]
    x = (process.modes.basis @ positions[..., None])[..., 0]
    if regime is Regime.OVERDAMPED:
        free = torch.linalg.matrix_exp(-A * time)
        mean = torch.linalg.solve(A, drive - free @ drive)
        covariance = theta * torch.linalg.solve(A, torch.eye(n, dtype=torch.float64) - free @ free)
    else:
        gamma, eye = 2 / math.sqrt(30.0), torch.eye(n, dtype=torch.float64)
        K = torch.cat([torch.cat([torch.zeros_like(A), eye], 1), torch.cat([-A, -gamma * eye], 1)])
        free = torch.linalg.matrix_exp(K * time)
        stationary = torch.block_diag(theta * torch.linalg.inv(A), theta * eye)
        mean = torch.linalg.solve(A, drive) - free[:n, :n] @ torch.linalg.solve(A, drive)
        covariance = (stationary - free @ stationary @ free.T)[:n, :n]
    assert z_scores(x.mean(0), mean, (covariance.diagonal() / runs).sqrt()) < 4
    sampled = (x - mean).T @ (x - mean) / runs
    spread = ((torch.outer(covariance.diagonal(), covariance.diagonal()) + covariance**2) / runs).sqrt()
    assert z_scores(sampled, covariance, spread) < 4


@pytest.mark.parametrize("regime", REGIMES)
def test_correlated_samples_follow_the_transition_law(regime, spd):
    """Lag-one correlation of a long run: chunk borders and segments must not break the chain."""
    process = process_of(spd(3, 20.0, seed=5), regime)
    chunks = [chunk.clone() for chunk in _chunks(process, 30_011, 0.7, Noise(6), 200.0, None)]
    y = torch.cat(chunks)
    assert y.shape == (30_011, 3)
    rho = correlation(process, 0.7)
    scaled = y * process.modes.eigenvalues.sqrt()
    measured = (scaled[1:] * scaled[:-1]).mean(0)
    # Bartlett: the variance of a product moment is the sum over lags of r_k^2 + r_(k+1) r_(k-1), over N.
    lags = [correlation(process, 0.7 * k) for k in range(400)]
    bartlett = torch.stack(
        [(1 if k == 0 else 2) * (lags[k] ** 2 + lags[k + 1] * lags[abs(k - 1)]) for k in range(399)]
    ).sum(0)
    assert z_scores(measured, rho, (bartlett / 30_000).sqrt()) < 4


def test_chunks_do_not_change_the_recurrence(spd, monkeypatch):
    """A chain of one-step chunks and one of long segments have the same law: exact in the noise-free case."""
    A, drive = spd(4, 50.0), torch.ones(4, dtype=torch.float64)
    for regime in REGIMES:
        process = process_of(A, regime, theta=0.0)
        expected = torch.stack([response(process, 0.9 * (i + 1)) for i in range(37)]) * (process.modes.basis.T @ drive)
        for size in (1, 1 << 20):
            monkeypatch.setattr(sampling, "_CHUNK", size)
            positions = torch.cat([c.clone() for c in sampling._chunks(process, 37, 0.9, Noise(0), 0.0, drive)])
            torch.testing.assert_close(positions, expected, rtol=1e-9, atol=1e-12)


def test_memory_does_not_grow_with_samples(spd):
    """What the sampler holds at a time is one chunk: its size stops growing at the limit."""
    process = process_of(spd(16, 4.0), Regime.OVERDAMPED)
    sizes = {
        count: max(c.numel() for c in _chunks(process, count, 1.0, Noise(0), 0.0, None)) for count in (10**5, 10**6)
    }
    assert sizes[10**6] <= _CHUNK
    assert sizes[10**6] == sizes[10**5]


def test_euler_has_the_known_bias_and_the_exact_limit():
    """Stationary variance of Euler steps is theta / (l (1 - l dt / 2)): 4/3 at l dt = 1/2, against 1 exactly."""
    members = 20_000
    moments = euler_moments(
        lambda x, _: -x, torch.zeros(members, 1, dtype=torch.float64), 1, 0.5, Noise(8), burn_in=30.0, step=0.5
    )
    variances = moments.second.squeeze()
    assert variances.mean().item() == pytest.approx(4 / 3, abs=4 * 4 / 3 * math.sqrt(2 / members))
    assert abs(variances.mean().item() - 1.0) > 10 * math.sqrt(2 / members)


def test_euler_agrees_with_the_exact_sampler(spd):
    A, drive = spd(3, 5.0, seed=9), torch.tensor([1.0, 0.0, -1.0], dtype=torch.float64)
    start = torch.zeros(4000, 3, dtype=torch.float64)
    moments = euler_moments(lambda x, _: drive - x @ A, start, 1, 1.0, Noise(10), burn_in=40.0, step=0.02)
    exact = torch.linalg.solve(A, drive)
    spread = (torch.linalg.inv(A).diagonal() / 4000).sqrt()
    assert z_scores(moments.mean.mean(0), exact, spread) < 4


def test_euler_reports_divergence():
    with pytest.raises(FloatingPointError, match="use a step below"):
        euler_moments(lambda x, _: -100 * x, torch.ones(1, dtype=torch.float64), 400, 1.0, Noise(0), step=0.5)


def test_variance_of_a_step_is_the_transient_variance(spd):
    process = process_of(spd(4, 9.0), Regime.OVERDAMPED, 0.3)
    step = overdamped_step(process.modes.eigenvalues, 2.0, 0.3)
    free = torch.exp(-process.modes.eigenvalues * 2.0)
    torch.testing.assert_close(step.std**2, 0.3 * (1 - free**2) / process.modes.eigenvalues)
    torch.testing.assert_close(variance(process, 2.0), step.std**2)


@pytest.mark.slow
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("kappa", [1.0, 1e4])
def test_large_systems(regime, kappa, spd):
    """512 x 512, 20 000 independent samples: chi-square of all modes, and the worst of 131 328 entries below 5.5."""
    n, count = 512, 20_000
    A = spd(n, kappa, seed=11)
    process = process_of(A, regime)
    slow = kappa if regime is Regime.OVERDAMPED else math.sqrt(kappa)
    drive = Noise(12).normal((n,), A)
    moments = sample_moments(process, count, 20 * slow, Noise(13), burn_in=20 * slow, drive=drive)
    covariance = torch.linalg.inv(A)
    variances = covariance.diagonal()
    # Exceeded somewhere with probability 0.3 % for the 512 means at 4.5, 0.5 % for the entries at 5.5.
    assert z_scores(moments.mean, torch.linalg.solve(A, drive), (variances / count).sqrt()) < 4.5
    spread = ((torch.outer(variances, variances) + covariance**2) / count).sqrt()
    z = (moments.covariance - covariance) / spread
    assert z.abs().max() < 5.5
    # In the eigenbasis the entries are independent: their mean square is 1 within 4 sqrt(2 / entries).
    modes = process.modes
    rotated = modes.basis.mT @ (moments.covariance - covariance) @ modes.basis
    scale = (modes.eigenvalues[:, None] * modes.eigenvalues).sqrt() * math.sqrt(count)
    upper = (rotated * scale)[torch.triu(torch.ones(n, n), 1).bool()]
    assert abs(upper.square().mean() - 1) < 4 * math.sqrt(2 / upper.numel())


@pytest.mark.slow
def test_peak_memory_does_not_grow_with_samples():
    """Peak resident memory of two processes, 10 000 and 1 000 000 samples of 64 modes (512 MB if they were kept)."""
    program = (
        "import resource, sys, torch; from solver import Modes, Noise, Process, sample_moments\n"
        "process = Process(Modes.of(torch.eye(64, dtype=torch.float64)))\n"
        "sample_moments(process, int(sys.argv[1]), 1.0, Noise(0))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    root = str(Path(sampling.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root}
    peaks = [
        int(
            subprocess.run(
                [sys.executable, "-c", program, str(count)], env=environment, capture_output=True, check=True
            ).stdout
        )
        for count in (10_000, 1_000_000)
    ]
    assert peaks[1] - peaks[0] < 20_000  # kB
