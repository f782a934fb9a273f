"""The loop is closed: symbolic formulas predict every event in the simulator's ledger.

The formulas split one call of the simulator as a training step does: what depends on the matrix alone (upload,
elimination) and what each right-hand side costs. A call carries both in the same messages, so it saves the two messages
of elimination after every block but the last; that is the one term added here.
"""

import math

import pytest

from costmodel import formulas
from solver import Converter, Link, Machine, Regime, invert, solve

KAPPA, TAU, BANDWIDTH, LATENCY = 40.0, 2e-6, 3e9, 5e-7
SIZES = [(1, 8), (7, 7), (10, 4), (12, 4), (33, 8)]  # one cell; a full array; a last block; even blocks; many blocks
REGIMES = {Regime.OVERDAMPED: "", Regime.UNDERDAMPED: ".underdamped"}


def machine(cells: int, regime: Regime, **more: object) -> Machine:
    link = Link(BANDWIDTH, LATENCY)
    return Machine(tau_s=TAU, regime=regime, cells=cells, dac=Converter(16), adc=Converter(12), link=link, **more)


def value(name: str, **values: float) -> float:
    """A formula at the values it has symbols for."""
    common = {"tau": TAU, "tau_o": TAU, "kappa": KAPPA, "W": BANDWIDTH, "t_l": LATENCY, "b_in": 16, "b_out": 12}
    formula = formulas.get(name)
    letters = {info.letter for info in formula.symbols}
    return formula.evaluate(**{letter: each for letter, each in (common | values).items() if letter in letters})


@pytest.mark.shows("ledger", "thermo.inverse", "thermo.inverse.underdamped")
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(("n", "cells"), SIZES)
def test_inverse(spd, n: int, cells: int, regime: Regime) -> None:
    epsilon = 0.03
    shape = {"n": n, "m": min(cells, n)}
    run = machine(cells, regime)
    ledger = invert(spd(n, 30.0), run, samples=3000, burn_in_error=epsilon, kappa=KAPPA).ledger
    method = f"thermo.inverse{REGIMES[regime]}"
    assert ledger.programmings == value("thermo.blocks.count", **shape)
    assert ledger.uploaded_values == ledger.conversions == value("thermo.blocks.squares", **shape)
    assert ledger.digital_flops == value("thermo.inverse.tiling.flops", **shape)
    link = value("thermo.inverse.upload.time", **shape) + value("thermo.inverse.readout.time", **shape)
    assert ledger.link_time_s == pytest.approx(link, rel=1e-12)
    settle = value(f"{method}.settle.time", **shape, epsilon=epsilon)
    assert ledger.settling_time_s == pytest.approx(settle, rel=1e-12)


@pytest.mark.parametrize("n", [1, 9, 64])
def test_samples_of_the_inverse_follow_the_coth_law(spd, n: int) -> None:
    epsilon, spacing = 0.2, 0.5
    run = machine(n, Regime.OVERDAMPED)
    ledger = invert(spd(n, 30.0), run, error=epsilon, spacing=spacing, kappa=KAPPA).ledger
    interval = spacing * KAPPA * TAU
    samples = value("thermo.sampling.covariance.samples", n=n, epsilon=epsilon, Delta=interval)
    assert ledger.samples == math.ceil(samples)
    assert ledger.sampling_time_s == pytest.approx(ledger.samples * interval, rel=1e-12)


def test_dense_samples_take_the_time_of_continuous_sampling(spd) -> None:
    n, epsilon = 16, 0.3
    run = machine(n, Regime.OVERDAMPED)
    ledger = invert(spd(n, 30.0), run, error=epsilon, spacing=0.01, kappa=KAPPA).ledger
    continuous = value("thermo.inverse.sample.time", n=n, m=n, epsilon=epsilon)
    # coth(s) s = 1 + s^2 / 3 for dense samples, and the last sample is rounded up
    assert continuous < ledger.sampling_time_s < continuous * (1 + 0.01**2) + 0.01 * KAPPA * TAU


@pytest.mark.shows("ledger", "thermo.solve", "thermo.solve.underdamped")
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(("n", "cells"), SIZES)
@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_solve(spd, n: int, cells: int, regime: Regime, noise: float) -> None:
    error, columns = 0.1, 3
    shape = {"n": n, "m": min(cells, n), "k": columns}
    right = spd(max(n, columns), 5.0, seed=1)[:n, :columns]
    run = machine(cells, regime, noise=noise)
    ledger = solve(spd(n, 30.0), right, run, error=error, kappa=KAPPA).ledger
    method = f"thermo.solve{REGIMES[regime]}"
    blocks = value("thermo.blocks.count", **shape)
    systems = value("thermo.blocks.remaining_rows", **shape)
    assert ledger.samples == systems + blocks * columns
    assert ledger.conversions == shape["m"] * systems + n * columns
    assert ledger.uploaded_values == value("thermo.blocks.squares", **shape) + ledger.conversions
    flops = value("thermo.solve.eliminate.flops", **shape) + value("thermo.solve.tiling.flops", **shape)
    assert ledger.digital_flops == flops

    link = ("upload.time", "input.time", "readout.time", "eliminate.link_time")
    messages = 2 * (blocks - 1) * LATENCY  # elimination's values travel with the right-hand sides
    expected = sum(value(f"thermo.solve.{name}", **shape) for name in link) - messages
    assert ledger.link_time_s == pytest.approx(expected, rel=1e-12)

    # The simulator shares the error between settling and averaging; the formulas take each its own.
    settling, averaging = error / 2, math.sqrt(3) / 2 * error
    settle = value(f"{method}.settle.time", **shape, epsilon=settling)
    settle += value(f"{method}.eliminate.settle.time", **shape, epsilon=settling)
    assert ledger.settling_time_s == pytest.approx(settle, rel=1e-12)
    average = value(f"{method}.average.time", **shape, epsilon=averaging, nu=noise**2)
    average += value(f"{method}.eliminate.average.time", **shape, epsilon=averaging, nu=noise**2)
    assert ledger.sampling_time_s == pytest.approx(average, rel=1e-9, abs=1e-18)
