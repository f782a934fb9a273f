"""Shipped cards: complete, honest about what they know, and possible as physics."""

import math

import pytest

from costmodel.inputs.loading import CATALOG, catalog_names, load_analog, load_card, load_digital
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.machines.operations import NEEDED
from costmodel.quantities.estimate import Quantity, Status
from tests.round_cards import assert_alike
from validation.published import data as published
from validation.published import rtx_a6000 as fit_published

CARDS = catalog_names("cards")
ANALOG = [name for name in CARDS if isinstance(load_card(name), AnalogCard)]
BOLTZMANN = 1.380649e-23
#: Of a cell, where a source or an assumption needs one.
RESISTANCE = 1e3
FULL_SCALE = 1.0
TEMPERATURE = 300.0
#: Fastest conversions a second with at least so many effective bits: Murmann's ADC survey, revision 2025-06-09.
FASTEST_ADC = {15.5: 5e6, 13.5: 40e6, 11.5: 6.4e9, 9.5: 6.4e9, 7.5: 18e9}


def quantities() -> list[tuple[str, Quantity]]:
    return [(f"{name}: {path}", value) for name in CARDS for path, value in load_card(name).quantities().items()]


def test_the_catalog_has_the_promised_cards() -> None:
    promised = {"rtx-a6000", "a100-sxm", "h100-sxm", "tngd-2024", "spu-2023", "sram-2026", "scaled"}
    assert promised <= set(CARDS)
    assert {"tngd-2024", "spu-2023", "sram-2026", "scaled"} <= set(ANALOG)


@pytest.mark.parametrize("name", CARDS)
def test_a_card_is_complete(name: str) -> None:
    card = load_card(name)
    assert card.name == name
    assert card.title
    assert card.source
    if isinstance(card, DigitalCard):
        assert [name for name in NEEDED if card.resolve(name) is None] == []


@pytest.mark.parametrize(("path", "quantity"), quantities(), ids=[path for path, _ in quantities()])
def test_a_value_says_where_it_comes_from(path: str, quantity: Quantity) -> None:
    assert quantity.source != "given without a source"
    assert len(quantity.source) >= 7
    assert quantity.low <= quantity.value <= quantity.high
    if quantity.status in {Status.ASSUMED, Status.INTERPOLATED, Status.EXTRAPOLATED}:
        assert quantity.low < quantity.high or has_scatter(path), f"{path} is {quantity.status} and has no range"
    if (
        quantity.status is Status.INTERPOLATED
        and ": operations.network." not in path
        and not path.endswith((": step", ".scatter"))
    ):  # passes have no one size
        assert quantity.domain is not None


def has_scatter(path: str) -> bool:
    """Whether the law that a constant belongs to has a factor with a range on the whole."""
    name, _, inside = path.partition(": ")
    scatter = load_card(name).quantities().get(f"{inside.rpartition('.')[0]}.scatter")
    return scatter is not None and scatter.low < scatter.high


def test_nothing_of_the_scaled_machine_is_claimed_to_exist() -> None:
    assert {quantity.status for quantity in load_card("scaled").quantities().values()} == {Status.ASSUMED}


def fastest_adc(bits: float) -> float:
    return next((rate for effective, rate in FASTEST_ADC.items() if bits >= effective), math.inf)


@pytest.mark.parametrize("name", ANALOG)
def test_converters_are_no_faster_than_any_built(name: str) -> None:
    card = load_analog(name)
    assert card.conversion_rate.high <= fastest_adc(card.output_bits.value)


def thermal_floor(bits: float) -> float:
    """RC that leaves ``bits`` of signal to thermal noise: C = 8 kT SNR / Vpp^2 for a sine."""
    signal_to_noise = 10 ** ((6.02 * bits + 1.76) / 10)
    return RESISTANCE * 8 * BOLTZMANN * TEMPERATURE * signal_to_noise / FULL_SCALE**2


def test_thermal_floor_by_hand() -> None:
    # 16 bits: SNDR 98.08 dB = 6.43e9; 8 kT = 3.313e-20 J; C = 0.213 nF; times 1 kOhm 0.213 us.
    assert thermal_floor(16) == pytest.approx(0.213e-6, rel=0.01)


