"""Whole steps: phases by hand, costs of passes recovered, a card scored on networks."""

from itertools import pairwise

import numpy as np
import pytest

from costmodel.machines.curves import Curve
from costmodel.machines.laws import FittedLaw
from validation.fit.networks import Passes, deviation, fit_passes, phases
from validation.measure.records import LayerSizes, ModelSizes

#: Every operation: 1 us a call and 10 ps a FLOP, whatever the size.
FLAT = FittedLaw(1e-6, 0.0, 0.0, Curve((1.0,), (1e-11,), 1e-11), spread=0.02)
LAWS = dict.fromkeys(("gemm_tall", "gemm_symmetric", "cholesky", "cholesky_inverse", "precondition"), FLAT)
COSTS = {"linear": 1.5, "convolution": 4e-11, "attention": 3e-11, "activation": 1e-9, "parameter": 5e-10, "layer": 2e-5}


def network(kind: str, seed: int) -> ModelSizes:
    random = np.random.default_rng(seed)
    sizes = [int(each) for each in random.integers(20, 400, 5)]
    layers = tuple(LayerSizes(kind, int(random.integers(50, 3000)), d, d + 1, g, 7) for d, g in pairwise(sizes))
    other = float(random.integers(0, 10**7))
    return ModelSizes(f"{kind}{seed}", layers, other, float(random.integers(10**4, 10**6)), 10**5 + seed * 999, 8)


def seconds(model: ModelSizes) -> dict[str, float]:
    """The truth: first layers pass no gradient on, so they have two products and not three."""
    total = COSTS["attention"] * 3 * model.attention_flops + COSTS["activation"] * model.activations
    total += COSTS["parameter"] * model.parameters + COSTS["layer"] * len(model.layers)
    for index, layer in enumerate(model.layers):
        products = 3 if index else 2
        flops = 2.0 * products * layer.rows * layer.d * layer.g
        linear = COSTS["linear"] * (products * 1e-6 + flops * 1e-11)
        total += linear if layer.kind == "linear" else COSTS["convolution"] * flops
    rows = sum(layer.rows * layer.a for layer in model.layers)
    elements = sum(layer.a**2 + layer.g**2 for layer in model.layers)
    return {
        "forward_backward": total,
        "rows": rows * 3e-10,
        "running_average": elements * 2e-10 + 2 * len(model.layers) * 1e-6,
        "update": model.parameters * 1e-10 + model.tensors * 5e-6,
    }


@pytest.fixture
def fitted() -> object:
    timed = [network(kind, seed) for seed in range(8) for kind in ("linear", "convolution")]
    return fit_passes([Passes(model, seconds(model)) for model in timed], LAWS)


def test_costs_of_passes_are_recovered(fitted: object) -> None:
    for name, cost in COSTS.items():
        found = getattr(fitted, name if name == "linear" else f"{name}_s")
        assert found == pytest.approx(cost, rel=1e-3)
    assert fitted.row_s == pytest.approx(3e-10)  # type: ignore[attr-defined]
    assert fitted.tensor_s == pytest.approx(5e-6)  # type: ignore[attr-defined]


def test_a_network_that_was_not_fitted(fitted: object) -> None:
    model = network("linear", 99)
    found = phases(model, LAWS, fitted)  # type: ignore[arg-type]
    for phase, expected in seconds(model).items():
        assert found[phase] == pytest.approx(expected, rel=1e-3)
    sizes = [size for layer in model.layers for size in (layer.a, layer.g)]
    # n^3 / 3 and 2 n^3 / 3 FLOPs, a call each
    assert found["inversion"] == pytest.approx(sum(n**3 * 1e-11 + 2e-6 for n in sizes))
    assert found["step"] == pytest.approx(sum(value for phase, value in found.items() if phase != "step"))
    assert 0 < deviation(model, LAWS, fitted) < 0.1  # type: ignore[arg-type]
