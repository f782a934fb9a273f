"""What a projection says of the analog machine beyond its time: accuracy, energy, copies of factors, second order."""

import json
from dataclasses import replace
from typing import Any

import pytest

from costmodel.inputs.loading import load_analog, load_digital, load_workload
from costmodel.inputs.workload_file import workload_from
from costmodel.inputs.yaml_reader import parse_yaml
from costmodel.machines.analog_defaults import BOLTZMANN, completed
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.feasibility import Reach
from costmodel.projection.project import Projection, project
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import bit, farad, joule, one, second, volt, watt
from costmodel.workloads.workload import Workload
from tests.round_cards import exact
from tests.spectra import Spectrum, planned, together
from tests.tolerances import BOUNDLESS, alike

#: Both factors of size 64 and kappa = 10: every number below is worked out from their eigenvalues.
A = Spectrum(64, top=9, second=1, peak=8)
G = Spectrum(64, top=9, peak=8)
TARGET, SETTLING = 0.1, 0.51
TOLERATED = alike(TARGET, settling_tolerance=SETTLING, reading_tolerance=BOUNDLESS)
ONE_LAYER = f"""
schema: 1
name: one-layer
source: made up
batch_size: 100
layers:
  - {{name: only, kind: linear, d_in: 63, d_out: 64}}
kfac:
  {{{TOLERATED}, condition_number: 10, diagonal_peak: 8, factor_interval: 1,
   refresh_interval: 10, {A.stated("input")}, {G.stated("output")}}}
"""
#: What 8 bits leave to settling and sampling, as far as times are planned with it.
SYSTEMATIC = planned(together(A.rounding(8), G.rounding(8)), TARGET)
LEFT = 1 - (SYSTEMATIC / TARGET) ** 2


def workload(text: str = ONE_LAYER) -> Workload:
    return workload_from(parse_yaml(text, "test.yaml"))


def parts(projection: Projection, method: str) -> dict[str, float]:
    return {name: part.median for name, part in projection.feasibility[method].parts.items()}


def with_bits(card: AnalogCard, bits: float) -> AnalogCard:
    return replace(card, input_bits=exact(bits, bit), output_bits=exact(bits, bit))


# --- cells of second order -------------------------------------------------------------------------------------------


def test_underdamped_methods_need_cells_of_second_order(digital: DigitalCard, analog: AnalogCard) -> None:
    without = project(workload(), digital, analog)
    for name in ("thermo.inverse.underdamped", "thermo.solve.underdamped"):
        assert without.feasibility[name].reach is Reach.CANNOT_RUN
        assert without.feasibility[name].missing == ("oscillation_time",)
    assert not without.best_thermodynamic.endswith("underdamped")
    within = project(workload(), digital, replace(analog, oscillation_time=exact(1e-7, second)))
    assert within.best_thermodynamic.endswith("underdamped")
    # sqrt(10) * 0.1 us for each factor, every 10 steps, on one array
    sample = within.methods["thermo.inverse.underdamped"].phases["sample"].median
    assert sample == pytest.approx(1e-7 * sum(each.sample_underdamped(TARGET, SYSTEMATIC) for each in (A, G)) / 10)


# --- copies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arrays", "runs"), [(1, 128), (2, 64), (4, 32), (64, 2), (10_000, 2)])
def test_copies_of_a_factor_share_its_systems(arrays: int, runs: int, digital: DigitalCard, analog: AnalogCard) -> None:
    """64 systems against A, then 64 against G: at least one run for each, however many arrays there are."""
    result = project(workload(), digital, replace(analog, arrays=exact(arrays)))
    # no noise, so settling gets all that rounding leaves, which is alike for both factors
    once = A.settle_mean(SETTLING, LEFT) * 1e-6
    assert result.methods["thermo.solve"].phases["settle"].median == pytest.approx(runs * once)


# --- energy ----------------------------------------------------------------------------------------------------------

ENERGIES: dict[str, Any] = {
    "capacitance": exact(1e-12, farad),
    "full_scale_voltage": exact(2, volt),
    "conversion_energy": exact(1e-9, joule),
    "input_conversion_energy": exact(1e-11, joule),
    "link_energy": exact(1e-12, joule),
}


