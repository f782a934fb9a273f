"""Laws of a GPU: chained factorisations, a switch of algorithm, and what the host does beside the device."""

import math
from dataclasses import replace

import numpy as np
import pytest

from costmodel.inputs.card_writer import dump
from costmodel.inputs.device_file import card_from
from costmodel.inputs.loading import load_digital
from costmodel.inputs.yaml_reader import parse_yaml
from costmodel.machines.cards import DigitalCard
from costmodel.machines.laws import FittedLaw, Host, beside
from costmodel.machines.operations import OPERATIONS
from costmodel.machines.operations import timed as timed_alone
from costmodel.machines.sizes import Size
from costmodel.methods import METHODS, FactorConstruction
from costmodel.projection.predict import predict
from validation.fit.gpu_networks import held_out_networks, read_steps, sizes_of
from validation.fit.gpu_steps import fit_measured
from validation.fit.networks import TimedNetwork, project_step
from validation.fit.selection import Data, fit, growth_of
from validation.fit.solve import solve
from validation.score.shipped import H100

SIZES = (
    16,
    40,
    64,
    100,
    160,
    256,
    320,
    400,
    480,
    500,
    520,
    640,
    700,
    800,
    1000,
    1100,
    1300,
    1536,
    1800,
    2304,
    3072,
    4096,
    6144,
)


def chained(operation: str, seconds: object) -> Data:
    times = np.array([seconds(n) for n in SIZES])  # type: ignore[operator]
    return Data(OPERATIONS[operation], tuple(Size(n, n) for n in SIZES), times)


def cholesky(n: float) -> float:
    """50 us, 0.3 us a row, 0.05 ns an element, 30 TFLOP/s."""
    return 50e-6 + 0.3e-6 * n + 0.05e-9 * n**2 + n**3 / 3 / 30e12


@pytest.mark.parametrize("n", [30, 520, 2000, 5000, 6144])
def test_a_chain_is_found_again(n: int) -> None:
    law = fit(chained("cholesky", cholesky), ("chained",), gpu=True).law
    # Knots a seventh apart hold a curve that falls as n^-2 to 2 %.
    assert law.seconds(OPERATIONS["cholesky"], Size(n, n)) == pytest.approx(cholesky(n), rel=0.02)


def test_a_chain_goes_on_to_the_rate_of_large_sizes() -> None:
    law = fit(chained("cholesky", cholesky), ("chained",), gpu=True).law
    assert law.seconds(OPERATIONS["cholesky"], Size(16384, 16384)) == pytest.approx(cholesky(16384), rel=0.02)


def test_a_switch_is_where_a_larger_size_takes_less_time() -> None:
    def seconds(n: float) -> float:
        return 1e-4 + (30e-6 if n <= 512 else 6e-6) * n + 9 * n**3 / 12e12

    found = fit(chained("eigh", seconds), ("chained",), gpu=True)
    assert found.candidate.switch == 512
    for n in (450, 512, 513, 600):
        assert found.law.seconds(OPERATIONS["eigh"], Size(n, n)) == pytest.approx(seconds(n), rel=0.03)
    assert fit(chained("cholesky", cholesky), ("chained",), gpu=True).candidate.switch == 0


def test_no_solve_is_faster_than_large_products() -> None:
    # A chain that never comes to n^3 would run at any rate beyond the data.
    data = chained("cholesky_solve", lambda n: 1e-4 + 0.4e-9 * n**2)
    law = fit(data, ("chained",), floor=2e-14, gpu=True).law
    assert law.work.limit == pytest.approx(2e-14)
    assert law.seconds(OPERATIONS["cholesky_solve"], Size(40000, 40000)) > 2 * 40000**3 * 2e-14


def test_the_largest_size_is_no_matter_of_its_stride() -> None:
    # n^3 shows at 4096 alone, which a processor's cache would meet with a stride.
    sizes = (*range(640, 1600, 64), 2049, 3072, 4096)
    seconds = [1e-5 * n + 8e-13 * n**3 * (1 + 0.04 * (-1) ** index) for index, n in enumerate(sizes)]
    data = Data(OPERATIONS["eigh"], tuple(Size(n, n) for n in sizes), np.array(seconds))
    law = fit(data, ("chained",), gpu=True).law
    assert {*law.penalties} <= {"not_32", "not_8", "not_4", "odd"}
    at, beside = (law.seconds(OPERATIONS["eigh"], Size(n, n)) for n in (4096, 4128))
    assert at < beside < 1.05 * at


def test_growth_is_what_larger_sizes_needed() -> None:
    assert growth_of(np.zeros(0)) == growth_of(np.zeros(9)) == 0.05
    # Of nine, a tenth stays below the largest nine times in ten.
    assert growth_of(np.array([0.0] * 8 + [0.3])) == pytest.approx(0.3)
    assert growth_of(np.array([0.0] * 38 + [0.3])) < 0.3
    assert growth_of(np.full(9, 7.0)) == 0.5


def test_a_kink_beyond_two_thirds_of_the_data_widens_what_lies_beyond() -> None:
    straight = fit(chained("cholesky", cholesky), ("chained",), gpu=True)
    bent = fit(chained("cholesky", lambda n: cholesky(n) * (1.5 if n > 4096 else 1.0)), ("chained",), gpu=True)
    assert straight.law.growth == 0.05
    # Three sizes above 0.45 of the largest; one above two thirds, 1.5 times as long as those to 4096 foretell.
    assert bent.needed[:2] == pytest.approx(0.0)
    needed = bent.needed[3]
    held = np.hypot(bent.law.spread, needed * np.log(6144 / 4096)) * 1.645
    assert held == pytest.approx(np.log(1.5), abs=0.05)
    assert bent.law.growth == pytest.approx(min(needed, 0.5))


