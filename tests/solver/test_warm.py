"""Columns that start from the last inverse: times as the formulas have them, errors reached, ledgers, training."""

import copy
import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from costmodel.formulas.accuracy import settling
from solver import Converter, Link, Machine, Mitigation, Regime, Start, invert_by_columns
from solver.kfac import KFAC, Cholesky, ThermoColumns
from tests.solver.test_columns import BANDWIDTH, KAPPA, LATENCY, REGIMES, SIZES, TAU, relative, value
from tests.solver.test_columns_train import total


def after_refreshes(matrices: list[Tensor], machine: Machine, error: float, drift: float, **more) -> list[float]:
    """Errors of the inverses of matrices, one refresh after another, each started from the last."""
    found = invert_by_columns(matrices[0], machine, settle_error=error, **more)
    errors = []
    for seed, A in enumerate(matrices[1:]):
        assert found.pivots is not None
        start = Start(found.pivots, drift)
        found = invert_by_columns(A, machine, settle_error=error, start=start, seed=seed, **more)
        errors.append(relative(found.estimate, torch.linalg.inv(A)))
    return errors


@pytest.mark.shows("ledger", "thermo.columns.warm", "thermo.columns.warm.underdamped")
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(("n", "cells"), SIZES)
def test_formulas_predict_the_ledger(spd, n: int, cells: int, regime: Regime) -> None:
    epsilon, shape = 0.1, {"n": n, "m": min(cells, n)}
    run = Machine(
        tau_s=TAU, regime=regime, cells=cells, dac=Converter(16), adc=Converter(12), link=Link(BANDWIDTH, LATENCY)
    )
    A = spd(n, 30.0)
    first = invert_by_columns(A, run, settle_error=epsilon, kappa=KAPPA)
    ledger = invert_by_columns(A, run, settle_error=epsilon, kappa=KAPPA, start=Start(first.pivots, 0.2)).ledger
    squares = value("thermo.blocks.squares", **shape)
    assert ledger.uploaded_values - first.ledger.uploaded_values == squares
    assert ledger.dac_conversions == 2 * squares + n
    assert (ledger.conversions, ledger.transfers) == (first.ledger.conversions, first.ledger.transfers)
    fit = value("thermo.warm.fit.flops", **shape)
    assert ledger.digital_flops == value("thermo.inverse.tiling.flops", **shape) + fit
    link = value("thermo.warm.start.link.time", **shape)
    assert ledger.link_time_s == pytest.approx(first.ledger.link_time_s + link, rel=1e-12)
    moved = {"d_r": 0.2, "i_r": 100, "i_f": 10, "beta_f": 0.95}
    settle = value(f"thermo.warm.columns{REGIMES[regime]}.settle.time", **shape, epsilon=epsilon, **moved)
    assert ledger.settling_time_s == pytest.approx(settle)
    assert ledger.sampling_time_s == 0


