"""Phases that several methods share."""

from __future__ import annotations

from costmodel.formulas import Formula, kfac, network
from costmodel.machines.cards import Primitive
from costmodel.methods.work import Cadence, DigitalWork, Phase, Scope


def forward_backward() -> Phase:
    """Forward and backward pass of everything, factored or not."""
    layer = DigitalWork(Primitive.NETWORK, Scope.LAYER, calls=1, flops=network.forward_backward_flops())
    other = DigitalWork(Primitive.NETWORK, Scope.MODEL, calls=0, flops=network.other_flops())
    return Phase("forward_backward", Cadence.STEP, (layer, other))


def update(traffic: Formula) -> Phase:
    """The parameter update, bound by its memory traffic."""
    return Phase("update", Cadence.STEP, (DigitalWork(Primitive.STREAM, Scope.MODEL, calls=1, bytes=traffic),))


def factors(construction: str) -> tuple[Phase, Phase]:
    """Factor construction and its running average.

    Args:
        construction: ``"expand"`` or ``"reduce"``, each also with ``".symmetric"`` after it.
    """
    products = {
        "expand": kfac.factors.expand_flops,
        "expand.symmetric": kfac.factors.expand_symmetric_flops,
        "reduce": kfac.factors.reduce_flops,
        "reduce.symmetric": kfac.factors.reduce_symmetric_flops,
    }[construction]
    works = [DigitalWork(Primitive.GEMM, Scope.LAYER, calls=2, flops=products())]
    if construction.startswith("reduce"):
        works.insert(0, DigitalWork(Primitive.STREAM, Scope.LAYER, calls=2, bytes=kfac.factors.reduce_bytes()))
    average = DigitalWork(Primitive.STREAM, Scope.LAYER, calls=2, bytes=kfac.factors.running_average_bytes())
    return (
        Phase("factors", Cadence.FACTOR_UPDATE, tuple(works)),
        Phase("running_average", Cadence.FACTOR_UPDATE, (average,)),
    )


def precondition() -> Phase:
    """Preconditioning with explicit inverses."""
    work = DigitalWork(Primitive.GEMM, Scope.LAYER, calls=2, flops=kfac.cholesky.precondition_flops())
    return Phase("precondition", Cadence.STEP, (work,))


def eigendecomposition() -> DigitalWork:
    """Eigenvectors of one factor."""
    return DigitalWork(
        Primitive.EIGH,
        Scope.FACTOR,
        calls=1,
        flops=kfac.eigh.refresh_flops(),
        elements=kfac.factors.factor_elements(),
    )


def precondition_in_eigenbasis() -> Phase:
    """Preconditioning in the eigenbasis of both factors."""
    work = DigitalWork(Primitive.GEMM, Scope.LAYER, calls=4, flops=kfac.eigh.precondition_flops())
    return Phase("precondition", Cadence.STEP, (work,))
