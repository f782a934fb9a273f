"""The RTX 2080 Ti card and the published thresholds."""

import pytest

from costmodel.inputs.loading import load_analog, load_digital, load_workload
from costmodel.projection.project import project
from costmodel.quantities.estimate import Status
from tests.round_cards import assert_alike
from validation.published import checks as published_checks
from validation.published import power, v100
from validation.published.rtx_2080_ti import card, chosen_power, densenet201, left_out, resnet50


def test_the_card_is_what_the_fit_gives() -> None:
    assert_alike(load_digital("rtx-2080-ti"), card())


def test_networks_by_hand() -> None:
    # Counts of the same networks from torchvision and timm shapes: forward and backward, both factors, sum of n^3.
    # The first convolution, 7 x 7 on 3 channels of 224 x 224, has no input gradient.
    first = {"resnet50": 2 * 32 * 112**2 * 147 * 64, "densenet201": 2 * 16 * 112**2 * 147 * 64}
    for network, passes, factors, cubes in ((resnet50(), 0.785, 1.605, 0.453), (densenet201(), 0.412, 2.251, 0.341)):
        assert network.pass_flops == pytest.approx(passes * 1e12 - first[network.name], rel=2e-3)
        assert network.factor_flops == pytest.approx(factors * 1e12, rel=2e-3)
        assert (network.factors**3).sum() == pytest.approx(cubes * 1e12, rel=2e-3)


def test_the_data_choose_a_quadratic_inversion() -> None:
    assert chosen_power() == 2.0
    # One constant fits one total exactly: the two errors are each other's inverse.
    errors = left_out(2.0)
    assert (1 + errors["resnet50"]) * (1 + errors["densenet201"]) == pytest.approx(1)
    assert max(map(abs, errors.values())) < published_checks.INVERSION


def test_published_thresholds_are_met_and_the_known_miss_is_known() -> None:
    for limit, cards in (
        (published_checks.INVERSION, published_checks.inversion()),
        (published_checks.FACTORS, published_checks.factor_construction()),
    ):
        assert set(cards) == {"rtx-a6000", "rtx-2080-ti"}
        assert all(abs(error) <= limit for errors in cards.values() for error in errors.values())
    assert published_checks.host_bound() < -0.7


def test_phases_by_hooks_are_shown_and_not_fitted() -> None:
    errors = published_checks.hooks()
    assert set(errors) == {"mnist_mlp", "cifar10_resnet18", "shakespeare_nanogpt"}
    assert min(errors.values()) < -0.6  # copies and host code that no law knows


def test_the_scatter_holds_networks_that_are_left_out() -> None:
    inside, points = published_checks.intervals()
    assert points == 3 + 6 + 4 + 6 + 12  # passes, preconditioning, factors, inversions, eigendecompositions
    assert inside >= 0.85 * points


def test_the_v100_card_is_what_the_fit_gives() -> None:
    assert_alike(load_digital("v100"), v100.card())


def test_steps_of_eight_devices_by_hand() -> None:
    # NAdamW: 41 188.8 s for 117 969 steps
    assert v100.steps()["wmt"] == pytest.approx(0.34915, rel=1e-4)
    # of plain submissions JAX took 0.44 to 0.46 s, PyTorch 0.40 to 0.42 s
    assert 0.42 < v100.steps()["imagenet_vit"] < 0.44
    # 25.93 less 0.12 of the patches' input gradient, and 2.18 TFLOP of 1024 images, an eighth of them
    assert v100.flops("imagenet_vit") == pytest.approx(27.99e12 / 8, rel=1e-3)


def test_workloads_left_out_of_the_v100_fit_are_within_a_quarter() -> None:
    errors = v100.left_out()
    assert set(errors) == set(v100.BOUND_BY_DEVICE)
    assert max(map(abs, errors.values())) < 0.25
    assert max(v100.floors().values()) < 0.25  # the others wait for the host


def test_the_host_s_floor_is_an_input() -> None:
    card, analog = load_digital("v100"), load_analog("tngd-2024")
    for settings, low, high in ((["host_time=0.32 s"], 0.32, 0.33), (["host_time=1 us"], 0.0, 0.02)):
        net = load_workload("ogbg", ["batch_size=64", *settings])
        step = project(net, card, analog, draws=200).methods["adam"].step_time.median
        assert low <= step <= high


@pytest.mark.parametrize("name", sorted(power.LIMITS))
def test_what_a_gpu_draws_while_it_waits_is_below_what_it_draws_while_it_works(name: str) -> None:
    shipped, working = load_digital(name).idle_power, load_digital(name).power
    assert shipped is not None
    assert working is not None
    expected = power.idle_power(name)
    assert (shipped.low, shipped.value, shipped.high) == (expected.low, expected.value, expected.high)
    assert (shipped.status, shipped.source.split()) == (expected.status, expected.source.split())
    assert shipped.high < working.low


@pytest.mark.parametrize("name", sorted(power.LIMITS))
def test_the_power_of_a_gpu_card_is_what_its_data_sheet_allows(name: str) -> None:
    shipped = load_digital(name).power
    assert shipped is not None
    expected = power.board_power(name)
    assert (shipped.low, shipped.value, shipped.high) == pytest.approx((expected.low, expected.value, expected.high))
    assert (shipped.status, shipped.source) == (Status.ASSUMED, expected.source)
