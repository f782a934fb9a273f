"""Inverses from settled columns: ledgers as the formulas have them, errors as the laws say, mitigations."""

import pytest
import torch

from costmodel import formulas
from solver import Converter, Link, Machine, Mitigation, Regime, Session, invert, invert_by_columns
from solver.durations import averaging_for_columns

KAPPA, TAU, BANDWIDTH, LATENCY = 40.0, 2e-6, 3e9, 5e-7
SIZES = [(1, 8), (7, 7), (10, 4), (12, 4), (33, 8)]  # one cell; a full array; a last block; even blocks; many blocks
REGIMES = {Regime.OVERDAMPED: "", Regime.UNDERDAMPED: ".underdamped"}


def value(name: str, **values: float) -> float:
    """A formula at the values it has symbols for."""
    common = {"tau": TAU, "tau_o": TAU, "kappa": KAPPA, "W": BANDWIDTH, "t_l": LATENCY, "b_in": 16, "b_out": 12}
    formula = formulas.get(name)
    letters = {info.letter for info in formula.symbols}
    return formula.evaluate(**{letter: each for letter, each in (common | values).items() if letter in letters})


def relative(estimate: torch.Tensor, exact: torch.Tensor) -> float:
    return ((estimate - exact).norm() / exact.norm()).item()


@pytest.mark.shows("ledger", "thermo.columns", "thermo.columns.underdamped")
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(("n", "cells"), SIZES)
@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_formulas_predict_the_ledger(spd, n: int, cells: int, regime: Regime, noise: float) -> None:
    epsilon, shape = 0.1, {"n": n, "m": min(cells, n)}
    run = Machine(
        tau_s=TAU, regime=regime, cells=cells, dac=Converter(16), adc=Converter(12), link=Link(BANDWIDTH, LATENCY),
        noise=noise,
    )  # fmt: skip
    ledger = invert_by_columns(spd(n, 30.0), run, settle_error=epsilon, kappa=KAPPA).ledger
    method = f"thermo.columns{REGIMES[regime]}"
    squares = value("thermo.blocks.squares", **shape)
    assert ledger.programmings == value("thermo.blocks.count", **shape)
    assert ledger.uploaded_values == ledger.conversions == squares  # no right-hand side crosses the link
    assert ledger.samples == n
    assert ledger.dac_conversions == squares + n  # one node driven for each column
    assert ledger.digital_flops == value("thermo.inverse.tiling.flops", **shape)
    link = value("thermo.inverse.upload.time", **shape) + value("thermo.inverse.readout.time", **shape)
    assert ledger.link_time_s == pytest.approx(link, rel=1e-12)
    assert ledger.settling_time_s == pytest.approx(value(f"{method}.settle.time", **shape, epsilon=epsilon))
    average = value(f"{method}.average.time", **shape, epsilon=epsilon, nu=noise**2)
    assert ledger.sampling_time_s == pytest.approx(average, rel=1e-9, abs=1e-18)


@pytest.mark.parametrize("arrays", [1, 3, 64])
def test_copies_share_the_columns(spd, arrays: int) -> None:
    """20 columns over copies of one block: the busiest copy decides, every copy is programmed."""
    ledger = invert_by_columns(spd(20, 30.0), Machine(tau_s=TAU, arrays=arrays), settle_error=0.1, kappa=KAPPA).ledger
    once = value("thermo.transient.mean.time", epsilon=0.1)
    assert ledger.settling_time_s == pytest.approx({1: 20, 3: 7, 64: 1}[arrays] * once)
    assert ledger.programmings == min(arrays, 20)
    assert ledger.uploaded_values == 400


@pytest.mark.shows("accuracy", "thermo.columns", "thermo.columns.underdamped")
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("cells", [None, 5])
@pytest.mark.parametrize("error", [0.3, 0.1, 0.01])
def test_settling_reaches_its_error(spd, regime: Regime, cells: int | None, error: float) -> None:
    A = spd(12, 40.0, seed=1, batch=3)
    result = invert_by_columns(A, Machine(regime=regime, cells=cells), settle_error=error)
    assert relative(result.estimate, torch.linalg.inv(A)) <= error
    slow = torch.diag(torch.tensor([1.0] + 11 * [1 / 40.0], dtype=torch.float64))
    estimate = invert_by_columns(slow, Machine(regime=regime), settle_error=error).estimate
    assert relative(estimate, torch.linalg.inv(slow)) == pytest.approx(error, rel=1e-3)  # attained


def test_noise_reaches_its_error(spd) -> None:
    """Root mean square over 200 inverses of 6 x 6: known to 1.2 %, four standard errors are allowed."""
    A = spd(6, 3.0).expand(200, 6, 6)
    machine = Machine(noise=3.0)  # far above what a machine has: the window is many relaxation times
    assert averaging_for_columns(6, 3.0, 0.1, 9.0, Regime.OVERDAMPED) > 1000 * 3.0
    estimate = invert_by_columns(A, machine, settle_error=1e-6, noise_error=0.1, seed=2).estimate
    exact = torch.linalg.inv(A)
    squares = ((estimate - exact) ** 2).sum((-1, -2)) / (exact**2).sum((-1, -2))
    assert squares.mean().sqrt().item() == pytest.approx(0.1, rel=0.05)


def test_columns_take_a_small_part_of_the_time_of_sampling(spd) -> None:
    """At the same error: n ln(1 / e) against (n + 1) / e^2 relaxation times, 43 at a tenth."""
    A, machine = spd(24, 20.0), Machine(tau_s=TAU)
    columns = invert_by_columns(A, machine, settle_error=0.1)
    sampled = invert(A, machine, error=0.1, spacing=0.05, burn_in_error=0.1)
    assert relative(columns.estimate, torch.linalg.inv(A)) < 0.1
    ratio = sampled.ledger.time_s / columns.ledger.time_s
    assert ratio == pytest.approx(25 / 24 / 0.1**2 / 2.3026, rel=0.02)


