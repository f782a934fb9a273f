"""Direct laws of single flaws against the simulator that follows every array."""

import math

import pytest
import torch
from scipy.stats import ks_2samp

from solver import Converter, Machine, Mitigation, invert, solve
from solver.kfac import ThermoSolve
from validation.study.flaws import Programmed, Read, Sampled, Settled


@pytest.fixture(scope="module")
def factor():
    """A damped factor with one large mode, condition number about 150."""
    generator = torch.Generator().manual_seed(0)
    rows = 0.2 + torch.randn(500, 12, generator=generator, dtype=torch.float64) * torch.linspace(1, 0.05, 12)
    return rows.mT @ rows / 500 + 0.01 * torch.eye(12, dtype=torch.float64)


def relative(a, b):
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize("worst", [True, False])
@pytest.mark.parametrize("error", [0.1, 0.6, 0.95])
def test_settling_is_that_of_n_simulated_systems(factor, error, worst):
    flaw, eye = Settled(error, worst=worst), torch.eye(12, dtype=torch.float64)
    slowest = torch.linalg.eigvalsh(factor)
    lacks = math.exp(-float(slowest[0]) * flaw.time(slowest))
    simulated = solve(factor, eye, Machine(), averaging_time_s=0.0, settle_error=lacks).estimate
    assert relative(flaw.inverse(factor), simulated) < 1e-9
    if worst:
        assert lacks == pytest.approx(error)
    else:
        assert relative(simulated, torch.linalg.inv(factor)) == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize(
    ("machine", "deflation"),
    [
        (Machine(dac=Converter(bits=10)), 0),
        (Machine(dac=Converter(bits=8)), 20),
        (Machine(dac=Converter(bits=9), mismatch=0.001, chip=2), 20),
        (Machine(mismatch=0.003, chip=4), 0),
    ],
)
def test_programming_is_that_of_n_simulated_systems(factor, machine, deflation):
    """Drives of unit vectors are exact in any converter, so that only the couplings are wrong; equal seeds."""
    flaw, eye = Programmed(machine, deflate=deflation > 0, seed=7), torch.eye(12, dtype=torch.float64)
    left, right = (
        solve(
            factor,
            eye,
            machine,
            averaging_time_s=0.0,
            settle_error=1e-13,
            mitigation=Mitigation(deflation=deflation),
            seed=seed,
        ).estimate
        for seed in (8, 9)
    )
    direction, exact = flaw.prepare(factor, factor)(eye), torch.linalg.inv(factor)
    assert flaw.retries == 0
    assert relative(direction, left @ right) < 1e-7
    assert relative(direction, exact @ exact) > 1e-3


def test_a_factor_that_does_not_fit_is_damped_further(factor):
    flaw = Programmed(Machine(dac=Converter(bits=4)), seed=7)
    flaw.prepare(factor, factor)
    assert flaw.retries > 0


def test_readings_are_those_of_the_simulated_method_2(factor):
    gradient = torch.randn(5, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    other = factor[:5, :5].contiguous()
    simulated = ThermoSolve(Machine(adc=Converter(bits=5)), averaging_time_s=0.0, settle_error=1e-12)
    direct = Read(5).prepare(factor, other)(gradient)
    assert relative(direct, simulated.prepare(factor, other)(gradient)) < 1e-9
    exact = torch.linalg.solve(other, gradient) @ torch.linalg.inv(factor)
    assert 0.01 < relative(direct, exact) < 0.3


@pytest.mark.parametrize("count", [6, 60])
def test_sampling_has_the_law_of_the_simulated_method_1(factor, count):
    """Samples 12 relaxations apart are independent: five statistics of 1500 draws a side, Kolmogorov-Smirnov.

    At 1e-4 each the false alarm of a case is 5e-4; seeds are fixed. A quarter more samples is told apart.
    """

    def statistics(estimates):
        exact = torch.linalg.inv(factor)
        values = torch.linalg.eigvalsh(estimates)
        errors = (estimates - exact).flatten(1).norm(dim=1)
        return [estimates[:, 0, 0], estimates[:, 3, 7], estimates[:, 11, 11], values[:, -1], errors]

    machine, flaw = Machine(), Sampled(0.1, seed=5)
    many = factor.expand(1500, 12, 12)
    simulated = invert(many, machine, samples=count, spacing=12.0, burn_in_error=1e-9, seed=3).estimate
    direct = torch.stack([flaw.draw(factor, count) for _ in range(1500)])
    more = torch.stack([flaw.draw(factor, count * 5 // 4 + 1) for _ in range(1500)])
    pairs = zip(statistics(simulated), statistics(direct), strict=True)
    assert min(ks_2samp(a.numpy(), b.numpy()).pvalue for a, b in pairs) > 1e-4
    apart = zip(statistics(simulated), statistics(more), strict=True)
    assert min(ks_2samp(a.numpy(), b.numpy()).pvalue for a, b in apart) < 1e-4


@pytest.mark.parametrize("error", [0.1, 1.0])
def test_sampling_has_the_error_it_says(factor, error):
    """Mean squared error of 400 draws; its relative standard error is below 6 %, so 25 % is beyond four of them."""
    flaw, exact = Sampled(error, seed=11), torch.linalg.inv(factor)
    squares = [relative(flaw.inverse(factor), exact) ** 2 for _ in range(400)]
    assert sum(squares) / len(squares) == pytest.approx(error**2, rel=0.25)