def test_coefficients_are_held_and_have_least_values() -> None:
    columns = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 4.0], [1.0, 8.0]])
    seconds = 3.0 + columns[:, 1]
    held = solve(columns, seconds, np.array([0.0, 1.0]), held=(1,)).coefficients
    assert held == pytest.approx([3.0, 1.0], rel=1e-6)
    least = solve(columns, seconds, np.array([0.0, 1.5])).coefficients
    assert least[1] == pytest.approx(1.5)


def test_the_host_queues_while_the_device_works() -> None:
    host = Host(start=3e-3, call=1e-3)
    assert host.seconds(0) == 0
    assert host.seconds(2) == pytest.approx(5e-3)
    assert beside(np.array([4e-3]), 3e-3) == pytest.approx(5e-3)
    assert beside(np.array([1.0]), 0.0) == pytest.approx(1.0)


def exact(card: DigitalCard, **hosts: Host) -> DigitalCard:
    """The card without scatter, the host doing what is given and nothing else."""
    laws = {
        name: replace(law, spread=0.0, growth=0.0, in_step=None, host=hosts.get(name))
        for name, law in card.laws.items()
        if isinstance(law, FittedLaw)
    }
    return replace(card, laws=laws)


def test_a_phase_is_what_its_calls_take_on_both() -> None:
    card = load_digital("h100-sxm")
    network = sizes_of("mlp4_w1000", 1024)
    alone = project_step(exact(card), network, 1)["forward_backward"][0]
    queued = project_step(exact(card, linear_pass=Host(1e-3, 2e-3)), network, 1)["forward_backward"][0]
    assert queued == pytest.approx(math.hypot(1e-3 + 4 * 2e-3, alone))  # four layers


def test_a_call_of_many_waits_for_the_host() -> None:
    card = load_digital("h100-sxm")
    law = card.laws["precondition"]
    assert isinstance(law, FittedLaw)
    assert law.host is not None
    small = predict(card, "precondition", 64, 64, in_step=True).time.median
    assert small >= law.host.call
    assert small > 2 * predict(card, "precondition", 64, 64).time.median


def test_a_card_keeps_what_the_host_does() -> None:
    card = load_digital("h100-sxm")
    again = card_from(parse_yaml(dump(card, "test"), "test"))
    assert isinstance(again, DigitalCard)
    hosts = {name: law.host for name, law in again.laws.items() if isinstance(law, FittedLaw) and law.host}
    assert set(hosts) >= {"linear_pass", "gemm_symmetric", "precondition", "update", "fused_update"}
    assert hosts["update"].start > 0


def test_first_order_methods_update_tensors_together() -> None:
    card = exact(load_digital("h100-sxm"), fused_update=Host(0.0, 1.0))
    network = sizes_of("vit_s16", 64)
    adam = project_step(card, network, 1, method=METHODS["adam"](FactorConstruction.EXPAND))["update"][0]
    assert adam == pytest.approx(network.tensors, rel=1e-6)
    assert project_step(card, network, 1)["update"][0] < 1.0  # K-FAC's goes tensor by tensor, by another law


def test_networks_by_hand() -> None:
    # ViT-S/16: patches, 12 blocks of four matrices, head. 152 tensors: 50 weights and biases, two tensors of each of 25
    # norms, class token, positions.
    network = sizes_of("vit_s16", 64)
    assert (len(network.layers), network.tensors) == (50, 152)
    assert network.attention_flops == 12 * 4 * 64 * 197**2 * 384
    # GPT, vocabulary 256: embedding, positions, head; 24 matrices with biases, 13 norms.
    gpt = sizes_of("gpt_d384_v256", 16)
    assert gpt.parameters == 10_942_464
    assert gpt.tensors == 24 * 2 + 1 + 13 * 2 + 2


def test_every_second_of_three_networks_of_a_family_is_held_out() -> None:
    assert held_out_networks(read_steps(H100 / "kfac_steps.csv")) == {
        "mlp4_w256", "mlp4_w1024", "mlp4_w4096", "gpt_d384_v1024", "gpt_d384_v8192",
    }  # fmt: skip


def test_steps_that_measure_timed_give_host_and_device_again() -> None:
    truth = exact(
        load_digital("h100-sxm"),
        linear_pass=Host(0.0, 6e-4), gemm_symmetric=Host(0.0, 1e-4), precondition=Host(0.0, 9e-5),
        update=Host(2e-4, 2e-5),
    )  # fmt: skip
    names = [*(f"mlp4_w{width}" for width in (128, 512, 1000, 2048, 3000, 4096)), "gpt_d384_v256", "gpt_d384_v8192"]
    timed = []
    for name in names:
        network = sizes_of(name, 1024 if name.startswith("mlp") else 16)
        seconds = {phase: float(each[0]) for phase, each in project_step(truth, network, 1).items()}
        timed.append(TimedNetwork(network, {**seconds, "step": 1.1 * seconds["step"]}))
    laws = {name: law for name, law in truth.laws.items() if name in timed_alone() and isinstance(law, FittedLaw)}
    alone = {name: replace(law, host=None) for name, law in laws.items()}
    found = fit_measured(timed, alone)
    assert found.step[0] == pytest.approx(math.log(1.1), rel=1e-6)
    assert max(abs(each) for each in found.left_out["inversion"]) < 1e-3
    hosts = {name: law.host for name, law in found.laws.items() if law.host is not None}
    assert hosts["linear_pass"].call == pytest.approx(6e-4, rel=0.05)
    assert hosts["precondition"].call == pytest.approx(9e-5, rel=0.05)
    assert hosts["update"].start == pytest.approx(2e-4, rel=0.05)
