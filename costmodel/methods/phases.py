"""Phases that several methods share."""

from __future__ import annotations

from costmodel.devices import Primitive
from costmodel.formulas import Formula, kfac, network
from costmodel.methods.work import Cadence, DigitalWork, Phase, Scope


def forward_backward() -> Phase:
    """Forward and backward pass of everything, factored or not."""
    layer = DigitalWork(Primitive.NETWORK, Scope.LAYER, calls=1, flops=network.forward_backward_flops())
    other = DigitalWork(Primitive.NETWORK, Scope.MODEL, calls=0, flops=network.other_flops())
    return Phase("forward_backward", Cadence.STEP, (layer, other))


def update(traffic: Formula) -> Phase:
    """The parameter update, bound by its memory traffic."""
    return Phase("update", Cadence.STEP, (DigitalWork(Primitive.STREAM, Scope.MODEL, calls=1, bytes=traffic),))


def factors(weight_sharing: str) -> tuple[Phase, Phase]:
    """Factor construction and its running average."""
    works: tuple[DigitalWork, ...]
    if weight_sharing == "reduce":
        works = (
            DigitalWork(Primitive.STREAM, Scope.LAYER, calls=2, bytes=kfac.factors_reduce_bytes()),
            DigitalWork(Primitive.GEMM, Scope.LAYER, calls=2, flops=kfac.factors_reduce_flops()),
        )
    else:
        works = (DigitalWork(Primitive.GEMM, Scope.LAYER, calls=2, flops=kfac.factors_expand_flops()),)
    average = DigitalWork(Primitive.STREAM, Scope.LAYER, calls=2, bytes=kfac.running_average_bytes())
    return (
        Phase("factors", Cadence.FACTOR_UPDATE, works),
        Phase("running_average", Cadence.FACTOR_UPDATE, (average,)),
    )


def precondition() -> Phase:
    """Preconditioning with explicit inverses."""
    work = DigitalWork(Primitive.GEMM, Scope.LAYER, calls=2, flops=kfac.precondition_flops())
    return Phase("precondition", Cadence.STEP, (work,))
