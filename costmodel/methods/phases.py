"""Phases that several methods share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from costmodel.formulas import Formula, kfac, network
from costmodel.methods.work import PASS_DIMENSIONS, Cadence, DigitalWork, Layers, Phase, Scope
from costmodel.quantities.symbols import B, Expression, M, n


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
    return Phase("forward_backward", Cadence.STEP, tuple(works), fed_by_host=True)


def update(traffic: Formula) -> Phase:
    """The parameter update, bound by its memory traffic."""
    work = DigitalWork("update", Scope.MODEL, calls=network.tensors(), bytes=traffic)
    return Phase("update", Cadence.STEP, (work,))


def factors(construction: str) -> tuple[Phase, ...]:
    """Rows laid out, both factors as products over them, and their running average.

    Args:
        construction: ``"expand"`` or ``"reduce"``, each also with ``".symmetric"`` after it. Sums over positions, which
            ``reduce`` takes first, need no rows.
    """
    products, rows = _PRODUCTS[construction]
    product = DigitalWork("gemm_symmetric", Scope.FACTOR, calls=1, flops=products(), dimensions=(n, n, rows))
    average = DigitalWork("running_average", Scope.LAYER, calls=2, bytes=kfac.factors.running_average_bytes())
    if rows is M:
        before: tuple[Phase, ...] = (Phase("rows", Cadence.FACTOR_UPDATE, _rows()),)
        works: tuple[DigitalWork, ...] = (product,)
    else:
        before = ()
        works = (DigitalWork("stream", Scope.LAYER, calls=2, bytes=kfac.factors.reduce_bytes()), product)
    return (
        *before,
        Phase("factors", Cadence.FACTOR_UPDATE, works),
        Phase("running_average", Cadence.FACTOR_UPDATE, (average,)),
    )


#: FLOPs of one factor, and the rows its product runs over, by construction.
_PRODUCTS: Final[Mapping[str, tuple[Callable[[], Formula], Expression]]] = {
    "expand": (kfac.factors.factor_expand_flops, M),
    "expand.symmetric": (kfac.factors.factor_expand_symmetric_flops, M),
    "reduce": (kfac.factors.factor_reduce_flops, B),
    "reduce.symmetric": (kfac.factors.factor_reduce_symmetric_flops, B),
}


def _rows() -> tuple[DigitalWork, ...]:
    """Rows of both kinds of layers."""
    return tuple(
        DigitalWork(name, Scope.LAYER, calls=1, bytes=kfac.factors.rows_bytes(), layers=layers)
        for name, layers in (("rows", Layers.LINEAR), ("patches", Layers.CONVOLUTION))
    )


def precondition() -> Phase:
    """Preconditioning with explicit inverses."""
    work = DigitalWork("precondition", Scope.LAYER, calls=1, flops=kfac.cholesky.precondition_flops())
    return Phase("precondition", Cadence.STEP, (work,))


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
    return Phase("precondition", Cadence.STEP, (work,))
