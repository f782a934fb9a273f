"""Whole steps: laws of networks recovered from a known truth, and a network that no law has seen projected."""

from itertools import pairwise

import numpy as np
import pytest

from costmodel.machines.cards import DigitalCard
from costmodel.machines.curves import Curve
from costmodel.machines.laws import FittedLaw
from validation.fit.networks import (
    LEAST_NETWORKS,
    NetworkFit,
    TimedNetwork,
    fit_networks,
    project_step,
    timed_method,
    workload_of,
)
from validation.measure.timings import LayerSizes, ModelSizes

#: Every operation: 1 us a call and 10 ps a FLOP, whatever the size.
FLAT = FittedLaw(1e-6, 0.0, 0.0, Curve((1.0,), (1e-11,), 1e-11), spread=0.02)
ALONE = dict.fromkeys(("gemm_tall", "gemm_symmetric", "cholesky", "cholesky_inverse", "precondition"), FLAT)
PHASES = ("forward_backward", "rows", "factors", "running_average", "inversion", "precondition", "update")


def network(kind: str, seed: int) -> ModelSizes:
    random = np.random.default_rng(seed)
    sizes = [int(each) for each in random.integers(20, 400, 5)]
    layers = tuple(LayerSizes(kind, int(random.integers(50, 3000)), d, d + 1, g, 7) for d, g in pairwise(sizes))
    parameters = sum(each.a * each.g for each in layers) + 999 * seed
    return ModelSizes(f"{kind}{seed}", layers, float(random.integers(0, 10**8)), 0.0, parameters, 8 + (seed > 0))


def seconds(model: ModelSizes) -> dict[str, float]:
    """The truth, worked out here: in a step products take twice, inverses three times a loop's time and 5 us a call."""
    found = dict.fromkeys(PHASES, 0.0)
    found["forward_backward"] = 3e-11 * 3 * model.attention_flops
    for index, layer in enumerate(model.layers):
        products = 3 if index else 2  # the first layer has no input gradient
        flops, outputs = 2.0 * products * layer.rows * layer.d * layer.g, layer.rows * layer.g
        linear = layer.kind == "linear"
        found["forward_backward"] += (
            2e-5 + flops * (1.5e-11 if linear else 4e-11) + outputs * (1e-9 if linear else 3e-9)
        )
        found["rows"] += 1e-5 + layer.rows * (layer.a + layer.g) * (3e-10 if linear else 2e-9)
        for n in (layer.a, layer.g):
            found["factors"] += 2 * (1e-6 + 2 * layer.rows * n**2 * 1e-11)
            found["inversion"] += 3 * (2e-6 + n**3 * 1e-11) + 2 * 5e-6
            found["running_average"] += n**2 * 2e-10 + 1e-6
        found["precondition"] += 1.1 * (1e-6 + 2 * layer.a * layer.g * (layer.a + layer.g) * 1e-11)
    found["update"] = model.parameters * 1e-10 + model.tensors * 5e-6
    return {**found, "step": 1.05 * sum(found.values())}


TIMED = [TimedNetwork(each, seconds(each)) for kind in ("linear", "convolution") for each in
         (network(kind, seed) for seed in range(8))]  # fmt: skip


@pytest.fixture(scope="module")
def fitted() -> NetworkFit:
    return fit_networks(TIMED, ALONE)


def per_unit(law: FittedLaw) -> float:
    return law.work.values[0]


def test_constants_are_recovered(fitted: NetworkFit) -> None:
    laws = fitted.laws
    assert laws["linear_pass"].launch == pytest.approx(2e-5, rel=1e-3)
    assert per_unit(laws["linear_pass"]) == pytest.approx(1.5e-11, rel=1e-3)
    assert per_unit(laws["convolution_pass"]) == pytest.approx(4e-11, rel=1e-3)
    assert per_unit(laws["other_pass"]) == pytest.approx(3e-11, rel=1e-3)
    assert per_unit(laws["linear_outputs"]) == pytest.approx(1e-9, rel=1e-3)
    # rows are counted as read and written: two elements each
    assert per_unit(laws["patches"]) == pytest.approx(1e-9, rel=1e-3)
    assert laws["rows"].launch == pytest.approx(1e-5, rel=1e-3)
    # an average reads two elements and writes one
    assert per_unit(laws["running_average"]) == pytest.approx(2e-10 / 3, rel=1e-3)
    assert laws["update"].launch == pytest.approx(5e-6, rel=1e-3)
    assert fitted.step == pytest.approx((np.log(1.05), 0.0), abs=1e-9)


def test_what_a_step_changes_is_recovered(fitted: NetworkFit) -> None:
    steps = {name: law.in_step for name, law in fitted.laws.items() if law.in_step is not None}
    assert {name: each.factor for name, each in steps.items()} == pytest.approx(
        {"gemm_symmetric": 2, "cholesky": 3, "cholesky_inverse": 3, "precondition": 1.1}, rel=1e-6
    )
    assert steps["cholesky"].launch == pytest.approx(5e-6, rel=1e-6)


def test_a_network_that_was_not_fitted_is_projected(fitted: NetworkFit) -> None:
    model = network("linear", 99)
    card = DigitalCard("", "", "", fitted.laws)
    projected = {phase: float(np.median(draws)) for phase, draws in project_step(card, model, draws=4001).items()}
    expected = seconds(model)
    for phase in PHASES:
        # A spread of 1 %, the least a law may claim: the median of 4001 draws is known to 0.02 %; 5 standard errors.
        assert projected[phase] == pytest.approx(expected[phase], rel=2e-3)
    assert projected["step"] == pytest.approx(sum(expected[phase] for phase in PHASES), rel=2e-3)


def test_phases_are_those_a_projection_prints() -> None:
    assert tuple(phase.name for phase in timed_method().phases) == PHASES


def test_a_timed_network_keeps_its_counts_as_a_workload() -> None:
    model = network("convolution", 3)
    workload = workload_of(model)
    assert workload.parameters == model.parameters
    assert workload.tensors == model.tensors
    assert workload.other_forward_flops == model.attention_flops
    assert {layer.patches for layer in workload.layers} == {True}


def test_few_networks_give_fewer_constants() -> None:
    few = fit_networks(TIMED[:LEAST_NETWORKS], ALONE)
    assert "linear_outputs" not in few.laws
    assert few.laws["linear_pass"].work.values[0] > 0


def test_laws_of_one_phase_err_together(fitted: NetworkFit) -> None:
    streams = {name: law.quantities()["scatter"].stream for name, law in fitted.laws.items()}
    assert streams["linear_pass"] == streams["convolution_pass"] == "digital.together.forward_backward"
    assert streams["cholesky"] == streams["cholesky_inverse"] != streams["gemm_symmetric"]
