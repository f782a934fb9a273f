"""Phases that several methods share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from costmodel.formulas import Formula, kfac, network
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.methods.work import PASS_DIMENSIONS, Cadence, DigitalWork, Layers, Part, Phase, Scope
from costmodel.quantities.symbols import B, Expression, M, n

FORWARD_BACKWARD: Final = Part("forward_backward", "the forward and backward pass")
ROWS: Final = Part("rows", "laying out inputs and gradients as rows")
FACTORS: Final = Part("factors", "building the factors")
SAMPLED_BACKWARD: Final = Part("sampled_backward", "the backward pass of sampled targets")
RUNNING_AVERAGE: Final = Part("running_average", "averaging the factors")
INVERSION: Final = Part("inversion", "inversion", solver=True)
PRECONDITION: Final = Part("precondition", "preconditioning", solver=True)
UPDATE: Final = Part("update", "the parameter update")


def forward_backward() -> Phase:
    """Forward and backward pass of everything, factored or not."""
    passes = network.forward_backward_flops()
    works = [
        DigitalWork(name, Scope.LAYER, calls=1, flops=passes, dimensions=PASS_DIMENSIONS, layers=layers)
        for name, layers in (("linear_pass", Layers.LINEAR), ("convolution_pass", Layers.CONVOLUTION))
    ]
    works.append(DigitalWork("other_pass", Scope.MODEL, calls=0, flops=network.other_flops()))
    works += [
        DigitalWork(name, Scope.LAYER, calls=0, bytes=network.outputs_bytes(), layers=layers)
        for name, layers in (("linear_outputs", Layers.LINEAR), ("convolution_outputs", Layers.CONVOLUTION))
    ]
    return Phase(FORWARD_BACKWARD, Cadence.STEP, tuple(works), fed_by_host=True)


def update(traffic: Formula, *, fused: bool = False) -> Phase:
    """The parameter update, bound by its memory traffic.

    Args:
        traffic: Bytes.
        fused: It is a framework's own optimizer, which takes many tensors in a call.
    """
    work = DigitalWork("fused_update" if fused else "update", Scope.MODEL, calls=network.tensors(), bytes=traffic)
    return Phase(UPDATE, Cadence.STEP, (work,))


def factors(construction: FactorConstruction) -> tuple[Phase, ...]:
    """Sampled gradients, rows, both factors as products over them, and their running average.

    Sums over positions need no rows. Where a model takes the empirical Fisher, the backward pass of sampled targets is
    left out by :meth:`costmodel.methods.Method.without`.
    """
    products, rows = _PRODUCTS[construction]
    product = DigitalWork("gemm_symmetric", Scope.FACTOR, calls=1, flops=products(), dimensions=(n, n, rows))
    average = DigitalWork("running_average", Scope.LAYER, calls=2, bytes=kfac.factors.running_average_bytes())
    before: tuple[Phase, ...] = (Phase(ROWS, Cadence.FACTOR_UPDATE, _rows()),)
    works: tuple[DigitalWork, ...] = (product,)
    if construction.sums_first:
        before = ()
        works = (DigitalWork("stream", Scope.LAYER, calls=2, bytes=kfac.factors.reduce_bytes()), product)
    return (
        Phase(SAMPLED_BACKWARD, Cadence.FACTOR_UPDATE, _sampled_backward()),
        *before,
        Phase(FACTORS, Cadence.FACTOR_UPDATE, works),
        Phase(RUNNING_AVERAGE, Cadence.FACTOR_UPDATE, (average,)),
    )


#: FLOPs of one factor, and the rows its product runs over, by construction.
_PRODUCTS: Final[Mapping[FactorConstruction, tuple[Callable[[], Formula], Expression]]] = {
    FactorConstruction.EXPAND: (kfac.factors.factor_expand_flops, M),
    FactorConstruction.EXPAND_SYMMETRIC: (kfac.factors.factor_expand_symmetric_flops, M),
    FactorConstruction.REDUCE: (kfac.factors.factor_reduce_flops, B),
    FactorConstruction.REDUCE_SYMMETRIC: (kfac.factors.factor_reduce_symmetric_flops, B),
}


#: Of the three products of a layer's passes, one gives the gradient at its input.
_SHARE_OF_PASSES: Final = 1 / 3


def _sampled_backward() -> tuple[DigitalWork, ...]:
    """Gradients at outputs for targets drawn from the network, by the products of a backward pass without weights."""
    layers = tuple(
        DigitalWork(
            name,
            Scope.LAYER,
            calls=_SHARE_OF_PASSES,
            flops=kfac.fisher.backward_flops(),
            dimensions=PASS_DIMENSIONS,
            layers=layers,
        )
        for name, layers in (("linear_pass", Layers.LINEAR), ("convolution_pass", Layers.CONVOLUTION))
    )
    return (*layers, DigitalWork("other_pass", Scope.MODEL, calls=0, flops=kfac.fisher.other_flops()))


def _rows() -> tuple[DigitalWork, ...]:
    """Rows of both kinds of layers."""
    return tuple(
        DigitalWork(name, Scope.LAYER, calls=1, bytes=kfac.factors.rows_bytes(), layers=layers)
        for name, layers in (("rows", Layers.LINEAR), ("patches", Layers.CONVOLUTION))
    )


def precondition() -> Phase:
    """Preconditioning with explicit inverses."""
    work = DigitalWork("precondition", Scope.LAYER, calls=1, flops=kfac.cholesky.precondition_flops())
    return Phase(PRECONDITION, Cadence.STEP, (work,))


def eigendecomposition() -> DigitalWork:
    """Eigenvectors of one factor."""
    return DigitalWork(
        "eigh",
        Scope.FACTOR,
        calls=1,
        flops=kfac.eigh.refresh_flops(),
        elements=kfac.factors.factor_elements(),
    )


def precondition_in_eigenbasis() -> Phase:
    """Preconditioning in the eigenbasis of both factors."""
    work = DigitalWork("precondition", Scope.LAYER, calls=2, flops=kfac.eigh.precondition_flops())
    return Phase(PRECONDITION, Cadence.STEP, (work,))
