"""What stands for epsilon in the times and energies of runs, and what systematic errors leave of the budget."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from costmodel import formulas
from costmodel.formulas.accuracy import tolerances
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.methods import METHODS, AnalogWork, Scope
from costmodel.projection.draws import Sample, quantities
from costmodel.projection.project import project
from costmodel.projection.scopes import Scopes
from costmodel.quantities.units import bit, second
from costmodel.workloads.workload import Workload
from tests.projection.small import one_layer
from tests.round_cards import exact
from tests.spectra import Spectrum, planned, together

#: One mode of 9 dampings in each factor. What each of two inverses may leave out for 0.51: 1 - sqrt(1 - 0.51) = 0.3.
A, G = Spectrum(100, top=9), Spectrum(50, top=9)
SETTLING, MISSING = 0.51, 0.3


def net(relative_error: float = 0.1, **more: object) -> Workload:
    settings = {"settling_tolerance": SETTLING, "diagonal_peak": 1, **more}
    stated = ", ".join(f"{name}: {value}" for name, value in settings.items())
    return one_layer(
        f"relative_error: {relative_error}, condition_number: 10, {A.stated('input')}, {G.stated('output')}, {stated}"
    )


def phases(workload: Workload, digital: DigitalCard, card: AnalogCard, method: str) -> dict[str, float]:
    found = project(workload, digital, card, draws=1).methods[method].phases
    return {name: phase.median for name, phase in found.items()}


def fine(card: AnalogCard) -> AnalogCard:
    """So many bits that rounding takes nothing of the budget."""
    return replace(card, input_bits=exact(40.0, bit), output_bits=exact(40.0, bit))


def test_a_run_settles_to_its_own_tolerance(digital: DigitalCard, analog: AnalogCard) -> None:
    """50 right-hand sides against A and 100 against G, kappa tau ln(1 / 0.3) each, whatever random errors may be."""
    for relative_error in (0.3, 0.03):
        settle = phases(net(relative_error), digital, fine(analog), "thermo.solve")["settle"]
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
    """The same formula with and without one, and one that holds no epsilon."""
    method = METHODS["thermo.solve"](FactorConstruction.EXPAND)
    settle = next(work for phase in method.phases for work in phase.works if phase.name == "settle")
    assert isinstance(settle, AnalogWork)
    assert settle.tolerance == tolerances.solve_settle()
    bare = replace(method.phases[0], works=(replace(settle, tolerance=None),))
    both = [method, replace(method, name="bare", phases=(bare,))]
    sample = Sample.nominal(quantities(net(), digital, fine(analog)))
    scopes = Scopes(net(), both, sample)
    own, asked = (scopes.evaluate(settle.time, Scope.FACTOR, each).ravel() for each in (settle.tolerance, None))
    once = np.array([50, 100]) * 10 * 1e-6
    np.testing.assert_allclose(own, once * np.log(1 / MISSING))
    np.testing.assert_allclose(asked, once * np.log(1 / 0.1))
    systems = formulas.get("thermo.parallel.solve.systems")
    for tolerance in (settle.tolerance, None):
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
    each = [np.hypot(factor.rounding(10), factor.mismatch(0.02)) for factor in (A, G)]
    systematic = together(*each)
    assert systematic == planned(systematic, 0.1) > 4 * together(A.rounding(10), G.rounding(10))
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