@pytest.mark.parametrize("roundings", [1, 3])
def test_mitigations_are_those_of_method_1(spd, roundings: int) -> None:
    """Deflation restores exactly, roundings are further programmings, refinement is digital."""
    A, machine = spd(10, 200.0, seed=3), Machine(dac=Converter(12, stochastic=roundings > 1))
    plain = invert_by_columns(A, machine, settle_error=0.3)
    found = invert_by_columns(A, machine, settle_error=0.3, mitigation=Mitigation(roundings, 8, 2))
    assert relative(found.estimate, torch.linalg.inv(A)) < 0.3 * relative(plain.estimate, torch.linalg.inv(A))
    assert found.kappa < plain.kappa
    assert found.ledger.programmings == roundings
    assert found.ledger.digital_flops == (4 * 8 + 6) * 100 + 4 * 100 + 2 * 4 * 1000


def test_errors_must_be_errors(spd) -> None:
    with pytest.raises(ValueError, match=r"^a relative error must lie between 0 and 1, got 1\.5$"):
        invert_by_columns(spd(4, 3.0), Machine(), settle_error=1.5)


@pytest.mark.shows(
    "accuracy",
    "thermo.columns.deflated",
    "thermo.columns.deflated.underdamped",
    "thermo.columns.refined",
    "thermo.columns.refined.underdamped",
    "thermo.columns.refined.deflated",
    "thermo.columns.refined.deflated.underdamped",
)
@pytest.mark.parametrize("regime", REGIMES)
def test_deflated_and_refined_arms_in_time_to_accuracy(spd, regime: Regime) -> None:
    """Runs as long as the formulas of these arms say, for the condition number that a gap of 30 leaves."""
    n, epsilon = 16, 0.1
    damping = torch.linspace(0, 1, n, dtype=torch.float64).flip(0)
    alpha = torch.cat([torch.tensor([60.0], dtype=torch.float64), 2 * damping[:-1]])
    basis = torch.linalg.eigh(spd(n, 5.0, seed=4)).eigenvectors
    A = basis * (alpha + 0.1) @ basis.mT
    kappa = 60.1 / 0.1
    machine = Machine(tau_s=TAU, regime=regime)
    kind = REGIMES[regime]
    plain = value(f"thermo.columns{kind}.settle.time", n=n, kappa=kappa, epsilon=epsilon)
    for name, mitigation in {
        "deflated": Mitigation(deflation=12),
        "refined": Mitigation(refinements=1),
        "deflated.refined": Mitigation(deflation=12, refinements=1),
    }.items():
        settle = value(f"thermo.{name}.columns{kind}.settle.time", n=n, kappa=kappa, eta=30.0, epsilon=epsilon)
        left = value("thermo.deflation.condition_number", kappa=kappa, eta=30.0) if "deflated" in name else kappa
        found = invert_by_columns(
            A, machine, settle_error=epsilon**0.5 if "refined" in name else epsilon, kappa=left * (1 + 1e-6),
            mitigation=mitigation,
        )  # fmt: skip
        assert found.ledger.time_s == pytest.approx(settle, rel=1e-4)
        assert relative(found.estimate, torch.linalg.inv(A)) <= epsilon
        assert settle < 0.65 * plain
    assert settle < 0.2 * plain


@pytest.mark.shows("ledger", "thermo.solve.deflated")
def test_a_deflated_solve_takes_one_more_system_once(spd) -> None:
    n, k = 12, 4
    right = torch.randn(n, k, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    run = Machine(tau_s=TAU, dac=Converter(16), adc=Converter(12), link=Link(BANDWIDTH, LATENCY))
    session = Session(spd(n, 30.0), run, kappa=KAPPA, mitigation=Mitigation(deflation=6))
    first, again = (session.solve(right, error=0.1).ledger for _ in range(2))
    eta = {"kappa": KAPPA, "eta": 1.0}  # the bound on kappa is given for what is left
    direction = value("thermo.direction.solve.settle.time", n=n, m=n, epsilon=0.05, **eta)
    assert first.settling_time_s - again.settling_time_s == pytest.approx(direction)
    assert first.samples - again.samples == 1
    # beside the couplings and their message
    link = first.link_time_s - again.link_time_s - value("thermo.solve.upload.time", n=n, m=n)
    assert link == pytest.approx(value("thermo.deflation.direction.link_time", n=n))
    assert again.digital_flops == value("thermo.deflation.solve.flops", n=n, k=k)
    assert first.digital_flops - again.digital_flops == value("thermo.deflation.find.flops", n=n, N_p=6)


@pytest.mark.parametrize("error", [0.1, 0.02])
def test_refinement_reduces_what_rounding_leaves(spd, error: float) -> None:
    """Couplings of few bits: the error of the inverse falls to its square, and a half more for its mean."""
    A = spd(24, 10.0, seed=6)
    bits = {0.1: 7, 0.02: 10}[error]
    run = Machine(dac=Converter(bits))
    plain = relative(invert_by_columns(A, run, settle_error=1e-6).estimate, torch.linalg.inv(A))
    refined = invert_by_columns(A, run, settle_error=1e-6, mitigation=Mitigation(refinements=1)).estimate
    assert 0.3 * error < plain < error
    assert relative(refined, torch.linalg.inv(A)) < 2 * plain**2
