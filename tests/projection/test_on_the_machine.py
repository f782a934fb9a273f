"""What a factor's numbers do to a machine's: noise follows the swing of solutions, times the largest coupling."""

from dataclasses import replace

import numpy as np
import pytest

from costmodel.machines.cards import AnalogCard, DigitalCard, RelaxationOf
from costmodel.projection.draws import Sample, quantities
from costmodel.projection.project import project
from costmodel.projection.values import SymbolValues, symbol_values
from tests.projection.small import one_layer
from tests.round_cards import exact

#: kappa = 9; psi = 5 with a stable rank of 2 makes chi of A (5 * 2 * 8 / 100 + 1) / 9 = 0.2, of G 2.6 / 9.
SETTINGS = (
    "condition_number: 9, input_stable_rank: 2, output_stable_rank: 2, diagonal_peak: 5, "
    "input_top_mode_gap: 1, output_top_mode_gap: 1"
)


def values(digital: DigitalCard, analog: AnalogCard, relaxation: RelaxationOf) -> SymbolValues:
    net = one_layer(SETTINGS)
    sample = Sample.nominal(quantities(net, digital, analog))
    return symbol_values(net, tuple(shape for shape, _ in net.shapes()), sample, relaxation)


def test_a_time_of_the_largest_coupling_is_shorter_by_the_largest_entry(
    digital: DigitalCard, analog: AnalogCard
) -> None:
    analog = replace(analog, relaxation_time=exact(1e-6), oscillation_time=exact(1e-7))
    found = values(digital, analog, RelaxationOf.LARGEST_COUPLING).curved
    assert found["chi"].min() == pytest.approx(0.2)
    assert found["chi"].max() == pytest.approx(2.6 / 9)
    assert np.ravel(found["tau"]) == pytest.approx(1e-6 * np.ravel(found["chi"]))
    assert np.ravel(found["tau_o"]) == pytest.approx(1e-7 * np.sqrt(np.ravel(found["chi"])))
    plain = values(digital, analog, RelaxationOf.LARGEST_EIGENVALUE).curved
    assert np.ravel(plain["tau"]) == pytest.approx(1e-6)


def test_a_card_says_which(digital: DigitalCard, analog: AnalogCard) -> None:
    of_coupling = replace(analog, relaxation_of=RelaxationOf.LARGEST_COUPLING)
    slow, fast = (project(one_layer(SETTINGS), digital, card) for card in (analog, of_coupling))
    ratio = fast.methods["thermo.solve"].phases["settle"].median / slow.methods["thermo.solve"].phases["settle"].median
    assert 0.2 < ratio < 2.6 / 9  # between the chi of both factors


def test_noise_is_over_the_input_whose_solution_fills_the_scale(digital: DigitalCard, analog: AnalogCard) -> None:
    """Two equal modes of 8 dampings and the rest at the damping: s_x = 81 * 2 (8 / 81) / 16 = 1."""
    found = values(digital, replace(analog, noise_to_signal=exact(1e-9)), RelaxationOf.LARGEST_EIGENVALUE).curved
    expected = {100: 8 * np.log(200) / 100 * 1e-9, 50: 8 * np.log(100) / 50 * 1e-9}
    for size, noise in zip(np.ravel(found["n"]), np.ravel(found["nu"]), strict=True):
        assert noise == pytest.approx(expected[size])
