"""Published phase times of K-FAC on an RTX A6000, each with the counts a law is fitted on.

The benchmark is that of curvlinops; validation/data/published/methodology.md says what each phase contains.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from costmodel import formulas
from costmodel.inputs.loading import load_workload
from costmodel.workloads.workload import Layer, Workload

FOLDER: Final = Path(__file__).parents[1] / "data" / "published"
MODELS: Final = ("mnist_mlp", "cifar10_resnet18", "shakespeare_nanogpt")
MODES: Final = ("compiled", "eager")
#: Timed with little but Python in it: 3.5 GFLOP of products, 0.2 ms of work, in 2.5 ms and more.
HOST_BOUND_FACTORS: Final = "mnist_mlp"
#: In eager mode a kernel for each image cuts out the patches of a convolution: 10 000 launches that are no products.
EAGER_PATCHES: Final = "cifar10_resnet18"


@dataclass(frozen=True, slots=True)
class Observation:
    """One timed phase.

    Attributes:
        model: Network it was timed on.
        operator: The benchmark's name for what ran.
        phase: What part of K-FAC it is.
        seconds: Shortest of ten runs, what the phase contains besides already taken off.
        calls: Matrices inverted, products run, or factored matrices passed through.
        elements: Sum of n^2 over inverted matrices; 0 for products and passes.
        flops: Work by the formulas of the core.
    """

    model: str
    operator: str
    phase: str
    seconds: float
    calls: float
    elements: float
    flops: float

    @property
    def counts(self) -> tuple[float, float, float]:
        """What launch, element time and the inverse of the rate are multiplied by."""
        return self.calls, self.elements, self.flops


@cache
def workload(model: str) -> Workload:
    """The layers of a benchmarked network."""
    return load_workload(FOLDER / f"{model}.yaml")


@cache
def _times() -> dict[tuple[str, str, str, str], float]:
    with (FOLDER / "kfac_phases_rtx_a6000.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {(row["model"], row["operator"], row["mode"], row["phase"]): float(row["min_of_10_s"]) for row in rows}


def factor_sizes(model: str) -> list[int]:
    """Dimensions of all Kronecker factors of a network."""
    layers = workload(model).layers
    return [size for layer in layers for size in (layer.input_factor_dimension, layer.output_dimension)]


def inversions(mode: str) -> list[Observation]:
    """Damping, Cholesky factor and explicit inverse of every factor; both backends run the same code for it."""
    return _decompositions(
        "kfac.cholesky.refresh.flops", mode, "cholesky_inverse", ["KFAC-inverse-(hooks)", "KFAC-inverse-(fx)"]
    )


def eigendecompositions(mode: str) -> list[Observation]:
    """Eigendecomposition with vectors of every factor, one after the other."""
    operators = ["EKFAC-(hooks)", "EKFAC-(fx)", "EKFAC-inverse-(hooks)", "EKFAC-inverse-(fx)"]
    return _decompositions("kfac.eigh.refresh.flops", mode, "eigh", operators)


def _decompositions(formula: str, mode: str, phase: str, operators: Iterable[str]) -> list[Observation]:
    work = formulas.get(formula)
    found = []
    for model in MODELS:
        sizes = factor_sizes(model)
        elements, flops = sum(size**2 for size in sizes), sum(work.evaluate(n=size) for size in sizes)
        for operator in operators:
            seconds = _times()[model, operator, mode, phase]
            found.append(Observation(model, operator, phase, seconds, len(sizes), elements, flops))
    return found


def passes(mode: str) -> list[Observation]:
    """Loss and gradient of all parameters: one call for each factored matrix, forward and backward together."""
    operator = "gradient_and_loss"
    return [
        Observation(
            model,
            operator,
            "network",
            _times()[model, operator, mode, "time"],
            len(workload(model).layers),
            0,
            _pass_flops(model),
        )
        for model in MODELS
    ]


def products(mode: str) -> list[Observation]:
    """Preconditioning and factor construction, two products for each layer, where they are what was timed.

    The factor phase runs a forward and a backward pass as well; that pass is taken off as its share of the FLOPs of
    ``gradient_and_loss``. Left out are the two phases that are no products: the host-bound factors of the MLP, and in
    eager mode those of the convolutional network.
    """
    found = [_precondition(model, operator, mode) for model in MODELS for operator in _INVERSE_OPERATORS]
    left_out = {HOST_BOUND_FACTORS, EAGER_PATCHES} if mode == "eager" else {HOST_BOUND_FACTORS}
    kept = [model for model in MODELS if model not in left_out]
    return found + [factors(model, operator, mode) for model in kept for operator in _FX_OPERATORS]


_INVERSE_OPERATORS: Final = ("KFAC-inverse-(hooks)", "KFAC-inverse-(fx)")
_FX_OPERATORS: Final = ("KFAC-(fx)", "KFAC-inverse-(fx)")


def factors(model: str, operator: str, mode: str) -> Observation:
    """The factor phase of a traced operator less the pass in it, which computes no gradients of weights."""
    contained = _pass_flops(model) - _weight_gradient_flops(model)
    besides = _times()[model, "gradient_and_loss", mode, "time"] * contained / _pass_flops(model)
    seconds = _times()[model, operator, mode, "kfac_factors"] - besides
    return Observation(model, operator, "factors", seconds, *_two_products(model, "kfac.factors.expand.flops"))


def hook_factors(model: str) -> Observation:
    """The factor phase of hooks around a framework's own pass, less that pass; compiled, weight gradients and all.

    No law is fitted to it: what it takes beyond products is the hooks' own host code and copies.
    """
    seconds = _times()[model, "KFAC-(hooks)", MODES[0], "kfac_factors"]
    besides = _times()[model, "gradient_and_loss", MODES[0], "time"]
    counts = _two_products(model, "kfac.factors.expand.flops")
    return Observation(model, "KFAC-(hooks)", "factors", seconds - besides, *counts)


def _precondition(model: str, operator: str, mode: str) -> Observation:
    seconds = _times()[model, operator, mode, "matvec"]
    return Observation(model, operator, "precondition", seconds, *_two_products(model, "kfac.precondition.flops"))


def _two_products(model: str, formula: str) -> tuple[float, float, float]:
    layers, batch = workload(model).layers, workload(model).batch_size
    return 2.0 * len(layers), 0.0, sum(_flops(layer, batch, formula) for layer in layers)


def _flops(layer: Layer, batch: int, formula: str) -> float:
    work = formulas.get(formula)
    known = {
        "M": layer.rows(batch),
        "a": layer.input_factor_dimension,
        "g": layer.output_dimension,
        "d": layer.input_dimension,
        "j": layer.input_gradient,
    }
    return float(work.evaluate(**{letter: known[letter] for letter in work.letters}))


def _pass_flops(model: str) -> float:
    network = workload(model)
    factored = sum(_flops(layer, network.batch_size, "network.forward_backward.flops") for layer in network.layers)
    return factored + 3 * network.other_forward_flops


def _weight_gradient_flops(model: str) -> float:
    """A product for every weight: of the factored layers and of an output layer without factors, not attention."""
    network = workload(model)
    factored = sum(
        2 * layer.rows(network.batch_size) * layer.input_dimension * layer.output_dimension for layer in network.layers
    )
    projections = [other for other in network.others if other.kind == "tied_projection"]
    return factored + network.batch_size * sum(other.forward_flops_per_example for other in projections)
