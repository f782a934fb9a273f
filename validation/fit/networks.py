"""Whole K-FAC steps from laws of single operations: every phase predicted from a network's sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from costmodel.machines.cards import PassTimes
from costmodel.machines.laws import LEAST_SPREAD, FittedLaw
from costmodel.machines.operations import OPERATIONS, Size
from costmodel.quantities.estimate import DEVIATE_95
from validation.fit.solve import Array, solve
from validation.measure.records import ModelSizes

Laws = Mapping[str, FittedLaw]

#: Operations a step is made of; without any of them no step can be predicted.
NEEDED: Final = ("gemm_tall", "gemm_symmetric", "cholesky", "cholesky_inverse", "precondition")
#: Phases that touch memory alone. They are fitted to whole steps: a loop over one matrix finds it in the cache, a step
#: does not.
MEMORY: Final = ("rows", "running_average", "update")


@dataclass(frozen=True, slots=True)
class Passes:
    """What was timed of a network and is fitted: its passes, and the phases that touch memory alone.

    Attributes:
        model: The network.
        seconds: Of ``forward_backward`` and of each of :data:`MEMORY`.
    """

    model: ModelSizes
    seconds: Mapping[str, float]


def phases(model: ModelSizes, laws: Laws, passes: PassTimes) -> dict[str, float]:
    """Seconds of every phase of a step, and of the whole ``step``."""
    costs = _costs(passes)
    found = {phase: float(_counts(phase, model, laws) @ costs[phase]) for phase in ("forward_backward", *MEMORY)}
    found |= {
        "factors": _sum(laws, "gemm_symmetric", [(s, each.rows) for each in model.layers for s in (each.a, each.g)]),
        "inversion": sum(
            _sum(laws, op, [(s, s) for each in model.layers for s in (each.a, each.g)])
            for op in ("cholesky", "cholesky_inverse")
        ),
        "precondition": _sum(laws, "precondition", [(each.a, each.g) for each in model.layers]),
    }
    return {**found, "step": sum(found.values())}


def fit_passes(timed: Sequence[Passes], laws: Laws) -> PassTimes:
    """Costs of passes and of memory phases from timed networks; the spread of passes from leaving each network out.

    Args:
        timed: More networks than a pass has costs, of several kinds.
        laws: Of the operations in :data:`NEEDED`.
    """
    costs: list[float] = []
    for phase in ("forward_backward", *MEMORY):
        counts = np.array([_counts(phase, each.model, laws) for each in timed])
        costs += map(float, solve(counts, np.array([each.seconds[phase] for each in timed])).coefficients)
    counts = np.array([_counts("forward_backward", each.model, laws) for each in timed])
    seconds = np.array([each.seconds["forward_backward"] for each in timed])
    errors = []
    for left_out in range(len(timed)):
        kept = np.arange(len(timed)) != left_out
        predicted = counts[left_out] @ solve(counts[kept], seconds[kept]).coefficients
        errors.append(abs(math.log(max(predicted, 1e-12) / seconds[left_out])))
    costs.append(max(LEAST_SPREAD, float(np.quantile(errors, 0.9)) / DEVIATE_95))
    return PassTimes(*costs)


def deviation(model: ModelSizes, laws: Laws, passes: PassTimes) -> float:
    """Standard deviation of the logarithm of a whole step: the phases' own, weighted by their time.

    Laws of one machine err together, so that deviations add up and not their squares.
    """
    found = phases(model, laws, passes)
    spreads = {
        "forward_backward": passes.spread,
        "factors": laws["gemm_symmetric"].spread,
        "inversion": max(laws["cholesky"].spread, laws["cholesky_inverse"].spread),
        "precondition": laws["precondition"].spread,
        **dict.fromkeys(MEMORY, passes.spread),
    }
    return sum(found[phase] * spread for phase, spread in spreads.items()) / found["step"]


def _costs(passes: PassTimes) -> dict[str, Array]:
    """The fitted costs by phase, in the order of :func:`_counts`."""
    return {
        "forward_backward": np.array(
            [
                passes.linear,
                passes.convolution_s,
                passes.attention_s,
                passes.activation_s,
                passes.parameter_s,
                passes.layer_s,
            ]
        ),
        "rows": np.array([passes.row_s, passes.patch_s]),
        "running_average": np.array([passes.average_s, passes.factor_s]),
        "update": np.array([passes.update_s, passes.tensor_s]),
    }


def _counts(phase: str, model: ModelSizes, laws: Laws) -> Array:
    """What the costs of a phase are multiplied by."""
    match phase:
        case "forward_backward":
            return _pass_counts(model, laws)
        case "rows":
            return _row_counts(model)
        case "running_average":
            return np.array([float(sum(each.a**2 + each.g**2 for each in model.layers)), 2.0 * len(model.layers)])
        case _:
            return np.array([float(model.parameters), float(model.tensors)])


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


def _sum(laws: Laws, operation: str, sizes: Sequence[tuple[int, int]]) -> float:
    """Seconds of an operation on sizes (n, m)."""
    return sum(laws[operation].seconds(OPERATIONS[operation], Size(n, m)) for n, m in sizes)
