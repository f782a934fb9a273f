"""What a model's settings change about the phases of its methods."""

from dataclasses import replace

import pytest

from costmodel import api
from costmodel.inputs.faults import InputError
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.machines.laws import ConstantLaw
from costmodel.machines.precision import Precision
from costmodel.projection.project import Projection, project
from costmodel.quantities.units import byte_per_second, flop_per_second, second
from tests.projection.test_digital_arm import network
from tests.round_cards import exact

TERA, MS = 1e12, 1e-3
LAYERS = (
    {"name": "fc1", "kind": "linear", "d_in": 1000, "d_out": 10, "bias": False},
    {"name": "fc2", "kind": "linear", "d_in": 10, "d_out": 500, "bias": False},
)


def phase(result: Projection, method: str, name: str) -> float:
    return result.methods[method].phases[name].median


def test_sampled_targets_take_a_backward_pass(digital: DigitalCard, analog: AnalogCard) -> None:
    result = project(network(*LAYERS, factor_interval=5), digital, analog, draws=1)
    # a third of a launch of 1 ms a layer, and one product of 10 rows for the second layer alone, every five steps
    expected = (2 * MS / 3 + 2 * 10 * 10 * 500 / TERA) / 5
    for method in ("kfac.cholesky", "ekfac", "thermo.inverse"):
        assert phase(result, method, "sampled_backward") == pytest.approx(expected)
    assert "sampled_backward" not in result.methods["adam"].phases


def test_the_empirical_fisher_takes_none(digital: DigitalCard, analog: AnalogCard) -> None:
    result = project(network(*LAYERS, fisher="empirical"), digital, analog, draws=1)
    assert all("sampled_backward" not in method.phases for method in result.methods.values())


def test_a_network_in_bfloat16_has_its_own_rate_and_half_the_traffic(digital: DigitalCard, analog: AnalogCard) -> None:
    outputs = ConstantLaw(bandwidth=exact(1e12, byte_per_second))
    fast = ConstantLaw(launch=exact(1e-3, second), rate=exact(8e12, flop_per_second))
    card = replace(digital, laws={**digital.laws, "linear_outputs": outputs, "network.bfloat16": fast})
    plain, half = (
        project(replace(network(*LAYERS), precision=Precision(each)), card, analog, draws=1)
        for each in ("float32", "bfloat16")
    )
    flops, traffic = 10 * (4 * 1000 * 10 + 6 * 10 * 500), 4 * 10 * (10 + 500)
    assert phase(plain, "adam", "forward_backward") == pytest.approx(2 * MS + (flops + traffic) / TERA)
    assert phase(half, "adam", "forward_backward") == pytest.approx(2 * MS + (flops / 8 + traffic / 2) / TERA)
    for name in ("factors", "inversion", "precondition", "update"):
        assert phase(half, "kfac.cholesky", name) == phase(plain, "kfac.cholesky", name)
    assert "digital.operations.network.bfloat16.rate" in half.assumptions
    assert "digital.operations.network.bfloat16.rate" not in plain.assumptions


def test_products_in_tf32_leave_factorisations_as_they_are(digital: DigitalCard, analog: AnalogCard) -> None:
    fast = ConstantLaw(launch=exact(1e-3, second), rate=exact(8e12, flop_per_second))
    card = replace(digital, laws={**digital.laws, "gemm.tf32": fast})
    plain, tf32 = (project(network(*LAYERS, precision=each), card, analog, draws=1) for each in ("float32", "tf32"))
    # two launches a layer and 2 a g (a + g) FLOPs
    flops = 2 * 1000 * 10 * 1010 + 2 * 10 * 500 * 510
    assert phase(tf32, "kfac.cholesky", "precondition") == pytest.approx(4 * MS + flops / 8 / TERA)
    for name in ("forward_backward", "inversion", "update"):
        assert phase(tf32, "kfac.cholesky", name) == phase(plain, "kfac.cholesky", name)


def test_a_precision_the_card_does_not_have(digital: DigitalCard, analog: AnalogCard) -> None:
    net = replace(network(*LAYERS, precision="tf32"), precision=Precision.BFLOAT16)
    with pytest.raises(InputError) as error:
        api.project(net, digital, analog, draws=1)
    assert str(error.value).splitlines() == [
        "n: kfac.precision card round-digital has no tf32; it has float32",
        "n: precision card round-digital has no bfloat16; it has float32",
    ]


@pytest.mark.parametrize(("precision", "reason"), [
    ("bfloat16", "8 bits are too few"), ("float16", "6e-8 to 65504 is too short a range"),
])  # fmt: skip
def test_factors_are_not_built_in_half_precision(precision: str, reason: str) -> None:
    with pytest.raises(InputError, match=f"K-FAC's products run in float32 or tf32; {reason} for its factors"):
        network(*LAYERS, precision=precision)


@pytest.mark.parametrize(("card", "network_in", "products_in"), [
    ("a100-sxm", {"float32", "tf32", "bfloat16", "float16"}, {"float32", "tf32"}),
    ("h100-sxm", {"float32", "tf32", "bfloat16"}, {"float32", "tf32"}),
    ("v100", {"float32", "float16"}, {"float32"}),  # its tensor cores know neither tf32 nor bfloat16
])  # fmt: skip
def test_precisions_of_shipped_gpus(card: str, network_in: set[str], products_in: set[str]) -> None:
    steps = {}
    for precision in ("float32", "tf32", "bfloat16", "float16"):
        for products in ("float32", "tf32"):
            settings = {"precision": precision, "kfac.precision": products}
            if precision in network_in and products in products_in:
                found = api.project("mlp", card, "scaled", draws=1, set=settings)
                steps[precision, products] = found.methods["kfac.cholesky"].step_time.median
            else:
                with pytest.raises(InputError, match=f"card {card} has no (tf32|bfloat16|float16); it has float32"):
                    api.project("mlp", card, "scaled", draws=1, set=settings)
    plain = steps.pop(("float32", "float32"))
    assert all(step < plain for step in steps.values())


@pytest.mark.parametrize(("method", "interval"), [("soap", 10), ("shampoo", 100)])
def test_rivals_keep_their_published_interval(
    method: str, interval: int, digital: DigitalCard, analog: AnalogCard
) -> None:
    often, seldom = (
        phase(project(network(*LAYERS, refresh_interval=each), digital, analog, draws=1), method, "inversion")
        for each in (1, 1000)
    )
    assert often == seldom
    # sides of the layers: 1000, 10 and 10, 500
    squares, cubes = 1000**2 + 2 * 10**2 + 500**2, 1000**3 + 2 * 10**3 + 500**3
    if method == "soap":  # 6 products and 2 QR a layer, a QR 8/27 of an eigendecomposition
        rotated = 4 * (1000 * 10 * 1010 + 10 * 500 * 510)
        expected = 2 * (6 + 2 * 8 / 27) * MS + (2 * cubes + rotated) / TERA + 8 / 27 * squares * 1e-8
    else:  # two roots and two products a layer, one block each
        expected = 2 * (2 + 2) * MS + squares * 1e-8 + 2 * cubes / TERA
    assert often == pytest.approx(expected / interval)