@pytest.mark.shows("accuracy", "thermo.columns.warm", "thermo.columns.warm.underdamped")
@pytest.mark.parametrize("regime", REGIMES)
def test_the_error_asked_for_is_what_is_left(regime: Regime) -> None:
    """Modes at the damping that keep moving the same way, by 0.2 % of the inverse a refresh: all add up to epsilon."""
    n, kappa, drift, epsilon = 40, 20.0, 0.002, 0.004
    way = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(n // 2)
    matrices = [torch.diag(torch.cat([torch.tensor([1.0]).double(), (1 - drift * k * way) / kappa])) for k in range(14)]
    bound = 1.04 * kappa
    errors = after_refreshes(matrices, Machine(regime=regime), epsilon, drift, kappa=bound)
    assert errors[-1] == pytest.approx(epsilon, rel=0.08)
    # as long a run from rest leaves half of the inverse and more
    left = Start(matrices[0], drift).left(epsilon)
    rest = invert_by_columns(matrices[-1], Machine(regime=regime), settle_error=left, kappa=bound).estimate
    assert relative(rest, torch.linalg.inv(matrices[-1])) > 100 * epsilon


@pytest.mark.shows("accuracy", "thermo.columns.warm", "thermo.columns.warm.deflated", "thermo.columns.warm.refined")
@pytest.mark.parametrize("cells", [None, 5])
@pytest.mark.parametrize("mitigation", [Mitigation(), Mitigation(deflation=8), Mitigation(refinements=1)])
@pytest.mark.parametrize("error", [0.3, 0.05])
def test_moving_matrices(spd, cells: int | None, mitigation: Mitigation, error: float) -> None:
    """Running averages of random factors: the error stays below what is asked, in a part of the time, blocks or not."""
    generator = torch.Generator().manual_seed(0)
    A, matrices = spd(12, 100.0, seed=1), []
    for _ in range(8):
        rows = torch.randn(40, 12, generator=generator, dtype=torch.float64) @ spd(12, 10.0, seed=2)
        A = 0.9 * A + 0.1 * rows.mT @ rows / 40
        matrices.append(A + 0.02 * torch.eye(12, dtype=torch.float64))
    inverses = [torch.linalg.inv(each) for each in matrices]
    drift = max(relative(old, new) for old, new in pairwise(inverses))
    assert 0.05 < drift < 0.5
    errors = after_refreshes(matrices, Machine(cells=cells), error, 1.2 * drift, mitigation=mitigation)
    assert max(errors) <= error
    share = math.log(1 + 1.2 * drift / error) / math.log(1 / error)
    assert share < 0.9


def test_noise_and_rounding_do_not_pile_up(spd) -> None:
    """Twenty refreshes of a matrix that stands still, 10 bits and noise: errors of one run, root mean square."""
    A = spd(10, 20.0).expand(50, 10, 10)
    machine = Machine(dac=Converter(12), adc=Converter(10), noise=1.0)
    errors = after_refreshes(20 * [A], machine, 0.05, 0.02, noise_error=0.1)
    assert errors[-1] < 0.1 * 1.4
    assert errors[-1] == pytest.approx(errors[3], rel=0.15)


def test_a_start_is_for_the_same_matrices(spd) -> None:
    first = invert_by_columns(spd(4, 3.0), Machine(), settle_error=0.1)
    with pytest.raises(ValueError, match=r"^the start has shape \(1, 4, 4\) and the run needs \(1, 5, 5\); give the"):
        invert_by_columns(spd(5, 3.0), Machine(), settle_error=0.1, start=Start(first.pivots, 0.1))
    with pytest.raises(ValueError, match=r"^drift must be positive and finite, got 0\.0$"):
        Start(first.pivots, 0.0)


class Watched(ThermoColumns):
    """Errors of its inverses, in the norm of gradients whose covariance is the damped factor."""

    errors: list[float]

    def prepare_again(self, A: Tensor, G: Tensor, last):
        found = super().prepare_again(A, G, last)
        for matrix, inverse in ((A, found.right), (G, found.left)):
            root = torch.linalg.cholesky(matrix)
            self.errors.append(relative(inverse @ root, torch.linalg.inv(matrix) @ root))
        return found


@pytest.mark.shows("training", "thermo.columns.warm")
def test_it_trains_as_exact_inverses_do() -> None:
    """Half of the tolerance of settling, refreshed every five steps: fewer relaxation times, as many steps."""
    exact = total(Cholesky(), seeds=(1, 2))
    each = settling.tolerance().evaluate(epsilon_t=0.35)
    rest = ThermoColumns(Machine(noise=1e-4), settle_error=each)
    warm = Watched(Machine(noise=1e-4), settle_error=each, drift=0.2)
    warm.errors = []
    assert total(rest, seeds=(1, 2)) <= 1.15 * exact
    assert total(warm, seeds=(1, 2)) <= 1.15 * exact
    refreshes = warm.seed / rest.seed
    assert warm.ledger.settling_time_s < 0.8 * refreshes * rest.ledger.settling_time_s
    assert sorted(warm.errors)[len(warm.errors) // 2] < each


def test_a_resumed_run_starts_from_the_saved_columns() -> None:
    """State between two refreshes: the next one starts from what it holds, to the last bit."""

    def run(steps: int, state: dict | None = None, weights: dict | None = None):
        torch.manual_seed(0)
        model = nn.Linear(5, 3).double()
        backend = ThermoColumns(Machine(noise=1e-3), settle_error=0.2, drift=0.1)
        optimizer = KFAC(model, backend=backend, refresh_interval=2)
        if state is not None and weights is not None:
            model.load_state_dict(weights)
            optimizer.load_state_dict(state)
        for step in range(optimizer.steps, steps):
            x = torch.randn(20, 5, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
            loss = (model(x) ** 2).sum()
            optimizer.observe([loss], examples=20)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return model, optimizer

    model, optimizer = run(3)
    again, _ = run(6, copy.deepcopy(optimizer.state_dict()), copy.deepcopy(model.state_dict()))
    whole, _ = run(6)
    assert torch.equal(again.weight, whole.weight)
