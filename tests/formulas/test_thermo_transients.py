"""Settling and what a short run computes, against matrix exponentials and Lyapunov equations."""

import numpy as np
import pytest
from scipy.integrate import quad_vec

from costmodel.formulas import transient, underdamped
from tests.formulas.designed import Process, logarithmic, with_spectrum

CASES = [(2.0, 0.1), (10.0, 0.1), (100.0, 0.01), (1000.0, 0.001)]


def relative(change, whole):
    return np.linalg.norm(change, 2) / np.linalg.norm(whole, 2)


@pytest.mark.verifies("thermo.transient.mean.time")
@pytest.mark.parametrize(("kappa", "epsilon"), CASES)
def test_mean_settles_in_time_and_not_before(kappa, epsilon):
    A, basis = with_spectrum(logarithmic(12, kappa))
    time = transient.mean_time().evaluate(tau=1.0, kappa=kappa, epsilon=epsilon)
    response, exact = Process(A).response(time), np.linalg.inv(A)
    for b in (*basis.T, np.ones(12), np.arange(12.0)):
        assert np.linalg.norm((response - exact) @ b) <= epsilon * np.linalg.norm(exact @ b) * (1 + 1e-9)
    slowest = basis[:, 0]
    left = np.linalg.norm((response - exact) @ slowest) / np.linalg.norm(exact @ slowest)
    assert left == pytest.approx(epsilon, rel=1e-8)


@pytest.mark.verifies("thermo.transient.covariance.time")
@pytest.mark.parametrize(("kappa", "epsilon"), CASES)
def test_covariance_settles_in_time_and_not_before(kappa, epsilon):
    A, _ = with_spectrum(logarithmic(4, kappa))
    process = Process(A)
    time = transient.covariance_time().evaluate(tau=1.0, kappa=kappa, epsilon=epsilon)
    found = process.covariance_at(time)
    # The covariance a time after rest is also the noise of that time, each part moved to its end.
    by_quadrature, _ = quad_vec(
        lambda s: process.propagator(s) @ process.diffusion @ process.propagator(s).T, 0, time, epsrel=1e-7
    )
    assert found == pytest.approx(by_quadrature, rel=1e-6, abs=1e-6)
    assert relative(found - np.linalg.inv(A), np.linalg.inv(A)) == pytest.approx(epsilon, rel=1e-6)


@pytest.mark.verifies("thermo.transient.warm_mean.time")
@pytest.mark.parametrize(("kappa", "epsilon"), CASES)
def test_a_warm_start_can_be_worse_than_rest(kappa, epsilon):
    A, basis = with_spectrum(logarithmic(12, kappa))
    time = transient.warm_mean_time().evaluate(tau=1.0, kappa=kappa, epsilon=epsilon)
    process, inverse = Process(A), np.linalg.inv(A)
    before, after = inverse @ basis[:, 0], inverse @ basis[:, -1]
    off = np.linalg.norm(process.propagator(time) @ (before - after)) / np.linalg.norm(after)
    # exactly kappa exp(-t / kappa): kappa / (kappa + 1) of what is allowed, and far above what rest would leave
    assert off == pytest.approx(epsilon * kappa / (kappa + 1), rel=1e-3 if kappa > 2 else 0.05)


@pytest.mark.verifies("thermo.underdamped.mean.time")
@pytest.mark.parametrize(("kappa", "epsilon"), CASES)
def test_underdamped_mean(kappa, epsilon):
    time = underdamped.mean_time().evaluate(tau_o=1.0, kappa=kappa, epsilon=epsilon)
    left = []
    for eigenvalue in logarithmic(200, kappa):
        process = Process(np.array([[eigenvalue]]), friction=2 / np.sqrt(kappa))
        left.append(abs(process.response(time)[0, 0] * eigenvalue - 1))
    assert left[0] == pytest.approx(epsilon, rel=1e-6)
    assert max(left) <= epsilon * (1 + 1e-9)


@pytest.mark.verifies("thermo.underdamped.covariance.time")
@pytest.mark.parametrize(("kappa", "epsilon"), CASES)
def test_underdamped_covariance(kappa, epsilon):
    time = underdamped.covariance_time().evaluate(tau_o=1.0, kappa=kappa, epsilon=epsilon)
    left = []
    for eigenvalue in logarithmic(200, kappa):
        process = Process(np.array([[eigenvalue]]), friction=2 / np.sqrt(kappa))
        left.append(abs(process.covariance_at(time)[0, 0] * eigenvalue - 1))
    assert max(left) == left[0] <= epsilon
    assert left[0] > 0.85 * epsilon  # the bound that can be solved for the time is close
    shorter = Process(np.array([[1 / kappa]]), friction=2 / np.sqrt(kappa)).covariance_at(0.97 * time)[0, 0] / kappa
    assert abs(shorter - 1) > 0.98 * epsilon


def test_underdamped_beats_overdamped_as_sqrt_kappa():
    slow, fast = (transient.mean_time(), {"tau": 1.0}), (underdamped.mean_time(), {"tau_o": 1.0})
    growth = [
        formula.evaluate(kappa=1e4, epsilon=0.01, **unit) / formula.evaluate(kappa=1e2, epsilon=0.01, **unit)
        for formula, unit in (slow, fast)
    ]
    assert growth == pytest.approx([100.0, 10.0])


@pytest.mark.verifies("thermo.implicit_damping.mean", "thermo.implicit_damping.condition_number")
@pytest.mark.parametrize("time", [0.5, 5.0, 50.0, 500.0])
def test_a_short_run_is_a_damped_inverse(time):
    kappa = 100.0
    A, _ = with_spectrum(logarithmic(12, kappa))
    applied = np.linalg.eigvalsh(np.linalg.inv(Process(A).response(time)))
    floor = transient.mean_damping().evaluate(tau=1.0, t=time)
    eigenvalues = logarithmic(12, kappa)
    assert (applied >= np.maximum(eigenvalues, floor) * (1 - 1e-9)).all()
    assert (applied <= (eigenvalues + floor) * (1 + 1e-9)).all()
    effective = transient.effective_condition_number().evaluate(tau=1.0, t=time, kappa=kappa)
    assert applied[-1] / applied[0] == pytest.approx(effective, rel=1e-7)


@pytest.mark.verifies("thermo.implicit_damping.covariance")
@pytest.mark.parametrize("time", [0.5, 5.0, 50.0])
def test_a_short_covariance_is_damped_half_as_much(time):
    A, _ = with_spectrum(logarithmic(12, 100.0))
    applied = np.linalg.eigvalsh(np.linalg.inv(Process(A).covariance_at(time)))
    floor = transient.covariance_damping().evaluate(tau=1.0, t=time)
    assert (applied >= np.maximum(logarithmic(12, 100.0), floor) * (1 - 1e-9)).all()
    assert (applied <= (logarithmic(12, 100.0) + floor) * (1 + 1e-9)).all()


def test_the_cut_off_is_met_by_a_mode_that_hardly_moves():
    process = Process(np.array([[1e-6]]))
    assert process.response(50.0)[0, 0] == pytest.approx(50.0, rel=1e-4)  # tau / t: 1 / 50
    assert process.covariance_at(50.0)[0, 0] == pytest.approx(100.0, rel=1e-4)  # tau / (2 t): 1 / 100
