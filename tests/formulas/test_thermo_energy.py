"""Energies: dissipation of designed networks against the bound, and sums over blocks done in a loop."""

from itertools import product

import numpy as np
import pytest
from scipy.integrate import quad

from costmodel import formulas
from costmodel.formulas import energy, traffic_energy
from tests.formulas.designed import Process, logarithmic, with_spectrum

CELL = {"C": 2e-12, "V": 0.8}
TAU = 3e-9
SIZES = [(12, 12), (10, 4), (13, 5)]


def block_sizes(n, m):
    return [min(m, n - start) for start in range(0, n, m)]


def rows_after(n, m):
    return [n - start - size for start, size in zip(range(0, n, m), block_sizes(n, m), strict=True)]


@pytest.mark.verifies("thermo.energy.array.power")
def test_no_state_within_the_swing_dissipates_more():
    n, conductance = 6, CELL["C"] / TAU
    bound = energy.power().evaluate(m=n, tau=TAU, **CELL)
    corners = CELL["V"] / 2 * np.array(list(product((-1, 1), repeat=n)))
    A, _ = with_spectrum(logarithmic(n, 30.0))
    powers = conductance * np.einsum("ci,ij,cj->c", corners, A, corners)
    assert powers.max() <= bound
    assert conductance * (corners**2).sum(1).max() == pytest.approx(bound)  # A = 1 attains it


def test_a_settling_network_dissipates_less_than_its_bound():
    """x^T A x / R along the way from rest to a solution that fills the swing, by quadrature."""
    n, kappa, epsilon = 6, 30.0, 0.05
    A, basis = with_spectrum(logarithmic(n, kappa))
    end = np.sign(basis[:, 0]) * CELL["V"] / 2
    process, time = Process(A), kappa * np.log(1 / epsilon)

    def power(s):
        x = process.response(s) @ A @ end
        return CELL["C"] / TAU * x @ A @ x

    used, _ = quad(power, 0, time)
    bound = energy.solve_settle().evaluate(n=n, k=1, kappa=kappa, epsilon=epsilon, **CELL)
    assert 0.02 * bound < used * TAU < bound


@pytest.mark.verifies("thermo.energy.underdamped.power")
def test_a_swinging_network_loses_by_friction_alone():
    """The friction's power gamma C v^2 / tau_o of nodes that all swing at full scale, as the bound has it."""
    n, kappa = 6, 25.0
    speed = np.full(n, CELL["V"] / 2)  # v in units of 1 / tau_o: the velocity of a mode at lambda_max and full scale
    lost = 2 / np.sqrt(kappa) * CELL["C"] * (speed**2).sum() / TAU
    assert energy.underdamped_power().evaluate(m=n, tau_o=TAU, kappa=kappa, **CELL) == pytest.approx(lost)
    # What one swing has stored is all it can lose while it settles freely: far below power times settling time.
    stored = CELL["C"] * (speed**2).sum() / 2
    settle = energy.solve_underdamped_settle().evaluate(n=n, k=1, epsilon=0.05, **CELL)
    assert stored < settle


RUNS = {
    "thermo.inverse.settle.energy": ("thermo.transient.covariance.time", "tau", 1),
    "thermo.inverse.sample.energy": ("thermo.average.covariance.time", "tau", 1),
    "thermo.inverse.underdamped.settle.energy": ("thermo.underdamped.covariance.time", "tau_o", 1),
    "thermo.inverse.underdamped.sample.energy": ("thermo.underdamped.average.covariance.time", "tau_o", 1),
    "thermo.solve.settle.energy": ("thermo.transient.mean.time", "tau", 7),
    "thermo.solve.average.energy": ("thermo.average.mean.time", "tau", 7),
    "thermo.solve.underdamped.settle.energy": ("thermo.underdamped.mean.time", "tau_o", 7),
    "thermo.solve.underdamped.average.energy": ("thermo.underdamped.average.mean.time", "tau_o", 7),
}
VALUES = {"tau": TAU, "tau_o": TAU, "kappa": 40.0, "epsilon": 0.05, "nu": 1e-6, **CELL}


def evaluate(name, **more):
    formula = formulas.get(name)
    values = VALUES | more
    return formula.evaluate(**{info.letter: values[info.letter] for info in formula.symbols})


