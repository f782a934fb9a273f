"""Every analog arm of the catalog on the simulator by one rule: accuracy, times of its ledger, and training."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from costmodel.formulas import deflation, warm
from solver.kfac import Cholesky
from tests.solver import arms
from tests.solver.test_columns_train import LIMIT, steps_to_target

TAU, N, K, ERROR = 2e-6, 8, 3, 0.2
TOP, SECOND, DAMPING = 60.0, 2.0, 0.1
ARMS = sorted(arms.methods())


@pytest.fixture
def factor(spd: Callable[..., Tensor]) -> Tensor:
    """A damped factor whose top mode stands out 30 times."""
    alpha = torch.cat([torch.tensor([TOP]), SECOND * torch.linspace(1, 0, N - 1)]).double()
    basis = torch.linalg.eigh(spd(N, 5.0, seed=4)).eigenvectors
    found: Tensor = basis * (alpha + DAMPING) @ basis.mT
    return found


def symbols(kappa: float) -> dict[str, float]:
    """What times of runs on one factor, no larger than an array, are made of; nothing is noisy."""
    return {
        "n": N, "m": N, "k": K, "kappa": kappa, "eta": TOP / SECOND, "epsilon": ERROR, "nu": 0.0,
        "tau": TAU, "tau_o": TAU, "t_p": arms.PRODUCT_TIME, "d_r": arms.DRIFT, **warm.STATED,
    }  # fmt: skip


@pytest.mark.shows("accuracy")
@pytest.mark.shows("ledger")
@pytest.mark.parametrize("name", ARMS)
def test_time_and_error(name: str, factor: Tensor) -> None:
    """Runs as long as the formulas of the arm's own method, for an error that it then has: mean square over copies."""
    arm = arms.arm(name)
    kappa = (TOP + DAMPING) / DAMPING
    left = deflation.condition_number().evaluate(kappa=kappa, eta=TOP / SECOND) if "deflated" in name else kappa
    right = torch.randn(N, K, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    copies = 60 if arm.samples else 1
    machine = arm.machine(tau_s=TAU, arrays=copies)
    result = arm.run(factor.expand(copies, N, N), right.expand(copies, N, K), machine, ERROR, left * (1 + 1e-6))
    exact = arm.exact(factor, right)
    squares = ((result.estimate - exact) ** 2).sum((-1, -2)) / (exact**2).sum()
    scatter = squares.std().item() / math.sqrt(copies) if copies > 1 else 0.0
    burn_in = ERROR**2 if arm.samples else 0.0  # a second error, of the time before sampling
    assert squares.mean().item() <= ERROR**2 + burn_in + 4 * scatter
    ledger = result.ledger
    taken = ledger.settling_time_s + ledger.sampling_time_s
    values = symbols(kappa)
    runs = [work.time for work in arm.runs()]
    expected = sum(time.evaluate(**{letter: values[letter] for letter in time.letters}) for time in runs)
    assert expected > 0
    assert taken == pytest.approx(expected, rel=0.01)


@pytest.mark.slow
@pytest.mark.shows("training")
@pytest.mark.parametrize("name", ARMS)
def test_training(name: str) -> None:
    """Two runs to a loss, each inverse off by 0.1: no more than a fifth longer than with Cholesky. Seeds are fixed."""
    arm = arms.arm(name)
    seeds = (1, 2)
    exact = sum(steps_to_target(Cholesky(), seed) for seed in seeds)
    assert exact < 0.7 * LIMIT * len(seeds)
    assert sum(steps_to_target(arm.backend(arm.machine(), 0.1), seed) for seed in seeds) <= 1.2 * exact


def test_an_arm_that_the_simulator_does_not_run_says_so() -> None:
    for unknown in ("thermo.columns.frozen", "thermo.lattice"):
        with pytest.raises(LookupError, match=rf"^arm {unknown} has no evidence: tests/solver/arms\.py"):
            arms.arm(unknown)
