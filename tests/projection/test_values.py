"""Numbers put in for symbols: what is capped, what stands in for a missing value, which side gets which value."""

from dataclasses import replace

import pytest

from costmodel.defaults import Scenario
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.draws import Sample, quantities
from costmodel.projection.project import project
from costmodel.projection.values import symbol_values
from costmodel.quantities.estimate import Draws
from costmodel.quantities.units import hertz, kelvin
from costmodel.workloads.workload import Workload
from tests.projection.small import one_layer
from tests.round_cards import exact

SETTINGS = "condition_number: 9"


def factor_values(net: Workload, digital: DigitalCard, analog: AnalogCard) -> dict[str, Draws]:
    """Symbols of the factors A and G, one above the other, of the only layer at each third of its training."""
    sample = Sample.of(quantities(net, digital, analog), 1, 0, Scenario.NOMINAL)
    return dict(symbol_values(net, tuple(shape for shape, _ in net.shapes()), sample).curved)


def test_an_array_has_one_converter_a_cell(digital: DigitalCard, analog: AnalogCard) -> None:
    """Cells by 20 and a conversion of 1 us: the link, at 1 ns a value, waits for 20 converters in parallel.

    A of 100 is five blocks of 400 couplings, G of 50 two of 400 and one of 100: 2900 over 20, every 10 steps.
    """
    slow = replace(analog, cells=exact(20), conversion_rate=exact(1e6, hertz))
    readout = project(one_layer(SETTINGS), digital, slow).methods["thermo.inverse"].phases["readout"]
    assert readout.median == pytest.approx(2900 / 20 * 1e-6 / 10)
    few = replace(slow, converters=exact(4))
    readout = project(one_layer(SETTINGS), digital, few).methods["thermo.inverse"].phases["readout"]
    assert readout.median == pytest.approx(2900 / 4 * 1e-6 / 10)


def test_an_array_is_never_more_than_full(digital: DigitalCard, analog: AnalogCard) -> None:
    """One of 4000 cells holds factors of 100 and 50 as one of their own size does: conversions, rounding and all."""
    analog = replace(analog, conversion_rate=exact(1e6, hertz))
    whole, large = (project(one_layer(SETTINGS), digital, replace(analog, cells=c)) for c in (None, exact(4000)))
    assert large.methods == whole.methods
    assert large.feasibility == whole.feasibility
    assert factor_values(one_layer(SETTINGS), digital, replace(analog, cells=exact(80)))["m"].ravel().tolist() == [
        *(80, 80, 80),
        *(50, 50, 50),
    ]


def test_a_sketch_has_no_more_columns_than_the_factor(digital: DigitalCard, analog: AnalogCard) -> None:
    """Rank 1000 on factors of 100 and 50: two products and two rescalings of each every step, r = n in both.

    Two launches of 1 ms each; 4 n r k = 2 and 1 MFLOP; 8 (n + r) k = 80 kB twice.
    """
    result = project(one_layer(SETTINGS + ", rank: 1000"), digital, analog).methods["kfac.low_rank"]
    assert result.phases["precondition"].median == pytest.approx(4e-3 + 3e6 / 1e12 + 160e3 / 1e12, rel=1e-9)


def test_each_side_has_its_own_spectral_decay(digital: DigitalCard, analog: AnalogCard) -> None:
    """Stated for all layers, they are the same at every third of the training run."""
    net = one_layer(SETTINGS + ", input_spectral_decay: 2, output_spectral_decay: 4")
    assert factor_values(net, digital, analog)["s_d"].tolist() == 3 * [[2.0]] + 3 * [[4.0]]


def test_each_side_has_its_own_stable_rank(digital: DigitalCard, analog: AnalogCard) -> None:
    """kappa = 1 + (n / s_r) sqrt(theta / lambda): 1 + 100 / 2 * 2 for A, 1 + 50 / 10 * 2 for G."""
    net = one_layer("damping: 1e-2, mean_curvature: 4e-2, input_stable_rank: 2, output_stable_rank: 10")
    assert factor_values(net, digital, analog)["kappa"].ravel() == pytest.approx([101, 101, 101, 11, 11, 11])


def test_thermal_energy_is_boltzmanns_constant_times_the_temperature(digital: DigitalCard, analog: AnalogCard) -> None:
    warm = replace(analog, temperature=exact(300, kelvin))
    found = factor_values(one_layer(SETTINGS), digital, warm)["E_T"]
    assert found == pytest.approx(4.141947e-21, rel=1e-9, abs=0)  # 1.380649e-23 J/K, exact in the SI
