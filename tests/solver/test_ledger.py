"""Every ledger field against arithmetic done by hand, and against the closed forms of docs/solver.md."""

import math

import pytest
import torch

from solver import Accumulation, Converter, Ledger, Link, Machine, Mitigation, Regime, invert, solve

BITS = {"dac": Converter(bits=16), "adc": Converter(bits=12)}


def test_inversion_by_hand(spd):
    """10 x 10 in arrays of 4: blocks 4, 4, 2. kappa 100, tau 1 us, 500 samples, two matrices on one array.

    Sum p^2 = 36; digital 2 * 10 * (100 - 36) = 1280 FLOPs a matrix; burn-in 50 ln(100) us; spacing half of 100 us.
    """
    machine = Machine(tau_s=1e-6, cells=4, link=Link(1e9, 2e-6), **BITS)
    ledger = invert(spd(10, 100.0, batch=2), machine, samples=500, kappa=101.0).ledger
    assert ledger == Ledger(
        programmings=6,
        uploaded_values=72,
        uploaded_bits=72 * 16,
        dac_conversions=72,
        settling_time_s=pytest.approx(6 * 50.5e-6 * math.log(100)),
        sampling_time_s=pytest.approx(6 * 500 * 50.5e-6),
        samples=3000,
        conversions=72,
        values_read=72,
        read_bits=72 * 12,
        transfers=12,
        link_time_s=pytest.approx(72 * 28 / 1e9 + 12 * 2e-6),
        digital_flops=2 * 1280,
    )
    assert invert(spd(10, 100.0, batch=2), machine, samples=500, kappa=101.0).time_s == pytest.approx(
        ledger.settling_time_s + ledger.sampling_time_s + ledger.link_time_s
    )


def test_digital_accumulation_by_hand(spd):
    """One 5 x 5 block, 30 samples: 150 conversions and 2 * 25 * 30 FLOPs."""
    ledger = invert(spd(5, 10.0), Machine(**BITS), samples=30, accumulation=Accumulation.DIGITAL).ledger
    assert (ledger.conversions, ledger.values_read, ledger.digital_flops) == (150, 150, 1500)
    assert (ledger.uploaded_values, ledger.samples, ledger.transfers) == (25, 30, 2)


def test_solve_by_hand(spd):
    """10 x 10, arrays of 4, 3 right-hand sides: blocks (4, 4, 2) with 6, 2, 0 rows after them solve 9, 5, 3 systems.

    Two arrays: 5 + 3 + 2 = 10 rounds. Values up 16 + 16 + 4 + 4*9 + 4*5 + 2*3 = 98, down 62; couplings are set twice a
    block. FLOPs 2*4*36 + 4*4*6*3 + 2*4*4 + 4*4*2*3 = 288 + 288 + 32 + 96 = 704.
    """
    machine = Machine(tau_s=1e-6, cells=4, arrays=2, link=Link(1e9, 1e-6), **BITS)
    B = torch.ones(10, 3, dtype=torch.float64)
    ledger = solve(spd(10, 90.0), B, machine, averaging_time_s=3e-6, settle_error=0.01, kappa=100.0).ledger
    assert ledger == Ledger(
        programmings=6,
        uploaded_values=98,
        uploaded_bits=98 * 16,
        dac_conversions=2 * 36 + 62,
        settling_time_s=pytest.approx(10 * 100e-6 * math.log(100)),
        sampling_time_s=pytest.approx(10 * 3e-6),
        samples=17,
        conversions=62,
        values_read=62,
        read_bits=62 * 12,
        transfers=9,
        link_time_s=pytest.approx((98 * 16 + 62 * 12) / 1e9 + 9e-6),
        digital_flops=704,
    )


