"""Noise left in averages, against quadrature of autocovariances that come from Lyapunov equations and expm."""

import numpy as np
import pytest
import scipy.linalg

from costmodel.formulas import averaging, budget, sampling, spectrum, transient, underdamped
from tests.formulas.designed import Process, logarithmic, with_spectrum, worst_for_noise

SPECTRA = {
    "flat": np.ones(6),
    "logarithmic": logarithmic(8, 30.0),
    "worst": worst_for_noise(8, 30.0),
    "low rank": np.array([1 / 50, 1 / 50, 1 / 50, 1 / 49, 0.3, 1.0]),
}


def sides(eigenvalues):
    return len(eigenvalues), max(eigenvalues) / min(eigenvalues)


@pytest.mark.verifies("thermo.average.mean.spectrum.time")
@pytest.mark.parametrize("name", SPECTRA)
def test_mean_of_a_given_spectrum(name):
    eigenvalues, nu, epsilon = SPECTRA[name], 1e-3, 0.1
    A, basis = with_spectrum(eigenvalues)
    drive = np.linspace(1, 2, len(A))
    formula = spectrum.mean_time(eigenvalues, drive)
    # Long windows, where the formula is exact: the window that leaves a hundredth of the error.
    window = 1e4 * formula.evaluate(tau=1.0, nu=nu, epsilon=epsilon)
    x = np.linalg.solve(A, basis @ drive)
    noise = nu * (drive**2).sum() * Process(A).variance_of_mean(window)
    assert np.sqrt(noise / (x**2).sum()) == pytest.approx(epsilon / 100, rel=0.02)
    moments = {"mu_2": np.trace(np.linalg.inv(A @ A)) / len(A), "s_x": (x**2).sum() / (drive**2).sum()}
    by_moments = averaging.mean_spectrum_time().evaluate(tau=1.0, n=len(A), nu=nu, epsilon=epsilon, **moments)
    assert np.sqrt(noise / (x**2).sum()) == pytest.approx(epsilon * np.sqrt(by_moments / window), rel=0.02)


@pytest.mark.verifies("thermo.average.mean.time")
@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("length", [0.01, 1.0, 100.0])
def test_worst_case_of_a_mean_holds_for_any_window(name, length):
    n, kappa = sides(SPECTRA[name])
    A, basis = with_spectrum(SPECTRA[name])
    nu = 1e-2
    window = length * kappa
    # The error that this window is planned for: 2 tau n kappa^2 nu / epsilon^2 = window.
    allowed = averaging.mean_time().evaluate(tau=1.0, n=n, kappa=kappa, nu=nu, epsilon=0.5) * 0.25 / window
    noise = nu * Process(A).variance_of_mean(window)
    weakest = np.linalg.norm(np.linalg.solve(A, basis[:, -1])) ** 2
    assert noise / weakest <= allowed * (1 + 1e-6)


@pytest.mark.verifies("thermo.average.mean.time")
def test_worst_case_of_a_mean_is_attained():
    n, kappa, nu = 40, 30.0, 1e-2
    A, _ = with_spectrum(worst_for_noise(n, kappa))
    window = 1000 * kappa
    allowed = averaging.mean_time().evaluate(tau=1.0, n=n, kappa=kappa, nu=nu, epsilon=0.5) * 0.25 / window
    assert 0.97 < nu * Process(A).variance_of_mean(window) / allowed <= 1


@pytest.mark.verifies("thermo.average.mean.isotropic.time")
def test_isotropic_input_sees_no_kappa():
    # E b b^T = 1 / n: the expected squared norm of the solution is the trace of A^-2 over n.
    for kappa in (3.0, 30.0, 300.0):
        A, _ = with_spectrum(logarithmic(6, kappa))
        window = 1e4 * averaging.mean_isotropic_time().evaluate(tau=1.0, n=6, nu=1e-2, epsilon=0.1)
        window = max(window, 1e4 * kappa)
        signal = np.trace(np.linalg.inv(A @ A)) / 6
        time = averaging.mean_isotropic_time().evaluate(tau=1.0, n=6, nu=1e-2, epsilon=0.1)
        assert 1e-2 * Process(A).variance_of_mean(window) / signal == pytest.approx(0.01 * time / window, rel=0.01)


@pytest.mark.verifies("thermo.average.covariance.time")
@pytest.mark.parametrize("name", SPECTRA)
def test_covariance_of_a_given_spectrum(name):
    n, kappa = sides(SPECTRA[name])
    A, _ = with_spectrum(SPECTRA[name])
    process, inverse = Process(A), np.linalg.inv(A)
    exact = process.integrated_scatter() / (inverse**2).sum()  # error^2 times window, in tau
    assert spectrum.covariance_time(SPECTRA[name]).evaluate(tau=1.0, epsilon=0.1) == pytest.approx(
        exact / 0.01, rel=1e-6
    )
    bound = averaging.covariance_time().evaluate(tau=1.0, n=n, kappa=kappa, epsilon=0.1)
    assert exact / 0.01 <= bound * (1 + 1e-9)


