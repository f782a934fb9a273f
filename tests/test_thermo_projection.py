"""What a projection says of the analog machine beyond its time: accuracy, energy, copies of factors, second order."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from costmodel.inputs.loading import load_analog, load_digital, load_workload
from costmodel.inputs.workload_file import workload_from
from costmodel.inputs.yaml_reader import parse_yaml
from costmodel.machines.analog_defaults import BOLTZMANN, completed
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.feasibility import Reach
from costmodel.projection.project import Projection, project
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import farad, joule, one, second, volt, watt
from costmodel.workloads.workload import Workload
from tests.round_cards import exact

#: One layer with both factors of size 64 and kappa = 10: every number below is worked out from these.
ONE_LAYER = """
schema: 1
name: one-layer
source: made up
batch_size: 100
layers:
  - {name: only, kind: linear, d_in: 63, d_out: 64}
kfac:
  relative_error: 0.1
  condition_number: 10
  factor_interval: 1
  refresh_interval: 10
"""


def workload(text: str = ONE_LAYER) -> Workload:
    return workload_from(parse_yaml(text, "test.yaml"))


def parts(projection: Projection, method: str) -> dict[str, float]:
    return {name: part.median for name, part in projection.feasibility[method].parts.items()}


# --- accuracy --------------------------------------------------------------------------------------------------------


def test_systematic_error_by_hand(digital: DigitalCard, analog: AnalogCard) -> None:
    # 8 bits: 127 steps. sqrt(64 / 3) = 4.6188; over 127 is 0.036369, times kappa = 10.
    result = project(workload(), digital, replace(analog, mismatch=exact(0.002)))
    assert parts(result, "thermo.inverse") == pytest.approx(
        {"input_rounding": 0.36369, "output_rounding": 0.036369, "mismatch": 0.04}, rel=1e-4
    )
    # a solution's rounding is half that of an inverse: sqrt(64 / 12)
    assert parts(result, "thermo.solve")["output_rounding"] == pytest.approx(0.0181844, rel=1e-4)
    found = result.feasibility["thermo.inverse"]
    assert found.error.median == pytest.approx((0.36369**2 + 0.036369**2 + 0.04**2) ** 0.5, rel=1e-4)
    # entries all alike: the rounding of couplings is 64 times smaller
    assert found.error_at_best.median == pytest.approx(((0.36369 / 64) ** 2 + 0.036369**2 + 0.04**2) ** 0.5, rel=1e-4)
    # 1 + log2(1 + 10 * 4.6188 * 1.1 / 0.1) = 9.99
    assert found.input_bits.median == pytest.approx(9.99, abs=0.01)
    assert found.reach is Reach.SOME
    assert found.factors_reached == 0
    assert found.unknown == ()


@pytest.mark.parametrize(("bits", "reach"), [(4, Reach.NO), (8, Reach.SOME), (12, Reach.YES)])
def test_bits_decide(bits: int, reach: Reach, digital: DigitalCard, analog: AnalogCard) -> None:
    card = replace(analog, input_bits=replace(analog.input_bits, value=bits, low=bits, high=bits))
    card = replace(card, output_bits=card.input_bits)
    result = project(workload(), digital, card)
    assert result.feasibility["thermo.solve"].reach is reach
    assert result.feasibility["thermo.solve"].factors_reached == (1 if reach is Reach.YES else 0)
    said = {
        Reach.YES: "kfac.cholesky",
        Reach.SOME: "Whether it gets within 0.1 of the exact result depends on the factors' largest entries",
        Reach.NO: "It cannot get within 0.1 of the exact result",
    }[reach]
    assert said in result.verdict()
    assert ("input bits are needed" in result.verdict()) == (reach is not Reach.YES)


def test_mismatch_is_unknown_unless_a_card_states_it(digital: DigitalCard, analog: AnalogCard) -> None:
    assert project(workload(), digital, analog).feasibility["thermo.solve"].unknown == ("mismatch",)
    result = project(workload(), digital, replace(analog, mismatch=exact(0.05)))
    assert parts(result, "thermo.solve")["mismatch"] == pytest.approx(2 * 10 * 0.05)


def test_tiling_amplifies_the_rounding_of_inverses(digital: DigitalCard, analog: AnalogCard) -> None:
    result = project(workload(), digital, replace(analog, cells=exact(16)))
    # sqrt(16 / 3) / 127 = 0.018184 a block, times kappa; sqrt(16 / 12) / 127 = 0.0090922, times sqrt(kappa)
    assert parts(result, "thermo.inverse")["output_rounding"] == pytest.approx(0.18184, rel=1e-4)
    assert parts(result, "thermo.solve")["output_rounding"] == pytest.approx(0.0090922 * 10**0.5, rel=1e-4)


# --- cells of second order -------------------------------------------------------------------------------------------


def test_underdamped_methods_need_cells_of_second_order(digital: DigitalCard, analog: AnalogCard) -> None:
    without = project(workload(), digital, analog)
    for name in ("thermo.inverse.underdamped", "thermo.solve.underdamped"):
        assert without.feasibility[name].reach is Reach.CANNOT_RUN
        assert without.feasibility[name].missing == ("oscillation_time",)
    assert not without.best_thermodynamic.endswith("underdamped")
    within = project(workload(), digital, replace(analog, oscillation_time=exact(1e-7, second)))
    assert within.best_thermodynamic.endswith("underdamped")
    # 10 factors' worth: sqrt(10) * 0.1 us * 5/2 * 65 / 0.01 for each factor, every 10 steps, on one array
    sample = within.methods["thermo.inverse.underdamped"].phases["sample"].median
    assert sample == pytest.approx(2 * 10**0.5 * 1e-7 * 2.5 * 65 / 0.01 / 10)


# --- copies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arrays", "runs"), [(1, 128), (2, 64), (4, 32), (64, 2), (10_000, 2)])
def test_copies_of_a_factor_share_its_systems(arrays: int, runs: int, digital: DigitalCard, analog: AnalogCard) -> None:
    """64 systems against A, then 64 against G: at least one run for each, however many arrays there are."""
    result = project(workload(), digital, replace(analog, arrays=exact(arrays)))
    once = 10 * 1e-6 * np.log(10)
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
            # 64 nodes of C V^2 / (4 tau) = 1 uW, for 10 us ln(10) / 2
            "settle": 2 * 64 * 1e-6 * 10e-6 * np.log(10) / 2 / 10,
            "sample": 2 * 64 * 1e-6 * 10e-6 * 65 / 0.01 / 10,
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
    assert found["settle"] == pytest.approx(2 * 64 * 64 * 1e-6 * 10e-6 * np.log(10))
    assert found["readout"] == pytest.approx(2 * 64 * 64 * (8e-12 + 1e-9))
    assert found["average"] == found["eliminate"] == 0  # no noise, no tiling


def test_digital_energy_only_where_a_card_gives_a_power(digital: DigitalCard, analog: AnalogCard) -> None:
    assert project(workload(), digital, analog).methods["adam"].energy is None
    result = project(workload(), replace(digital, power=exact(300, watt)), analog).methods["kfac.cholesky"]
    assert result.energy is not None
    assert result.energy.median == pytest.approx(300 * result.step_time.median)


def test_json_has_feasibility_and_energy() -> None:
    result = project(load_workload("mlp"), load_digital("h100-sxm"), load_analog("scaled"), draws=50).as_dict()
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
        elif name != "oscillation_time":  # its range is that of the RC it stands for, exact here
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