def test_energy_by_hand(digital: DigitalCard, analog: AnalogCard) -> None:
    result = project(workload(), digital, replace(analog, **ENERGIES)).methods["thermo.inverse"]
    found = {name: part.median for name, part in result.phase_energy.items()}
    couplings = 2 * 64**2
    assert found == pytest.approx(
        {
            "upload": couplings * (8e-12 + 1e-11) / 10,
            # 64 nodes of C V^2 / (4 tau) = 1 uW, for as many us
            "settle": 64e-12 * sum(each.settle_covariance(SETTLING, TARGET, SYSTEMATIC) for each in (A, G)) / 10,
            "sample": 64e-12 * sum(each.sample(TARGET, SYSTEMATIC) for each in (A, G)) / 10,
            "readout": couplings * (8e-12 + 1e-9) / 10,
        }
    )
    assert result.energy is not None
    assert result.energy.median == pytest.approx(sum(found.values()))


def test_energy_of_solves_by_hand(digital: DigitalCard, analog: AnalogCard) -> None:
    result = project(workload(), digital, replace(analog, **ENERGIES)).methods["thermo.solve"]
    found = {name: part.median for name, part in result.phase_energy.items()}
    # one array for two factors: one of them is uploaded again every step
    assert found["upload"] == pytest.approx(2 * 64**2 * (8e-12 + 1e-11) * (0.5 / 10 + 0.5))
    assert found["settle"] == pytest.approx(2 * 64 * 64 * 1e-6 * A.settle_mean(SETTLING, LEFT) * 1e-6)
    assert found["readout"] == pytest.approx(2 * 64 * 64 * (8e-12 + 1e-9))
    assert found["average"] == found["eliminate"] == 0  # no noise, no tiling


def test_digital_energy_only_where_a_card_gives_a_power(digital: DigitalCard, analog: AnalogCard) -> None:
    assert project(workload(), digital, analog).methods["adam"].energy is None
    result = project(workload(), replace(digital, power=exact(300, watt)), analog).methods["kfac.cholesky"]
    assert result.energy is not None
    assert result.energy.median == pytest.approx(300 * result.step_time.median)


def test_json_has_feasibility_and_energy() -> None:
    result = project(
        load_workload("mlp"), load_digital("epyc-milan-1-thread"), load_analog("scaled"), draws=50
    ).as_dict()
    json.dumps(result, allow_nan=False)
    assert set(result["feasibility"]) == {name for name in result["methods"] if name.startswith("thermo.")}
    assert set(result["feasibility"]["thermo.solve"]) >= {"reach", "target", "error", "parts", "missing", "unknown"}
    assert result["methods"]["thermo.solve"]["energy_j"]["median"] > 0
    assert result["methods"]["sgd"]["energy_j"] is None


# --- what a card leaves out ------------------------------------------------------------------------------------------


def test_defaults_are_assumed_have_a_range_and_say_so(analog: AnalogCard) -> None:
    stated = analog.quantities()
    for name, quantity in completed(analog).items():
        if name in stated:
            assert quantity is stated[name]
        elif name not in {"oscillation_time", "product_time"}:  # their range is that of the RC, exact here
            assert quantity.status is Status.ASSUMED
            assert quantity.low < quantity.high
            assert quantity.low <= quantity.value <= quantity.high
            assert quantity.source.startswith("not on the card: ")


@pytest.mark.verifies("thermo.noise.signal.ratio")
def test_noise_follows_from_the_capacitance(analog: AnalogCard) -> None:
    bare = replace(analog, noise_to_signal=None, capacitance=exact(1e-9, farad), full_scale_voltage=exact(1, volt))
    assert completed(bare)["noise_to_signal"].value == pytest.approx(BOLTZMANN * 300 / 1e-9, rel=1e-9, abs=0)
    assert completed(analog)["noise_to_signal"].value == 0  # a stated value stays


def test_energies_follow_the_survey_at_the_cards_bits() -> None:
    card = load_analog("tngd-2024")  # 16 bits at 5 MHz
    # 3/4 * 4^16 * 10^-18.3 = 1.61 nJ
    assert completed(card)["conversion_energy"].value == pytest.approx(1.61e-9, rel=0.01)
    eight = replace(card, output_bits=Quantity(8, 8, 8, one, Status.ASSUMED, ""))
    # below nine bits Walden's 5 fJ a step, 2^8 of them
    assert completed(eight)["conversion_energy"].value == pytest.approx(1.28e-12, rel=0.01)