def test_refinement_and_deflation_by_hand(spd):
    """One 6 x 6 array, 2 columns, 5 deflation steps, 3 refinements.

    Search 36 * (4*5 + 6) = 936; the first pass solves 3 systems and combines for 4*6*2 = 48; each refinement costs a
    residual 2*36*2 = 144 and a combination of 48, uploads 12 and reads 12; the matrix stays on the array.
    """
    A = spd(6, 9.0) + 3 * torch.ones(6, 6, dtype=torch.float64)
    B = torch.ones(6, 2, dtype=torch.float64)
    mitigation = Mitigation(deflation=5, refinements=3)
    ledger = solve(A, B, Machine(), error=0.1, mitigation=mitigation).ledger
    assert ledger.digital_flops == 936 + 48 + 3 * (144 + 48)
    assert (ledger.uploaded_values, ledger.values_read) == (36 + 18 + 36, 18 + 36)
    assert (ledger.programmings, ledger.transfers) == (1, 3 + 3 * 2)
    inverse = invert(A, Machine(), samples=5, mitigation=mitigation).ledger
    assert inverse.digital_flops == 936 + 4 * 36 + 3 * 4 * 216


def test_roundings_are_runs_of_their_own(spd):
    machine = Machine(arrays=4, dac=Converter(bits=10, stochastic=True))
    one = invert(spd(5, 9.0), machine, samples=20).ledger
    many = invert(spd(5, 9.0), machine, samples=20, mitigation=Mitigation(roundings=6)).ledger
    assert many.uploaded_values == 6 * one.uploaded_values
    assert many.settling_time_s == pytest.approx(2 * one.settling_time_s)  # six runs on four arrays: two rounds


def test_a_time_budget_pays_for_every_rounding(spd):
    """Six roundings of one matrix on four arrays are two rounds of runs, and six of everything on the link.

    A bound on kappa of 9 makes the spacing 0.5 * 9 tau = 4.5 us; what is left over is less than a spacing a round.
    """
    machine = Machine(arrays=4, link=Link(1e7, 1e-6), dac=Converter(bits=10, stochastic=True), adc=Converter(bits=12))
    run = invert(spd(5, 8.0), machine, time_s=2e-3, kappa=9.0, mitigation=Mitigation(roundings=6))
    assert run.ledger.link_time_s == pytest.approx(6 * (25 * 22 / 1e7 + 2e-6))
    assert 2e-3 - 2 * 4.5e-6 < run.time_s <= 2e-3 * (1 + 1e-9)


def test_refinement_is_paid_for_every_matrix(spd):
    """Two Newton-Schulz steps of 4 n^3 on each of three 5 x 5 matrices."""
    refined = invert(spd(5, 4.0, batch=3), Machine(), error=0.05, mitigation=Mitigation(refinements=2))
    assert refined.ledger.digital_flops == 2 * 3 * 4 * 125


@pytest.mark.parametrize("regime", list(Regime))
def test_a_time_budget_is_used_and_not_exceeded(regime, spd):
    machine = Machine(regime=regime, cells=4, arrays=2, link=Link(1e8, 1e-7), noise=1e-3, **BITS)
    A, B = spd(7, 20.0, batch=3), torch.ones(3, 7, 5, dtype=torch.float64)
    budget = 0.02
    inverse = invert(A, machine, time_s=budget)
    step = inverse.ledger.sampling_time_s / inverse.ledger.samples * 6
    assert budget - 2 * 2 * step < inverse.time_s <= budget * (1 + 1e-9)
    assert solve(A, B, machine, time_s=budget).time_s == pytest.approx(budget)


def test_a_budget_too_small_says_what_it_takes(spd):
    with pytest.raises(ValueError, match=r"time_s = 1e-09 is too short.*allow") as caught:
        solve(spd(4, 9.0), torch.ones(4, 1, dtype=torch.float64), Machine(), time_s=1e-9)
    allowed = float(str(caught.value).split("allow ")[1].split(" s")[0])
    assert solve(spd(4, 9.0), torch.ones(4, 1, dtype=torch.float64), Machine(), time_s=1.01 * allowed).time_s > 0


@pytest.mark.parametrize("regime", list(Regime))
def test_ideal_machine_moves_doubles(regime, spd):
    ledger = invert(spd(3, 2.0), Machine(regime=regime), samples=1).ledger
    assert (ledger.uploaded_bits, ledger.read_bits, ledger.link_time_s) == (9 * 64, 9 * 64, 0.0)
