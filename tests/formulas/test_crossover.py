"""Crossovers in closed form against roots found numerically, and Amdahl's bounds against a step added up."""

import math

import pytest
from scipy.optimize import brentq

from costmodel import formulas
from costmodel.formulas import crossover, inverse, solve, underdamped

DIGITAL = {"F_d": 8e12, "c_3": 1.0}


def digital(n):
    return formulas.get("kfac.cholesky.refresh.flops").evaluate(n=n) / DIGITAL["F_d"]


@pytest.mark.verifies("crossover.upload.dimension", "crossover.round_trip.dimension")
@pytest.mark.parametrize("bandwidth", [50e9, 3.6e12])
def test_upload_equals_a_digital_inverse(bandwidth):
    link = {"W": bandwidth, "t_l": 0.0}

    def excess(n):
        return inverse.upload_time().evaluate(n=n, m=n, b_in=16, **link) - digital(n)

    found = brentq(excess, 1.0, 1e6)
    assert crossover.upload_dimension().evaluate(b_in=16, W=bandwidth, **DIGITAL) == pytest.approx(found)

    def round_trip(n):
        return excess(n) + inverse.readout_time().evaluate(n=n, m=n, b_out=8, **link)

    found = brentq(round_trip, 1.0, 1e6)
    expected = crossover.round_trip_dimension().evaluate(b_in=16, b_out=8, W=bandwidth, **DIGITAL)
    assert expected == pytest.approx(found)


@pytest.mark.verifies("crossover.inverse.condition_number")
@pytest.mark.parametrize("n", [256, 4096])
@pytest.mark.parametrize("tau", [1e-9, 1e-11])
def test_method_1_equals_a_digital_inverse(n, tau):
    values = {"n": n, "tau": tau, "epsilon": 0.1}

    def excess(kappa):
        run = inverse.settle_time().evaluate(m=n, kappa=kappa, **values)
        return run + inverse.sample_time().evaluate(m=n, kappa=kappa, **values) - digital(n)

    expected = crossover.inverse_condition_number().evaluate(**values, **DIGITAL)
    if expected >= 1:  # below 1 no matrix is that well conditioned: the machine never wins
        assert expected == pytest.approx(brentq(excess, 1.0, 1e12))
    else:
        assert excess(1.0) > 0


@pytest.mark.verifies("crossover.solve.condition_number")
@pytest.mark.parametrize("arrays", [1, 16, 10_000])
@pytest.mark.parametrize("nu", [0.0, 1e-9, 1e-4])
def test_method_2_equals_a_digital_inverse(arrays, nu):
    n, values = 1024, {"n": 1024, "tau": 1e-10, "epsilon": 0.1}
    side_by_side = min(arrays, n)

    def excess(kappa):
        run = solve.settle_time().evaluate(m=n, k=n, kappa=kappa, **values)
        run += solve.average_time().evaluate(k=n, kappa=kappa, nu=nu, **values)
        return run / side_by_side - digital(n)

    expected = crossover.solve_condition_number().evaluate(P=arrays, nu=nu, **values, **DIGITAL)
    assert expected == pytest.approx(brentq(excess, 1.0, 1e12))


@pytest.mark.verifies("crossover.settle.condition_number")
@pytest.mark.parametrize("arrays", [1, 16, 10_000])
def test_settling_alone_equals_a_digital_inverse(arrays):
    n, values = 1024, {"n": 1024, "tau": 1e-10, "epsilon": 0.1}

    def excess(kappa):
        run = solve.settle_time().evaluate(m=n, k=n, kappa=kappa, **values)
        return run / min(arrays, n) - digital(n)

    expected = crossover.settle_condition_number().evaluate(P=arrays, **values, **DIGITAL)
    assert expected == pytest.approx(brentq(excess, 1.0, 1e12))


@pytest.mark.verifies(
    "crossover.amdahl.free_solver", "crossover.amdahl.free_solver_on_a_link", "crossover.amdahl.square_layer"
)
def test_amdahl_on_a_square_layer():
    n, rows, every, refresh = 512, 4096, 2, 10
    step = {
        "network": 6 * rows * n * n,
        "factors": 2 * rows * (n * n + n * n) / every,
        "inversion": 2 * n**3 / refresh,
        "precondition": 2 * n * n * (n + n),
    }
    replaced = step["inversion"] + step["precondition"]
    whole = sum(step.values())
    bound = crossover.free_solver().evaluate(phi=replaced / whole)
    assert bound == pytest.approx(whole / (whole - replaced))
    assert bound == pytest.approx(crossover.square_layer().evaluate(n=n, M=rows, i_f=every, i_r=refresh))
    with_link = crossover.free_solver_on_a_link().evaluate(phi=replaced / whole, ell=0.5 * replaced / whole)
    assert with_link == pytest.approx(whole / (whole - replaced / 2))
    assert crossover.free_solver_on_a_link().evaluate(phi=0.2, ell=0.3) < 1


MACHINE = {"W": 1.0, "t_l": 0.0, "t_w": 0.0, "f_c": 1.0, "n_c": 1.0, "b_in": 2.0, "b_out": 2.0, "tau": 1, "tau_o": 1}


def slope(time, **given):
    """Between two very wide layers whose kappa follows from fixed damping."""

    def seconds(n):
        kappa = formulas.get("kfac.damping.condition_number").evaluate(n=n, s_r=1, theta=1e-2, damping=1e-2)
        values = MACHINE | {"n": n, "kappa": kappa, "epsilon": 0.1} | given
        return time.evaluate(**{info.letter: values[info.letter] for info in time.symbols})

    return math.log2(seconds(2e9) / seconds(1e9))


@pytest.mark.verifies(
    "crossover.width_exponent.kfac.cholesky",
    "crossover.width_exponent.thermo.inverse",
    "crossover.width_exponent.thermo.inverse.underdamped",
    "crossover.width_exponent.thermo.solve",
    "crossover.width_exponent.thermo.solve.underdamped",
    "crossover.width_exponent.thermo.solve.noise_free",
)
def test_width_exponents_by_doubling():
    exponent = {
        crossover.cholesky_width_exponent: slope(formulas.get("kfac.cholesky.refresh.flops")),
        crossover.inverse_width_exponent: slope(inverse.time()),
        crossover.underdamped_inverse_width_exponent: slope(underdamped.inverse_time()),
        crossover.solve_width_exponent: slope(solve.time(), nu=1.0),
        crossover.underdamped_solve_width_exponent: slope(underdamped.solve_time(), nu=1.0),
        crossover.noise_free_solve_width_exponent: slope(solve.time(), nu=0.0),
    }
    for formula, found in exponent.items():
        assert formula().evaluate() == pytest.approx(found, abs=0.02)
