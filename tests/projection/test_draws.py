"""Draws of one quantity: its percentiles, and what a domain and a scenario make of it."""

from dataclasses import replace

import numpy as np
import pytest

from costmodel.defaults import Scenario
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.draws import draw_all, quantities
from costmodel.projection.project import project
from costmodel.quantities import symbols
from costmodel.quantities.declared import DECLARED
from costmodel.quantities.estimate import DEVIATE_95, Quantity, Status
from costmodel.quantities.symbols import Better
from costmodel.quantities.units import Unit, joule, one
from tests.projection.small import one_layer


def ranged(value: float, low: float, high: float, unit: Unit = one) -> Quantity:
    return Quantity(value, low, high, unit, Status.ASSUMED, "range of a test")


def test_each_half_of_a_range_has_its_own_spread() -> None:
    """10 (5 to 40): a factor 4 up, a factor 2 down; half the deviate is the square root of the factor."""
    deviates = np.array([-1, -0.5, 0, 0.5, 1]) * DEVIATE_95
    assert ranged(10, 5, 40).at(deviates) == pytest.approx([5, 10 / 2**0.5, 10, 20, 40])
    # from zero on, straight lines: 4 (0 to 6), cut off at zero
    assert ranged(4, 0, 6).at(deviates) == pytest.approx([0, 2, 4, 5, 6])
    assert ranged(4, 0, 6).at(np.array([-9.0])).tolist() == [0]
    assert ranged(7, 7, 7).at(deviates).tolist() == [7] * 5


def test_one_draw_in_twenty_lies_beyond_each_end(digital: DigitalCard, analog: AnalogCard) -> None:
    """20 000 draws: each share is 5 % within 4 sqrt(0.05 * 0.95 / 20 000) = 0.6 %; the seed is fixed."""
    net = one_layer("condition_number: 9")
    found = quantities(net, digital, replace(analog, conversion_energy=ranged(1e-9, 2e-10, 2e-9, joule)))
    draws = draw_all(found, 20_000, 0, Scenario.NOMINAL)["analog.conversion_energy"]
    assert np.mean(draws < 2e-10) == pytest.approx(0.05, abs=0.006)
    assert np.mean(draws < 1e-9) == pytest.approx(0.5, abs=0.014)
    assert np.mean(draws > 2e-9) == pytest.approx(0.05, abs=0.006)


@pytest.mark.parametrize(
    ("name", "quantity", "optimistic", "conservative"),
    [
        # a standard error of 0.4 on an error of 0.5 reaches to 1.86, where nothing would be solved at all
        ("settling_tolerance", ranged(0.5, 0.134, 1.86), 1 - 1e-9, 0.134),
        ("input_stable_rank", ranged(1.2, 0.9, 3), 3, 1),
        ("output_stable_rank", ranged(1.2, 0.5, 3), 3, 1),
    ],
)
def test_scenarios_stay_in_the_domain(
    name: str, quantity: Quantity, optimistic: float, conservative: float, digital: DigitalCard, analog: AnalogCard
) -> None:
    net = one_layer("damping: 1e-2")
    net = replace(net, kfac=replace(net.kfac, **{name: quantity}))
    for scenario, expected in ((Scenario.OPTIMISTIC, optimistic), (Scenario.CONSERVATIVE, conservative)):
        drawn = draw_all(quantities(net, digital, analog), 2, 0, scenario)
        assert drawn[f"model.kfac.{name}"].tolist() == [expected] * 2
        for method in project(net, digital, analog, scenario=scenario, draws=3).methods.values():
            assert all(0 <= phase.p05 < np.inf for phase in method.phases.values()), (scenario, method.name)


def test_scenarios_keep_a_machine_in_its_domain(digital: DigitalCard, analog: AnalogCard) -> None:
    """Half an array is no machine: a range of 0.5 to 8 arrays is taken from 1 on."""
    net = one_layer("condition_number: 9")
    found = quantities(net, digital, replace(analog, arrays=ranged(2, 0.5, 8), input_bits=ranged(8, 0.5, 12)))
    drawn = draw_all(found, 1, 0, Scenario.CONSERVATIVE)
    assert (drawn["analog.arrays"].item(), drawn["analog.input_bits"].item()) == (1, 12)
    drawn = draw_all(found, 1, 0, Scenario.OPTIMISTIC)
    assert (drawn["analog.arrays"].item(), drawn["analog.input_bits"].item()) == (8, 2)


def test_which_values_help_the_machine() -> None:
    """A change here is a change of what the two scenarios mean."""
    larger = {name for name, declared in DECLARED.items() if declared.better is Better.LARGER}
    assert larger == {
        "damping", "input_stable_rank", "output_stable_rank",
        "sampling_tolerance", "settling_tolerance", "coupling_tolerance", "reading_tolerance", "mismatch_tolerance",
        "arrays", "cells", "link_bandwidth", "conversion_rate", "converters",
    }  # fmt: skip
    either = {name for name, declared in DECLARED.items() if declared.better is Better.EITHER}
    assert either == {
        "adam_steps", "host_time", "rank", "block_size", "input_spectral_decay", "output_spectral_decay",
        "input_top_mode_gap", "output_top_mode_gap", "factor_decay", "idle_power",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("input_stable_rank", symbols.s_r),
        ("output_stable_rank", symbols.s_r),
        ("input_conversion_energy", symbols.e_d),
        ("conversion_energy", symbols.e_a),
        ("input_bits", symbols.b_in),
        ("temperature", None),
    ],
)
def test_a_quantity_declares_its_symbol(name: str, symbol: symbols.Expression) -> None:
    found = DECLARED[name].symbol
    assert (found.symbol if found else None) == symbol


def test_a_factor_s_symbol_is_stated_of_both_factors_only() -> None:
    assert not {"stable_rank", "input_conversion_rate", "output_cells"} & set(DECLARED)