@pytest.mark.parametrize("name", ANALOG)
def test_cells_are_slow_enough_for_their_bits(name: str) -> None:
    card = load_analog(name)
    if card.relaxation_time is None:
        pytest.skip("its arrays multiply and do not settle")
    assert card.relaxation_time.low >= thermal_floor(card.output_bits.value)


@pytest.mark.parametrize("name", ANALOG)
def test_noise_may_be_more_than_thermal_never_less(name: str) -> None:
    card = load_analog(name)
    if card.relaxation_time is None or card.noise_to_signal is None:
        pytest.skip("its arrays multiply and do not settle")
    thermal = BOLTZMANN * TEMPERATURE / (card.relaxation_time.value / RESISTANCE) / FULL_SCALE**2
    assert card.noise_to_signal.high >= thermal
    if name in {"tngd-2024", "scaled"}:  # no other noise is assumed there
        assert card.noise_to_signal.value == pytest.approx(thermal, rel=0.05)


@pytest.mark.parametrize(
    ("model", "layers", "parameters"),
    [
        ("mnist_mlp", 6, 785 * 1024 + 1025 * 512 + 513 * 256 + 257 * 128 + 129 * 64 + 65 * 10),
        # torchvision's resnet18 has 11 689 512 with 1000 classes; the last layer shrinks from 513 x 1000 to 513 x 10.
        ("cifar10_resnet18", 21, 11_689_512 - 513 * 990),
        # GPT-2 small has 124 439 808 with 50 257 tokens; 47 more tokens, and the output untied.
        ("shakespeare_nanogpt", 48, 124_439_808 + 47 * 768 + 50_304 * 768),
    ],
)
def test_benchmarked_networks_by_their_published_size(model: str, layers: int, parameters: int) -> None:
    workload = published.workload(model)
    assert len(workload.layers) == layers
    assert workload.parameters == parameters


def test_resnet18_shrinks_its_images_as_torchvision_does() -> None:
    positions = {layer.name: layer.positions for layer in published.workload("cifar10_resnet18").layers}
    assert positions["conv1"] == 16 * 16
    assert positions["layer1.0.conv1"] == 8 * 8
    assert positions["layer2.0.conv1"] == positions["layer2.0.downsample.0"] == 4 * 4
    assert positions["layer4.1.conv2"] == 1


def test_the_committed_card_is_what_the_fit_writes(tmp_path, capsys) -> None:
    written = tmp_path / "card.yaml"
    fit_published.main(["--out", str(written)])
    assert_alike(load_digital("rtx-a6000"), load_digital(written))
    assert "spd_inverse" in capsys.readouterr().out


def test_inversion_is_predicted_on_networks_left_out() -> None:
    fit = fit_published.fit("spd_inverse")
    assert max(abs(error) for error in fit.left_out.values()) <= 0.05


def test_the_data_decide_for_a_quadratic_law() -> None:
    observations = published.inversions("compiled")
    quadratic, cubic = (
        max(abs(error) for error in fit_published.left_out_errors(observations, terms).values())
        for terms in (("launch", "element_time"), ("launch", "rate"))
    )
    assert quadratic < 0.05 < 0.2 < cubic


def test_constants_of_a_known_law_are_found_again() -> None:
    law = {"launch": 3e-4, "rate": 1 / 20e12}
    timed = [
        published.Observation(model, "", "", 3e-4 * calls + flops / 20e12, calls, 0, flops)
        for model, calls, flops in (("mlp", 12, 1e9), ("resnet", 42, 3e11), ("gpt", 96, 2e12))
    ]
    found = fit_published.solve(timed, ("launch", "rate"))
    assert found == pytest.approx(law, rel=1e-9)
    assert fit_published.worst_error(timed, found) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("index", [0, 1])
def test_the_documented_cards_load(index: int, tmp_path) -> None:
    text = (CATALOG.parents[1] / "docs" / "cards.md").read_text()
    examples = [block.split("```")[0] for block in text.split("```yaml\n")[1:] if block.startswith("schema:")]
    file = tmp_path / "card.yaml"
    file.write_text(examples[index])
    assert load_card(file).name == ("my-gpu", "my-machine")[index]
