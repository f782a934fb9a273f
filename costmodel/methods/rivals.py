"""Preconditioners of the same purpose as K-FAC."""

from __future__ import annotations

from typing import Final

from costmodel.formulas import Formula, first_order, rivals
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.methods import phases
from costmodel.methods.registry import register
from costmodel.methods.work import Cadence, DigitalWork, Method, Part, Phase, Role, Scope

_SCALINGS: Final = Part("scalings", "measuring eigenvalues")
_STATISTICS: Final = Part("statistics", "building the statistics")
_GRAFT: Final = Part("graft", "grafting")
_ORTHOGONALISE: Final = Part("orthogonalise", "orthogonalising the momentum")


def _products(calls: float | Formula, flops: Formula) -> DigitalWork:
    return DigitalWork("gemm", Scope.LAYER, calls=calls, flops=flops)


def _stream(calls: float | Formula, traffic: Formula) -> DigitalWork:
    return DigitalWork("stream", Scope.LAYER, calls=calls, bytes=traffic)


#: Steps between two refreshes as published: SOAP in arXiv 2409.11321, Distributed Shampoo in its AlgoPerf submission.
_SOAP_INTERVAL: Final = 10
_SHAMPOO_INTERVAL: Final = 100


def _refresh(interval: int, *works: DigitalWork) -> Phase:
    return Phase(phases.INVERSION, Cadence.REFRESH, works, interval=interval)


@register
def ekfac(construction: FactorConstruction) -> Method:
    """E-KFAC: eigenvalues measured in K-FAC's eigenbasis."""
    form = rivals.ekfac
    scalings = (_products(3, form.scalings_flops()), _stream(2, form.squares_bytes()))
    return Method(
        "ekfac",
        "E-KFAC",
        Role.RIVAL,
        (
            phases.forward_backward(),
            *phases.factors(construction),
            Phase(phases.INVERSION, Cadence.REFRESH, (phases.eigendecomposition(),)),
            Phase(_SCALINGS, Cadence.FACTOR_UPDATE, scalings),
            phases.precondition_in_eigenbasis(),
            phases.update(first_order.sgd_update_bytes()),
        ),
        memory=rivals.ekfac.memory_bytes(),
    )


@register
def shampoo(construction: FactorConstruction) -> Method:
    """Shampoo of order two, blocked, grafted onto Adam; statistics every step, roots every 100 as published."""
    form = rivals.shampoo
    count = form.factors()
    roots = DigitalWork("eigh", Scope.LAYER, calls=count, flops=form.eigh_flops(), elements=form.elements())
    return Method(
        "shampoo",
        "Shampoo, blocked",
        Role.RIVAL,
        (
            phases.forward_backward(),
            Phase(_STATISTICS, Cadence.STEP, (_products(count, form.statistics_flops()),)),
            Phase(phases.RUNNING_AVERAGE, Cadence.STEP, (_stream(count, form.average_bytes()),)),
            _refresh(_SHAMPOO_INTERVAL, roots, _products(count, form.rebuild_flops())),
            Phase(phases.PRECONDITION, Cadence.STEP, (_products(count, form.precondition_flops()),)),
            Phase(_GRAFT, Cadence.STEP, (_stream(3, form.graft_bytes()),)),
            phases.update(first_order.adam_update_bytes()),
        ),
        memory=form.memory_bytes(),
    )


@register
def soap(construction: FactorConstruction) -> Method:
    """SOAP, both sides of every matrix; statistics every step, eigenvectors every 10 as published."""
    form = rivals.soap
    basis = DigitalWork("qr", Scope.LAYER, calls=2, flops=form.qr_flops(), elements=form.elements())
    return Method(
        "soap",
        "SOAP",
        Role.RIVAL,
        (
            phases.forward_backward(),
            Phase(_STATISTICS, Cadence.STEP, (_products(2, form.statistics_flops()),)),
            Phase(phases.RUNNING_AVERAGE, Cadence.STEP, (_stream(2, form.statistics_bytes()),)),
            _refresh(_SOAP_INTERVAL, _products(6, form.refresh_flops()), basis),
            Phase(phases.PRECONDITION, Cadence.STEP, (_products(4, form.rotate_flops()),)),
            phases.update(first_order.adam_update_bytes()),
        ),
        memory=form.memory_bytes(),
    )


@register
def muon(construction: FactorConstruction) -> Method:
    """Muon: the momentum of every matrix made orthogonal."""
    form = rivals.muon
    orthogonalise = _products(form.products(), form.orthogonalise_flops())
    return Method(
        "muon",
        "Muon",
        Role.RIVAL,
        (
            phases.forward_backward(),
            Phase(_ORTHOGONALISE, Cadence.STEP, (orthogonalise,)),
            phases.update(form.update_bytes()),
        ),
        memory=form.memory_bytes(),
    )