@pytest.mark.verifies("thermo.average.covariance.time")
def test_worst_case_of_a_covariance_is_attained():
    flat = spectrum.covariance_time(np.ones(16)).evaluate(tau=1.0, epsilon=0.1)
    assert flat == pytest.approx(averaging.covariance_time().evaluate(tau=1.0, n=16, kappa=1, epsilon=0.1))
    # One mode at 1, 63 at 1 / 100: within 4 % of (n + 1) kappa, so kappa cannot be replaced by anything weaker.
    process = Process(np.diag(worst_for_noise(64, 100.0)))
    share = process.integrated_scatter() / (process.covariance**2).sum() / (65 * 100.0)
    assert 0.96 < share < 1


def test_logarithmic_spectra_need_far_less():
    eigenvalues = logarithmic(256, 100.0)
    ratio = spectrum.covariance_time(eigenvalues).evaluate(tau=1.0, epsilon=0.1) / (257 * 100 / 0.01)
    assert 0.17 < ratio < 0.19


@pytest.mark.verifies("thermo.underdamped.average.mean.time", "thermo.underdamped.average.covariance.time")
@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("length", [3.0, 30.0])
def test_underdamped_bounds_hold(name, length):
    n, kappa = sides(SPECTRA[name])
    A, _ = with_spectrum(SPECTRA[name])
    process = Process(A, friction=2 / np.sqrt(kappa))
    assert process.covariance == pytest.approx(np.linalg.inv(A), rel=1e-8, abs=1e-8)
    window = length * np.sqrt(kappa)
    mean = underdamped.average_mean_time().evaluate(tau_o=1.0, n=n, kappa=kappa, nu=1.0, epsilon=0.5) * 0.25 / window
    assert process.variance_of_mean(window) <= mean * (1 + 1e-6)
    covariance = underdamped.average_covariance_time().evaluate(tau_o=1.0, n=n, kappa=kappa, epsilon=0.5) * 0.25
    assert process.scatter_of_covariance(window) / (process.covariance**2).sum() <= covariance / window * (1 + 1e-6)


@pytest.mark.verifies("thermo.underdamped.average.mean.time", "thermo.underdamped.average.covariance.time")
def test_underdamped_bounds_are_attained():
    # All modes critical: kappa = 1, one mode, where (n + 1) = 2.
    process = Process(np.eye(1), friction=2.0)
    assert process.integrated_scatter() == pytest.approx(
        underdamped.average_covariance_time().evaluate(tau_o=1.0, n=1, kappa=1, epsilon=0.1) * 0.01, rel=1e-8
    )
    assert 1e4 * process.variance_of_mean(1e4) == pytest.approx(4.0, rel=1e-3)
    # The power 3/2 of kappa: modes at 1 / kappa, seen through 24 of 25 directions.
    for kappa in (25.0, 100.0):
        process = Process(np.diag(worst_for_noise(12, kappa)), friction=2 / np.sqrt(kappa))
        window = 3000 * np.sqrt(kappa)
        # eleven of them; the twelfth, at 1, adds next to nothing
        promised = underdamped.average_mean_time().evaluate(tau_o=1.0, n=11, kappa=kappa, nu=1.0, epsilon=0.5) * 0.25
        assert process.variance_of_mean(window) * window == pytest.approx(promised, rel=0.01)


def lag_sum(correlation, spacing, count):
    """(1/N) sum over pairs of samples, directly."""
    index = np.arange(count)
    return sum(correlation(abs(lag) * spacing) * (count - abs(lag)) for lag in (*-index[1:], *index)) / count


@pytest.mark.verifies("thermo.sampling.covariance.samples", "thermo.sampling.mean.samples")
@pytest.mark.parametrize("spacing", [0.1, 1.0, 10.0])
def test_correlated_samples(spacing):
    kappa, count, n, nu = 10.0, 4000, 5, 1e-2
    slowest = Process(np.array([[1 / kappa]]))
    product = lag_sum(lambda u: (slowest.autocovariance(u)[0, 0] / kappa) ** 2, spacing * kappa, count)
    needed = sampling.covariance_samples().evaluate(n=n, epsilon=0.1, kappa=kappa, tau=1.0, Delta=spacing * kappa)
    assert needed == pytest.approx((n + 1) * product / 0.01, rel=0.01)
    single = lag_sum(lambda u: slowest.autocovariance(u)[0, 0], spacing * kappa, count)
    needed = sampling.mean_samples().evaluate(n=n, nu=nu, epsilon=0.1, kappa=kappa, tau=1.0, Delta=spacing * kappa)
    assert needed == pytest.approx(n * nu * single / 0.01, rel=0.01)


