"""The planning laws against the exact moments they bound, against simulation, and against hand arithmetic."""

import math

import pytest
import torch

from solver import Machine, Modes, Noise, Process, Regime, invert, sample_moments, solve
from solver.durations import (
    averaging_for_mean,
    lag_sum,
    predicted_covariance_error,
    predicted_direction_error,
    predicted_mean_error,
    relaxation,
    samples_for_covariance,
    settling_of_covariance,
    settling_of_mean,
)
from solver.moments import response, variance

REGIMES = list(Regime)


def spectrum(kappa, n=400):
    lam = torch.logspace(-math.log10(kappa), 0, n, dtype=torch.float64)
    return Modes(lam, torch.eye(n, dtype=torch.float64))


def process_of(kappa, regime, theta=1.0):
    return Process(spectrum(kappa), regime, theta, friction=2 / math.sqrt(kappa))


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("kappa", [1.5, 100.0, 1e4])
@pytest.mark.parametrize("error", [0.3, 1e-2, 1e-6])
def test_settling_bounds_hold_and_are_tight(regime, kappa, error):
    """No mode of any rate has more left than the bound, and the slowest mode has nearly that."""
    process = process_of(kappa, regime)
    lam = process.modes.eigenvalues
    left = (response(process, settling_of_mean(kappa, error, regime)) * lam - 1).abs()
    assert error * (1 - 1e-6) <= left.max() <= error * (1 + 1e-6)
    missing = (variance(process, settling_of_covariance(kappa, error, regime)) * lam - 1).abs()
    assert missing.max() <= error * (1 + 1e-6)
    assert missing.max() >= error * (1 - 1e-6 if regime is Regime.OVERDAMPED else 0.5)


@pytest.mark.parametrize(("regime", "exponent"), [(Regime.OVERDAMPED, 1.0), (Regime.UNDERDAMPED, 0.5)])
def test_simulated_settling_scales_with_kappa(regime, exponent):
    """Time at which the simulated mean is within 1 %, found by bisection on the exact motion: slope in kappa."""
    kappas = [10.0, 100.0, 1e3, 1e4]
    times = []
    for kappa in kappas:
        process = process_of(kappa, regime)
        low, high = 0.0, 20 * kappa
        while high - low > 1e-9 * high:
            middle = (low + high) / 2
            grid = [middle * (1 + 0.02 * i) for i in range(40)]  # it must stay inside from then on
            left = max((response(process, t) * process.modes.eigenvalues - 1).abs().max().item() for t in grid)
            low, high = (middle, high) if left > 0.01 else (low, middle)
        times.append(high)
    x, y = torch.tensor(kappas).double().log(), torch.tensor(times).double().log()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    assert slope.item() == pytest.approx(exponent, abs=0.01)


def test_lag_sums_by_direct_summation():
    for spacing in (0.01, 0.5, 3.0):
        lags = torch.arange(1, 5000, dtype=torch.float64) * spacing
        over = 1 + 2 * torch.exp(-2 * lags).sum()
        under = 1 + 2 * (((1 + lags) * torch.exp(-lags)) ** 2).sum()
        assert lag_sum(spacing, Regime.OVERDAMPED) == pytest.approx(over.item(), rel=1e-9)
        assert lag_sum(spacing, Regime.UNDERDAMPED) == pytest.approx(under.item(), rel=1e-9)


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("spacing", [0.2, 2.0])
def test_sampling_law_is_exact_in_expectation(regime, spacing, spd):
    """Mean over 400 runs of the squared error against the law with its finite-N sum.

    A run's squared error scatters by about its own size divided by sqrt(2), so the mean is known to 4 %; 4 of those.
    """
    runs, count, kappa = 400, 60, 20.0
    A = spd(4, kappa, seed=1)
    process = Process(Modes.of(A.expand(runs, 4, 4)), regime, 0.7, friction=2 / math.sqrt(kappa))
    step = spacing * relaxation(kappa, regime)
    moments = sample_moments(process, count, step, Noise(2), burn_in=30 * kappa)
    exact = torch.linalg.inv(A)
    squared = ((moments.second / 0.7 - exact) ** 2).sum((-1, -2)) / (exact**2).sum()
    law = predicted_covariance_error(process, count, step)[0] ** 2
    assert abs(squared.mean() - law) < 4 * squared.std() / math.sqrt(runs)