@pytest.mark.composes("thermo.accumulated.sample.energy")
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_energy_of_samples_one_relaxation_apart(n, m):
    run = sum(
        evaluate("thermo.average.covariance.time", n=p) * power
        for p, power in ((p, evaluate("thermo.energy.array.power", m=p)) for p in block_sizes(n, m))
    ) / np.tanh(1)
    assert evaluate("thermo.accumulated.sample.energy", n=n, m=m) == pytest.approx(run)


@pytest.mark.composes(
    "thermo.inverse.settle.energy",
    "thermo.inverse.sample.energy",
    "thermo.inverse.underdamped.settle.energy",
    "thermo.inverse.underdamped.sample.energy",
    "thermo.solve.settle.energy",
    "thermo.solve.average.energy",
    "thermo.solve.underdamped.settle.energy",
    "thermo.solve.underdamped.average.energy",
)
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_energy_is_power_times_time_summed_over_blocks(n, m):
    for name, (run, unit, systems) in RUNS.items():
        power = "thermo.energy.array.power" if unit == "tau" else "thermo.energy.underdamped.power"
        expected = sum(systems * evaluate(run, n=p) * evaluate(power, m=p) for p in block_sizes(n, m))
        assert evaluate(name, n=n, m=m, k=systems) == pytest.approx(expected), name


@pytest.mark.composes(
    "thermo.solve.eliminate.settle.energy",
    "thermo.solve.eliminate.average.energy",
    "thermo.solve.underdamped.eliminate.settle.energy",
    "thermo.solve.underdamped.eliminate.average.energy",
)
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_energy_of_elimination(n, m):
    first = ("thermo.transient.mean.time", "thermo.average.mean.time", "thermo.energy.array.power")
    second = ("thermo.underdamped.mean.time", "thermo.underdamped.average.mean.time", "thermo.energy.underdamped.power")
    for kind, (settle, average, power) in (("", first), ("underdamped.", second)):
        # only full blocks have rows after them
        for name, run in (("settle", settle), ("average", average)):
            expected = sum(rows * evaluate(run, n=m) * evaluate(power, m=m) for rows in rows_after(n, m))
            assert evaluate(f"thermo.solve.{kind}eliminate.{name}.energy", n=n, m=m) == pytest.approx(expected)


@pytest.mark.verifies(
    "thermo.upload.energy",
    "thermo.array.write.energy",
    "thermo.inverse.convert.energy",
    "thermo.inverse.readout.energy",
    "thermo.solve.input.energy",
    "thermo.solve.readout.energy",
    "thermo.solve.convert.energy",
    "thermo.solve.eliminate.traffic.energy",
)
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_energy_of_traffic(n, m):
    e_a, e_d, e_l, bits = 1e-9, 2e-12, 3e-12, 10
    couplings = sum(p * p for p in block_sizes(n, m))
    assert traffic_energy.upload().evaluate(n=n, m=m, b_in=bits, e_l=e_l) == pytest.approx(couplings * bits * e_l)
    assert traffic_energy.write().evaluate(n=n, m=m, e_d=e_d) == pytest.approx(couplings * e_d)
    assert traffic_energy.inverse_convert().evaluate(n=n, m=m, e_a=e_a) == pytest.approx(couplings * e_a)
    values = {"b_in": bits, "b_out": bits, "e_l": e_l, "e_a": e_a, "e_d": e_d}
    assert traffic_energy.inverse_readout().evaluate(n=n, m=m, b_out=bits, e_l=e_l) == pytest.approx(
        couplings * bits * e_l
    )
    systems = 5 * n  # values of five right-hand sides
    found = traffic_energy.solve_input().evaluate(n=n, k=5, b_in=bits, e_l=e_l, e_d=e_d)
    assert found == pytest.approx(systems * (bits * e_l + e_d))
    assert traffic_energy.solve_readout().evaluate(n=n, k=5, b_out=bits, e_l=e_l) == pytest.approx(systems * bits * e_l)
    assert traffic_energy.solve_convert().evaluate(n=n, k=5, e_a=e_a) == pytest.approx(systems * e_a)
    moved = sum(m * rows for rows in rows_after(n, m))
    expected = moved * (2 * bits * e_l + e_a + e_d)
    assert traffic_energy.eliminate().evaluate(n=n, m=m, **values) == pytest.approx(expected)