@pytest.mark.verifies("thermo.sampling.covariance.independent_samples", "thermo.sampling.mean.independent_samples")
def test_dense_samples_are_an_integral_and_sparse_ones_independent():
    common = {"n": 50, "kappa": 20.0, "tau": 1e-6, "epsilon": 0.1}
    dense = sampling.covariance_samples().evaluate(Delta=1e-9, **common) * 1e-9
    assert dense == pytest.approx(averaging.covariance_time().evaluate(**common), rel=1e-6)
    dense = sampling.mean_samples().evaluate(Delta=1e-9, nu=1e-3, **common) * 1e-9
    assert dense == pytest.approx(averaging.mean_time().evaluate(nu=1e-3, **common), rel=1e-6)
    sparse = sampling.covariance_samples().evaluate(Delta=1e-3, **common)
    assert sparse == pytest.approx(sampling.covariance_independent_samples().evaluate(n=50, epsilon=0.1))
    sparse = sampling.mean_samples().evaluate(Delta=1e-3, nu=1e-3, **common)
    assert sparse == pytest.approx(sampling.mean_independent_samples().evaluate(n=50, kappa=20.0, nu=1e-3, epsilon=0.1))


def worst_total_error(eigenvalues, epsilon, nu):
    """Largest rms error over all inputs of a mean settled and averaged for epsilon: a generalized eigenproblem."""
    n, kappa = sides(eigenvalues)
    A, _ = with_spectrum(eigenvalues)
    process = Process(A)
    settle = transient.mean_time().evaluate(tau=1.0, kappa=kappa, epsilon=epsilon)
    window = averaging.mean_time().evaluate(tau=1.0, n=n, kappa=kappa, nu=nu, epsilon=epsilon)
    missing = process.response(settle) - np.linalg.inv(A)
    noise = nu * process.variance_of_mean(window)
    squared = scipy.linalg.eigh(missing.T @ missing + noise * np.eye(n), np.linalg.inv(A @ A), eigvals_only=True)
    return np.sqrt(squared[-1])


@pytest.mark.verifies("thermo.solve.error")
@pytest.mark.parametrize(("kappa", "epsilon"), [(1.0, 0.1), (1.5, 0.3), (2.0, 0.1), (10.0, 0.1), (100.0, 0.01)])
def test_two_full_epsilons_add_up_to_one(kappa, epsilon):
    promised = budget.solve_error().evaluate(kappa=kappa, epsilon=epsilon)
    # So much noise that the window is many relaxation times, which the formula's noise term assumes.
    found = worst_total_error(worst_for_noise(40, kappa), epsilon, nu=100.0)
    assert 0.96 * promised < found <= promised * (1 + 1e-9)
    assert promised <= epsilon * (np.sqrt(2) if kappa == 1 else 1.0 + 0.5 / kappa)


@pytest.mark.verifies("thermo.inverse.error")
def test_burn_in_is_averaged_away():
    n, kappa, epsilon = 8, 10.0, 0.1
    A, _ = with_spectrum(worst_for_noise(n, kappa))
    start = transient.covariance_time().evaluate(tau=1.0, kappa=kappa, epsilon=epsilon)
    window = averaging.covariance_time().evaluate(tau=1.0, n=n, kappa=kappa, epsilon=epsilon)
    off = Process(A).mean_covariance(start, window) - np.linalg.inv(A)
    bias = np.linalg.norm(off) / np.linalg.norm(np.linalg.inv(A))
    assert bias <= epsilon**3 / (2 * (n + 1))
    assert bias > 0.95 * epsilon**3 / (2 * (n + 1))
    total = budget.inverse_error().evaluate(n=n, epsilon=epsilon)
    assert total == pytest.approx(np.hypot(epsilon, epsilon**3 / (2 * (n + 1))))


@pytest.mark.parametrize(("kappa", "epsilon"), [(10.0, 0.1), (100.0, 0.1), (100.0, 0.01)])
def test_two_full_epsilons_on_underdamped_cells(kappa, epsilon):
    settle = underdamped.mean_time().evaluate(tau_o=1.0, kappa=kappa, epsilon=epsilon)
    squared = []
    for eigenvalue in logarithmic(200, kappa):
        process = Process(np.array([[eigenvalue]]), friction=2 / np.sqrt(kappa))
        squared.append((process.response(settle)[0, 0] * eigenvalue - 1) ** 2 + epsilon**2 * eigenvalue**2)
    assert np.sqrt(max(squared)) < 1.04 * epsilon
