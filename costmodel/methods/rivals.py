"""Preconditioners of the same purpose as K-FAC."""

from __future__ import annotations

from costmodel.formulas import Formula, first_order, rivals
from costmodel.methods import phases
from costmodel.methods.work import Cadence, DigitalWork, Method, Phase, Scope


def _products(calls: float | Formula, flops: Formula) -> DigitalWork:
    return DigitalWork("gemm", Scope.LAYER, calls=calls, flops=flops)


def _stream(calls: float | Formula, traffic: Formula) -> DigitalWork:
    return DigitalWork("stream", Scope.LAYER, calls=calls, bytes=traffic)


def ekfac(construction: str) -> Method:
    """E-KFAC: eigenvalues measured in K-FAC's eigenbasis."""
    form = rivals.ekfac
    scalings = (_products(3, form.scalings_flops()), _stream(2, form.squares_bytes()))
    return Method(
        "ekfac",
        "E-KFAC",
        (
            phases.forward_backward(),
            *phases.factors(construction),
            Phase("inversion", Cadence.REFRESH, (phases.eigendecomposition(),)),
            Phase("scalings", Cadence.FACTOR_UPDATE, scalings),
            phases.precondition_in_eigenbasis(),
            phases.update(first_order.sgd_update_bytes()),
        ),
    )


def shampoo(construction: str) -> Method:
    """Shampoo of order two, blocked, grafted onto Adam; statistics every step, roots every refresh interval."""
    form = rivals.shampoo
    count = form.factors()
    roots = DigitalWork("eigh", Scope.LAYER, calls=count, flops=form.eigh_flops(), elements=form.elements())
    return Method(
        "shampoo",
        "Shampoo, blocked",
        (
            phases.forward_backward(),
            Phase("statistics", Cadence.STEP, (_products(count, form.statistics_flops()),)),
            Phase("running_average", Cadence.STEP, (_stream(count, form.average_bytes()),)),
            Phase("inversion", Cadence.REFRESH, (roots, _products(count, form.rebuild_flops()))),
            Phase("precondition", Cadence.STEP, (_products(count, form.precondition_flops()),)),
            Phase("graft", Cadence.STEP, (_stream(3, form.graft_bytes()),)),
            phases.update(first_order.adam_update_bytes()),
        ),
    )


def soap(construction: str) -> Method:
    """SOAP, both sides of every matrix; statistics every step, eigenvectors every refresh interval."""
    form = rivals.soap
    basis = DigitalWork("qr", Scope.LAYER, calls=2, flops=form.qr_flops(), elements=form.elements())
    return Method(
        "soap",
        "SOAP",
        (
            phases.forward_backward(),
            Phase("statistics", Cadence.STEP, (_products(2, form.statistics_flops()),)),
            Phase("running_average", Cadence.STEP, (_stream(2, form.statistics_bytes()),)),
            Phase("inversion", Cadence.REFRESH, (_products(6, form.refresh_flops()), basis)),
            Phase("precondition", Cadence.STEP, (_products(4, form.rotate_flops()),)),
            phases.update(first_order.adam_update_bytes()),
        ),
    )


def muon(construction: str) -> Method:
    """Muon: the momentum of every matrix made orthogonal."""
    form = rivals.muon
    orthogonalise = _products(form.products(), form.orthogonalise_flops())
    return Method(
        "muon",
        "Muon",
        (
            phases.forward_backward(),
            Phase("orthogonalise", Cadence.STEP, (orthogonalise,)),
            phases.update(form.update_bytes()),
        ),
    )
