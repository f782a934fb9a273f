"""Both methods cut short: what an unsettled array returns has a closed form too, written here with matrix functions.

Each case compares a handful of Gaussian statistics with 4 standard errors (6.3e-5 each): the file's 40 cases raise
a false alarm with probability below 2 %, once, since seeds are fixed.
"""

import math

import pytest
import torch

from solver import Machine, Regime, invert, solve
from solver.durations import relaxation

CASES = [(2, 1.0), (2, 1e4), (24, 1e2), (24, 1e4)]
LARGE = [pytest.param(512, kappa, marks=pytest.mark.slow) for kappa in (1.0, 1e4)]
ALL = [*CASES, *LARGE]


def free_positions(A, kappa, time, regime):
    """What remains of a displacement after a time: exp(-A t), or the position block of the exponential of 2n states."""
    n = A.shape[0]
    if regime is Regime.OVERDAMPED:
        return torch.linalg.matrix_exp(-A * time)
    eye = torch.eye(n, dtype=torch.float64)
    system = torch.cat([torch.cat([torch.zeros_like(A), eye], 1), torch.cat([-A, -2 / math.sqrt(kappa) * eye], 1)])
    return torch.linalg.matrix_exp(system * time)[:n, :n]


def scaled(n, kappa, spd):
    A = spd(n, kappa, seed=n)
    return A / torch.linalg.eigvalsh(A)[-1]


@pytest.mark.parametrize("regime", list(Regime))
@pytest.mark.parametrize(("n", "kappa"), ALL)
def test_method_2_read_before_it_has_settled(n, kappa, regime, spd):
    """2000 readings at 0.7 relaxation times of one system: their mean is (1 - free) A^-1 b, whatever their noise."""
    A = scaled(n, kappa, spd)
    readings = 2000 if n < 100 else 300
    b = torch.randn(n, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    b = b / b.abs().max()
    time = 0.7 * relaxation(kappa, regime)
    # time_s is settling plus window; ask for the shortest settling that equals the time we want, and a single reading.
    settle_error = _error_left_at(time, kappa, regime)
    machine = Machine(tau_s=1.0, regime=regime, noise=0.02)
    B, bound = b.expand(n, readings).contiguous(), kappa * (1 + 1e-9)
    result = solve(A, B, machine, averaging_time_s=0.0, settle_error=settle_error, kappa=bound)
    assert result.ledger.settling_time_s == pytest.approx(readings * time, rel=1e-6)
    expected = torch.linalg.solve(A, b) - free_positions(A, kappa, time, regime) @ torch.linalg.solve(A, b)
    x = result.estimate
    # A few random projections, and all of them for small systems.
    axes = torch.eye(n, dtype=torch.float64) if n <= 2 else torch.linalg.eigh(A).eigenvectors[:, [0, n // 2, n - 1]].T
    error = (axes @ x).std(1) / math.sqrt(readings)
    assert ((axes @ (x.mean(1, keepdim=True) - expected)).squeeze(1).abs() < 4 * error).all()


def _error_left_at(time, kappa, regime):
    """Relative error that the planning law leaves after a time: the inverse of `settling_of_mean`."""
    s = time / relaxation(kappa, regime)
    return math.exp(-s) if regime is Regime.OVERDAMPED else (1 + s) * math.exp(-s)


@pytest.mark.parametrize("regime", list(Regime))
@pytest.mark.parametrize(("n", "kappa"), ALL)
def test_method_1_without_burn_in(n, kappa, regime, spd):
    """Expectation of the estimate with next to no burn-in: A^-1 times the mean over samples of what has arrived by
    then.

    The statistic is the mean of lambda_i times the estimate of 1 / lambda_i over the slowest quarter of the modes.
    """
    runs, count, spacing = (400, 5, 0.4) if n < 100 else (12, 5, 0.4)
    A = scaled(n, kappa, spd)
    burn_in_error = 0.95
    result = invert(
        A.expand(runs, n, n),
        Machine(tau_s=1.0, regime=regime),
        samples=count,
        burn_in_error=burn_in_error,
        spacing=spacing,
        kappa=kappa * (1 + 1e-9),
    )
    start = result.ledger.settling_time_s / runs
    step = result.ledger.sampling_time_s / runs / count
    arrived = torch.zeros((), dtype=torch.float64)
    lam, basis = torch.linalg.eigh(A)
    slow = slice(0, max(1, n // 4))
    for i in range(1, count + 1):
        free = (basis.mT @ free_positions(A, kappa, start + i * step, regime) @ basis).diagonal()
        if regime is Regime.OVERDAMPED:
            deficit = free**2
        else:  # position variance lacks xx^2 + lambda xv^2; xv from xx' = -lambda xv
            h = 1e-5 * (start + i * step)
            later = (basis.mT @ free_positions(A, kappa, start + i * step + h, regime) @ basis).diagonal()
            earlier = (basis.mT @ free_positions(A, kappa, start + i * step - h, regime) @ basis).diagonal()
            speed = (later - earlier) / (2 * h)
            deficit = free**2 + speed**2 / lam
        arrived = arrived + (1 - deficit)[slow].mean() / count
    modal = (basis.mT @ result.estimate @ basis).diagonal(dim1=-2, dim2=-1) * lam
    statistic = modal[:, slow].mean(-1)
    error = statistic.std() / math.sqrt(runs)
    assert abs(statistic.mean() - arrived) < 4 * error
    assert arrived < 0.99  # the deficit is there to be seen
