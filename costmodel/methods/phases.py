"""Phases that several methods share."""

from __future__ import annotations

from typing import Final

from costmodel.formulas import Formula, kfac, network
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.machines.cards import Primitive
from costmodel.methods.work import Cadence, DigitalWork, Part, Phase, Scope

FORWARD_BACKWARD: Final = Part("forward_backward", "the forward and backward pass")
FACTORS: Final = Part("factors", "building the factors")
RUNNING_AVERAGE: Final = Part("running_average", "averaging the factors")
INVERSION: Final = Part("inversion", "inversion", solver=True)
PRECONDITION: Final = Part("precondition", "preconditioning", solver=True)
UPDATE: Final = Part("update", "the parameter update")


def forward_backward() -> Phase:
    """Forward and backward pass of everything, factored or not."""
    layer = DigitalWork(Primitive.NETWORK, Scope.LAYER, calls=1, flops=network.forward_backward_flops())
    other = DigitalWork(Primitive.NETWORK, Scope.MODEL, calls=0, flops=network.other_flops())
    return Phase(FORWARD_BACKWARD, Cadence.STEP, (layer, other))


def update(traffic: Formula) -> Phase:
    """The parameter update, bound by its memory traffic."""
    return Phase(UPDATE, Cadence.STEP, (DigitalWork(Primitive.STREAM, Scope.MODEL, calls=1, bytes=traffic),))


def factors(construction: FactorConstruction) -> tuple[Phase, Phase]:
    """Factor construction and its running average."""
    products = {
        FactorConstruction.EXPAND: kfac.factors.expand_flops,
        FactorConstruction.EXPAND_SYMMETRIC: kfac.factors.expand_symmetric_flops,
        FactorConstruction.REDUCE: kfac.factors.reduce_flops,
        FactorConstruction.REDUCE_SYMMETRIC: kfac.factors.reduce_symmetric_flops,
    }[construction]
    works = [DigitalWork(Primitive.GEMM, Scope.LAYER, calls=2, flops=products())]
    if construction.sums_first:
        works.insert(0, DigitalWork(Primitive.STREAM, Scope.LAYER, calls=2, bytes=kfac.factors.reduce_bytes()))
    average = DigitalWork(Primitive.STREAM, Scope.LAYER, calls=2, bytes=kfac.factors.running_average_bytes())
    return (
        Phase(FACTORS, Cadence.FACTOR_UPDATE, tuple(works)),
        Phase(RUNNING_AVERAGE, Cadence.FACTOR_UPDATE, (average,)),
    )


def precondition() -> Phase:
    """Preconditioning with explicit inverses."""
    work = DigitalWork(Primitive.GEMM, Scope.LAYER, calls=2, flops=kfac.cholesky.precondition_flops())
    return Phase(PRECONDITION, Cadence.STEP, (work,))


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
    return Phase(PRECONDITION, Cadence.STEP, (work,))