@pytest.mark.parametrize("regime", REGIMES)
def test_sampling_law_of_a_direction_is_exact_in_expectation(regime, spd):
    """The same for the sampled inverse applied to gradients, whose modes have very different variances.

    The mean over 400 runs, against the law, to 4 of its own standard errors; the inverse's own law is further off.
    """
    runs, count, kappa, step = 400, 60, 20.0, 0.2 * relaxation(20.0, regime)
    A = spd(4, kappa, seed=1)
    modes = Modes.of(A)
    power = modes.eigenvalues - modes.eigenvalues.min()
    root = modes.basis * power.sqrt()
    process = Process(Modes.of(A.expand(runs, 4, 4)), regime, 0.7, friction=2 / math.sqrt(kappa))
    moments = sample_moments(process, count, step, Noise(2), burn_in=30 * kappa)
    exact = torch.linalg.inv(A) @ root
    squared = ((moments.second / 0.7 @ root - exact) ** 2).sum((-1, -2)) / (exact**2).sum()
    law = predicted_direction_error(process, power, count, step)[0] ** 2
    error = squared.std() / math.sqrt(runs)
    assert abs(squared.mean() - law) < 4 * error
    assert abs(squared.mean() - predicted_covariance_error(process, count, step)[0] ** 2) > 4 * error


@pytest.mark.parametrize("regime", REGIMES)
def test_worst_case_samples_bound_every_spectrum(regime):
    """The law without the spectrum is never below the law with it, and is met by the flat one (kappa = 1)."""
    for kappa, n in [(1.0, 6), (50.0, 6), (1e3, 40)]:
        count = samples_for_covariance(n, 0.1, 0.5, regime)
        step = 0.5 * relaxation(kappa, regime)
        process = Process(spectrum(kappa, n), regime, 1.0, friction=2 / math.sqrt(kappa))
        error = predicted_covariance_error(process, count, step).item()
        assert error <= 0.1
        if kappa == 1.0:
            assert error == pytest.approx(0.1, rel=0.002)


@pytest.mark.parametrize("regime", REGIMES)
def test_averaging_bounds_the_noise(regime):
    """The window of the law leaves at most the asked error for the worst drive, along the largest mode."""
    n, kappa, theta, error = 12, 30.0, 1e-4, 0.02
    process = Process(spectrum(kappa, n), regime, theta, friction=2 / math.sqrt(kappa))
    drive = torch.zeros(n, dtype=torch.float64)
    drive[-1] = 1.0
    window = averaging_for_mean(n, kappa, error, theta, regime)
    reached = predicted_mean_error(process, drive, settling_of_mean(kappa, 1e-9, regime), window).item()
    assert reached <= error
    flat = Process(spectrum(1.0, n), regime, theta, friction=2.0)
    window = averaging_for_mean(n, 1.0, 0.002, theta, regime)  # long against the relaxation: the law is met
    assert predicted_mean_error(flat, drive, 50.0, window).item() == pytest.approx(0.002, rel=0.01)


@pytest.mark.parametrize("regime", REGIMES)
def test_method_1_error_falls_as_the_root_of_samples_over_two_decades(regime, spd):
    """Slope of log error on log N from 100 to 10 000 samples: -1/2. Each point averages 60 runs (about 3 % each)."""
    A = spd(6, 20.0, seed=4).expand(60, 6, 6)
    exact = torch.linalg.inv(A)
    counts = [100, 1000, 10_000]
    errors = []
    for count in counts:
        estimate = invert(A, Machine(regime=regime), samples=count, burn_in_error=1e-6, seed=count).estimate
        errors.append(((estimate - exact) ** 2).sum((-1, -2)).mean().sqrt() / exact[0].norm())
    slope = math.log(errors[2] / errors[0]) / math.log(100)
    assert slope == pytest.approx(-0.5, abs=0.05)


@pytest.mark.parametrize("regime", REGIMES)
def test_method_2_error_falls_as_the_root_of_the_window_over_two_decades(regime, spd):
    """Slope of log error on log window over two decades beyond the relaxation time: -1/2; 512 columns a point."""
    A = spd(6, 10.0, seed=5)
    B = torch.randn(6, 512, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    exact = torch.linalg.solve(A, B)
    machine = Machine(tau_s=1.0, regime=regime, noise=0.1)
    errors = []
    for window in (100.0, 1000.0, 10_000.0):
        result = solve(A, B, machine, averaging_time_s=window, settle_error=1e-9, seed=int(window))
        errors.append((result.estimate - exact).norm() / exact.norm())
    # The first window is 10 relaxation times, where the law still lacks its transient term of a few per cent.
    assert math.log(errors[2] / errors[0]) / math.log(100) == pytest.approx(-0.5, abs=0.03)


def test_errors_must_be_fractions():
    with pytest.raises(ValueError, match="between 0 and 1"):
        settling_of_mean(10.0, 1.0, Regime.OVERDAMPED)
    with pytest.raises(ValueError, match="spacing must be positive"):
        samples_for_covariance(3, 0.1, 0.0, Regime.OVERDAMPED)
