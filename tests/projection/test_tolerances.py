"""What stands for epsilon in the times and energies of runs, and what systematic errors leave of the budget."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq, minimize

from costmodel import formulas
from costmodel.formulas.accuracy import tolerances
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.inputs.loading import load_analog, load_workload
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.methods import METHODS, AnalogWork, Delivery, Scope
from costmodel.projection.draws import Sample, quantities
from costmodel.projection.points import Points
from costmodel.projection.project import project
from costmodel.projection.scopes import Scopes
from costmodel.quantities.units import bit, second
from costmodel.workloads.workload import Workload
from tests.projection.small import one_layer
from tests.round_cards import exact
from tests.spectra import Spectrum, planned, together
from tests.tolerances import BOUNDLESS, NAMES, alike

#: One mode of 9 dampings in each factor. What each of two inverses may leave out for 0.51: 1 - sqrt(1 - 0.51) = 0.3.
A, G = Spectrum(100, top=9), Spectrum(50, top=9)
SETTLING, MISSING = 0.51, 0.3


def net(target: float = 0.1, **tolerances: float) -> Workload:
    """One tolerance for sampling, couplings and mismatch; readings take nothing unless they are given one."""
    tolerated = alike(target, **{"settling_tolerance": SETTLING, "reading_tolerance": BOUNDLESS, **tolerances})
    return one_layer(f"condition_number: 10, diagonal_peak: 1, {A.stated('input')}, {G.stated('output')}, {tolerated}")


def phases(workload: Workload, digital: DigitalCard, card: AnalogCard, method: str) -> dict[str, float]:
    found = project(workload, digital, card, draws=1).methods[method].phases
    return {name: phase.median for name, phase in found.items()}


def fine(card: AnalogCard) -> AnalogCard:
    """So many bits that rounding takes nothing of the budget."""
    return replace(card, input_bits=exact(40.0, bit), output_bits=exact(40.0, bit))


def test_a_run_settles_to_its_own_tolerance(digital: DigitalCard, analog: AnalogCard) -> None:
    """50 right-hand sides against A and 100 against G, kappa tau ln(1 / 0.3) each, whatever random errors may be."""
    for target in (0.3, 0.03):
        settle = phases(net(target), digital, fine(analog), "thermo.solve")["settle"]
        assert settle == pytest.approx(150 * 10 * 1e-6 * np.log(1 / MISSING))


def test_a_tolerance_that_is_stated_changes_settling_alone(digital: DigitalCard, analog: AnalogCard) -> None:
    # 1 - sqrt(1 - 0.19) = 0.1
    loose, strict = (phases(net(settling_tolerance=t), digital, fine(analog), "thermo.solve") for t in (0.51, 0.19))
    assert strict.pop("settle") / loose.pop("settle") == pytest.approx(np.log(0.1) / np.log(MISSING))
    assert strict == loose


def test_underdamped_runs_settle_to_the_same_tolerance(digital: DigitalCard, analog: AnalogCard) -> None:
    """The slowest mode, critically damped, lacks (1 + s) exp(-s) after s sqrt(kappa) oscillation times."""
    card = replace(fine(analog), oscillation_time=exact(1e-7, second))
    settle = phases(net(), digital, card, "thermo.solve.underdamped")["settle"]
    s = brentq(lambda s: (1 + s) * np.exp(-s) - MISSING, 0, 50, xtol=1e-14)
    assert settle == pytest.approx(150 * 10**0.5 * 1e-7 * s)


def test_sampling_gets_what_burning_in_leaves(digital: DigitalCard, analog: AnalogCard) -> None:
    """No other split of the squared tolerance takes less time, and the times of this one are those projected."""
    found = phases(net(), digital, fine(analog), "thermo.inverse")
    for name, factor in (("A", A), ("G", G)):
        share = np.geomspace(1e-6, 0.5, 200_001)
        # errors of settling and sampling add in squares; small ones go half and 1 / sqrt(2) to each of two inverses
        burn_in = factor.kappa / 2 * np.log(1 / (SETTLING * np.sqrt(share)))
        sample = 2 * 4 / (3 + factor.q) * factor.slow * factor.kappa / (0.1**2 * (1 - share))
        best = share[np.argmin(burn_in + sample)]
        assert factor.share(0.1) == pytest.approx(best, rel=1e-3), name
    assert found["settle"] == pytest.approx(sum(each.settle_covariance(SETTLING, 0.1) for each in (A, G)) * 1e-7)
    assert found["sample"] == pytest.approx(sum(each.sample(0.1) for each in (A, G)) * 1e-7)


def test_only_formulas_with_epsilon_take_a_tolerance(digital: DigitalCard, analog: AnalogCard) -> None:
    """The same formula with two of them, and one that holds no epsilon."""
    method = METHODS["thermo.solve"](FactorConstruction.EXPAND)
    settle = next(work for phase in method.phases for work in phase.works if phase.name == "settle")
    assert isinstance(settle, AnalogWork)
    assert settle.tolerance == tolerances.solve_settle()
    other = tolerances.inverse_iterate()
    changed = replace(method.phases[0], works=(replace(settle, tolerance=other),))
    both = [method, replace(method, name="changed", phases=(changed,), delivers=Delivery.PRODUCTS)]
    scopes = Scopes(net(), both, Sample.nominal(quantities(net(), digital, fine(analog))))
    own, asked = (scopes.evaluate(settle.time, Scope.FACTOR, each).ravel() for each in (settle.tolerance, other))
    once = np.array([50, 100]) * 10 * 1e-6
    np.testing.assert_allclose(own, once * np.log(1 / MISSING))
    np.testing.assert_allclose(asked, once * np.log(2**0.5 / SETTLING))
    systems = formulas.get("thermo.parallel.solve.systems")
    for tolerance in (settle.tolerance, other):
        np.testing.assert_array_equal(scopes.evaluate(systems, Scope.FACTOR, tolerance).ravel(), [50, 100])


# --- what systematic errors leave ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [10, 11, 14])
def test_rounding_takes_its_square_of_the_budget(bits: int, digital: DigitalCard, analog: AnalogCard) -> None:
    systematic = together(A.rounding(bits), G.rounding(bits))
    assert 0 < systematic < 0.05 / 2**0.5
    card = replace(analog, input_bits=exact(bits, bit))
    found = phases(net(0.05), digital, card, "thermo.inverse")
    assert found["sample"] == pytest.approx(sum(each.sample(0.05, systematic) for each in (A, G)) * 1e-7)
    settle = phases(net(0.05), digital, card, "thermo.solve")["settle"]
    left = 1 - (systematic / 0.05) ** 2
    assert settle == pytest.approx(1e-6 * (50 * A.settle_mean(SETTLING, left) + 100 * G.settle_mean(SETTLING, left)))


def test_mismatch_takes_its_square_too(digital: DigitalCard, analog: AnalogCard) -> None:
    card = replace(analog, input_bits=exact(10, bit), mismatch=exact(0.02))
    rounding, mismatch = together(A.rounding(10), G.rounding(10)), together(A.mismatch(0.02), G.mismatch(0.02))
    systematic = float(np.hypot(rounding, mismatch))
    assert systematic == planned(systematic, 0.1) > 4 * rounding
    found = phases(net(), digital, card, "thermo.inverse")
    assert found["sample"] == pytest.approx(sum(each.sample(0.1, systematic) for each in (A, G)) * 1e-7)


def test_times_are_planned_with_half_of_the_squared_tolerance_at_least(
    digital: DigitalCard, analog: AnalogCard
) -> None:
    """Rounding beyond is reported as an error: no time makes up for it, and none is spent on it."""
    target = 0.02
    for bits in (8, 7, 4, 2):
        card = replace(analog, input_bits=exact(bits, bit))
        assert together(A.rounding(bits), G.rounding(bits)) > target / 2**0.5
        found = phases(net(target), digital, card, "thermo.inverse")
        expected = sum(each.sample(target, target / 2**0.5) for each in (A, G))
        assert found["sample"] == pytest.approx(expected * 1e-7)
        settle = phases(net(target), digital, card, "thermo.solve")["settle"]
        assert settle == pytest.approx(1e-6 * (50 + 100) * A.settle_mean(SETTLING, 0.5))


def test_readings_take_theirs_of_the_times_too(digital: DigitalCard, analog: AnalogCard) -> None:
    """Each flaw by its own tolerance: sampling is planned with what couplings and readings leave of the budget."""
    card = replace(analog, input_bits=exact(10, bit), output_bits=exact(12, bit))
    own = {"sampling_tolerance": 0.2, "coupling_tolerance": 0.02, "reading_tolerance": 0.08}
    couplings, readings = together(A.rounding(10), G.rounding(10)) / 0.02, together(A.reading(12), G.reading(12)) / 0.08
    assert min(couplings, readings) > 0.2
    taken = float(np.hypot(couplings, readings))
    assert taken < 0.5**0.5
    found = phases(net(**own), digital, card, "thermo.inverse")
    assert found["sample"] == pytest.approx(sum(each.sample(0.2, 0.2 * taken) for each in (A, G)) * 1e-7)


@pytest.mark.parametrize("bits", [11, 13])
def test_no_other_point_of_the_ellipsoid_is_faster(bits: int, digital: DigitalCard, analog: AnalogCard) -> None:
    """Scipy searches the errors of settling and of sampling under the sum of five squares that may not exceed 1.

    Errors are those of the layer, so both factors are given the same; times are sums over their spectra.
    """
    names = ("sampling_tolerance", "settling_tolerance", "coupling_tolerance", "reading_tolerance",
             "mismatch_tolerance")  # fmt: skip
    T = dict(zip(names, (0.3, 0.2, 0.1, 0.15, 0.25), strict=True))
    card = replace(analog, input_bits=exact(bits, bit), output_bits=exact(bits, bit), mismatch=exact(0.02))
    fixed = {
        "coupling_tolerance": together(A.rounding(bits), G.rounding(bits)),
        "reading_tolerance": together(A.reading(bits), G.reading(bits)),
        "mismatch_tolerance": together(A.mismatch(0.02), G.mismatch(0.02)),
    }

    def room(point: np.ndarray) -> float:
        errors = fixed | {"settling_tolerance": np.exp(point[0]), "sampling_tolerance": np.exp(point[1])}
        return float(1 - sum((error / T[name]) ** 2 for name, error in errors.items()))

    def log_time(point: np.ndarray, factor: Spectrum) -> float:
        missing, random = np.exp(point)
        settle = factor.kappa / 2 * np.log(1 / (1 - np.sqrt(1 - missing)))
        each = np.sqrt(1 + random**2) - 1
        return float(np.log(settle + 4 / (3 + factor.q) * factor.slow * factor.kappa / each))

    best = 0.0
    for factor in (A, G):
        start = np.log([0.01, 0.1])
        found = minimize(log_time, start, (factor,), constraints={"type": "ineq", "fun": room}, options={"ftol": 1e-12})
        assert found.success
        assert abs(room(found.x)) < 1e-6  # nothing of the budget is left
        best += np.exp(found.fun) * 1e-7
    taken = phases(net(**T), digital, card, "thermo.inverse")
    assert best * (1 - 1e-6) < taken["settle"] + taken["sample"] < best * 1.001


# --- what a tolerance may do -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_a_larger_tolerance_never_costs_time(name: str, noise: float, digital: DigitalCard) -> None:
    """Of every method, at 400 random points, on a device whose rates do not depend on sizes."""
    card = replace(load_analog("tngd-2024"), mismatch=exact(0.01), noise_to_signal=exact(noise))
    points = Points(load_workload("mlp"), digital, card)
    generator = np.random.default_rng(0)
    strict = {f"kfac.{each}": np.exp(generator.uniform(np.log(0.02), np.log(0.9), 400)) for each in NAMES}
    strict |= {bits: generator.integers(4, 15, 400).astype(float) for bits in ("input_bits", "output_bits")}
    key = f"kfac.{name}"
    loose = strict | {key: np.minimum(strict[key] * generator.uniform(1, 3, 400), 0.99)}
    before, after = (points.evaluate(each).step for each in (strict, loose))
    changed = 0
    for method, seconds in before.items():
        assert np.all(after[method] <= seconds * (1 + 1e-9)), method
        changed += bool(np.any(after[method] < seconds * (1 - 1e-6)))
    assert changed


@pytest.mark.parametrize("name", ["coupling_tolerance", "reading_tolerance", "mismatch_tolerance"])
def test_a_larger_tolerance_never_loses_a_layer(name: str, digital: DigitalCard, analog: AnalogCard) -> None:
    card = replace(analog, input_bits=exact(8, bit), output_bits=exact(8, bit), mismatch=exact(0.01))
    strict = {"coupling_tolerance": 0.1, "reading_tolerance": 0.1, "mismatch_tolerance": 0.1}
    before, after = (
        project(net(**each), digital, card, draws=1).feasibility for each in (strict, strict | {name: 0.3})
    )
    for method, judged in before.items():
        assert after[method].budget.median < judged.budget.median
        assert after[method].layers_reached >= judged.layers_reached
        if not method.endswith(".averaged"):  # which is read as often as its tolerance asks
            assert after[method].parts == judged.parts


def test_one_number_for_all_flaws_is_one_tolerance_for_their_sum(digital: DigitalCard, analog: AnalogCard) -> None:
    """Squares of errors over one number add up to 1 where their sum is its square, as one tolerance for all has it."""
    card = replace(analog, input_bits=exact(9, bit), output_bits=exact(9, bit), mismatch=exact(0.01))
    reached = set()
    for target in (0.05, 0.2, 0.5):
        judged = project(net(target, reading_tolerance=target), digital, card, draws=1).feasibility
        for found in judged.values():
            assert found.budget.median == pytest.approx(found.error.median / target)
            assert found.limit == max(found.parts, key=lambda cause: found.parts[cause].median)
            assert (found.layers_reached == 1) is (found.error.median <= target)
            reached.add(found.layers_reached)
    assert reached == {0, 1}
