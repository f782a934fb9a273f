"""Whole K-FAC steps from laws of single operations: every phase predicted from a network's sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from costmodel.devices import PassTimes
from costmodel.estimate import DEVIATE_95
from costmodel.laws import LEAST_SPREAD, FittedLaw
from costmodel.operations import OPERATIONS, Size
from validation.fit.solve import Array, solve
from validation.measure.records import LayerSizes, ModelSizes

Laws = Mapping[str, FittedLaw]

#: Operations a step is made of; without any of them no step can be predicted.
NEEDED: Final = (
    "gemm_tall", "gemm_symmetric", "cholesky", "cholesky_inverse", "precondition", "elementwise", "ema",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Passes:
    """What was timed of a network and is fitted: its passes, and making its rows.

    Attributes:
        model: The network.
        forward_backward: Seconds.
        rows: Seconds.
    """

    model: ModelSizes
    forward_backward: float
    rows: float


def phases(model: ModelSizes, laws: Laws, passes: PassTimes) -> dict[str, float]:
    """Seconds of every phase of a step, and of the whole ``step``."""
    found = {
        "forward_backward": float(_pass_counts(model, laws) @ _pass_costs(passes)),
        "rows": float(_row_counts(model) @ np.array([passes.row_s, passes.patch_s])),
        "factors": _sum(model, laws, "gemm_symmetric", lambda layer: [(layer.a, layer.rows), (layer.g, layer.rows)]),
        "running_average": _sum(model, laws, "ema", _squares),
        "inversion": sum(
            _sum(model, laws, op, _squares) for op in ("cholesky", "cholesky_inverse", "elementwise")
        ),
        "precondition": _sum(model, laws, "precondition", lambda layer: [(layer.a, layer.g)]),
        "update": _sum(model, laws, "elementwise", lambda layer: [(_side(layer.a * layer.g),) * 2]),
    }
    return {**found, "step": sum(found.values())}


def fit_passes(timed: Sequence[Passes], laws: Laws) -> PassTimes:
    """Costs of passes and rows from timed networks; the spread from leaving each network out.

    Args:
        timed: At least as many networks as a pass has costs, of several kinds.
        laws: Of the operations in :data:`NEEDED`.
    """
    counts = np.array([_pass_counts(each.model, laws) for each in timed])
    seconds = np.array([each.forward_backward for each in timed])
    row_counts = np.array([_row_counts(each.model) for each in timed])
    row_seconds = np.array([each.rows for each in timed])
    costs = solve(counts, seconds).coefficients
    row_costs = solve(row_counts, row_seconds).coefficients
    errors = []
    for left_out in range(len(timed)):
        kept = np.arange(len(timed)) != left_out
        predicted = counts[left_out] @ solve(counts[kept], seconds[kept]).coefficients
        errors.append(abs(math.log(max(predicted, 1e-12) / seconds[left_out])))
    spread = max(LEAST_SPREAD, float(np.quantile(errors, 0.9)) / DEVIATE_95)
    return PassTimes(*map(float, costs), *map(float, row_costs), spread)


def deviation(model: ModelSizes, laws: Laws, passes: PassTimes) -> float:
    """Standard deviation of the logarithm of a whole step: the phases' own, weighted by their time.

    Laws of one machine err together, so that deviations add up and not their squares.
    """
    found = phases(model, laws, passes)
    spreads = {
        "forward_backward": passes.spread,
        "rows": passes.spread,
        "factors": laws["gemm_symmetric"].spread,
        "running_average": laws["ema"].spread,
        "inversion": max(laws["cholesky"].spread, laws["cholesky_inverse"].spread),
        "precondition": laws["precondition"].spread,
        "update": laws["elementwise"].spread,
    }
    return sum(found[phase] * spread for phase, spread in spreads.items()) / found["step"]


def _pass_costs(passes: PassTimes) -> Array:
    return np.array(
        [
            passes.linear,
            passes.convolution_s,
            passes.attention_s,
            passes.activation_s,
            passes.parameter_s,
            passes.layer_s,
        ]
    )


def _pass_counts(model: ModelSizes, laws: Laws) -> Array:
    """Seconds of the products of linear layers, FLOPs of convolutions and attention, elements, parameters, layers."""
    linear = convolution = 0.0
    for index, layer in enumerate(model.layers):
        products = 3 if index else 2  # the first layer passes no gradient on
        flops = 2.0 * products * layer.rows * layer.d * layer.g
        if layer.kind == "convolution":
            convolution += flops
        else:
            law = laws["gemm_tall"]
            size = 3.0 / (1 / layer.rows + 1 / layer.d + 1 / layer.g)
            linear += products * law.launch + flops * float(law.per_unit(size, layer.g))
    return np.array(
        [
            linear,
            convolution,
            3.0 * model.attention_flops,
            model.activations,
            float(model.parameters),
            float(len(model.layers)),
        ]
    )


def _row_counts(model: ModelSizes) -> Array:
    """Elements of input rows of linear layers and of convolutions."""
    found = {"linear": 1e-9, "convolution": 1e-9}
    for layer in model.layers:
        found[layer.kind] += float(layer.rows * layer.a)
    return np.array([found["linear"], found["convolution"]])


def _sum(model: ModelSizes, laws: Laws, operation: str, sizes: object) -> float:
    law, counted = laws[operation], OPERATIONS[operation]
    pairs = [pair for layer in model.layers for pair in sizes(layer)]  # type: ignore[operator]
    return sum(law.seconds(counted, Size(n, m)) for n, m in pairs)


def _squares(layer: LayerSizes) -> list[tuple[int, int]]:
    return [(layer.a, layer.a), (layer.g, layer.g)]


def _side(elements: int) -> int:
    """Order of a square with as many elements."""
    return max(1, round(math.sqrt(elements)))
