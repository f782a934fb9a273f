"""Digital K-FAC: one member for each way to apply the inverse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from costmodel.formulas import Formula, first_order, kfac
from costmodel.formulas.accuracy import iterations
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.methods import phases
from costmodel.methods.registry import register
from costmodel.methods.work import Cadence, DigitalWork, Method, Phase, Role, Scope
from costmodel.quantities.symbols import k, n, r


def _method(name: str, title: str, construction: FactorConstruction, *solver: Phase) -> Method:
    """K-FAC around the phases that differ between its members."""
    return Method(
        f"kfac.{name}",
        f"K-FAC, {title}",
        Role.DIGITAL_KFAC,
        (
            phases.forward_backward(),
            *phases.factors(construction),
            *solver,
            phases.update(first_order.sgd_update_bytes()),
        ),
        memory=_MEMORY.get(name),
    )


#: What members keep, of those that keep more than factors and a momentum. A sketch's rank differs by layer: left out.
_MEMORY: Final[Mapping[str, Formula]] = {
    "cholesky": kfac.cholesky.memory_bytes(),
    "cholesky_batched": kfac.cholesky.memory_bytes(),
    "cholesky_solve": kfac.cholesky.solve_memory_bytes(),
    "eigh": kfac.eigh.memory_bytes(),
    "newton_schulz": kfac.newton_schulz.memory_bytes(),
}


def _inversion(*works: DigitalWork) -> Phase:
    return Phase(phases.INVERSION, Cadence.REFRESH, works)


def _cholesky_inverse(batched: bool) -> Phase:
    work = DigitalWork(
        "spd_inverse",
        Scope.FACTOR,
        calls=1,
        flops=kfac.cholesky.refresh_flops(),
        elements=kfac.factors.factor_elements(),
        batched=batched,
    )
    return _inversion(work)


@register
def cholesky(construction: FactorConstruction) -> Method:
    """Explicit inverses by Cholesky, one factor after another, as K-FAC codes do it."""
    return _method("cholesky", "Cholesky inverse", construction, _cholesky_inverse(False), phases.precondition())


@register
def cholesky_batched(construction: FactorConstruction) -> Method:
    """Explicit inverses by Cholesky, factors of one size in one call.

    Only launches are shared: what a batched library routine saves on latency inside a call is not known to a card.
    """
    title = "Cholesky inverse, equal sizes in one call"
    return _method("cholesky_batched", title, construction, _cholesky_inverse(True), phases.precondition())


@register
def cholesky_solve(construction: FactorConstruction) -> Method:
    """Cholesky factors kept, triangular solves against the gradient every step."""
    factorise = DigitalWork(
        "cholesky",
        Scope.FACTOR,
        calls=1,
        flops=kfac.cholesky.solve_refresh_flops(),
        elements=kfac.factors.factor_elements(),
    )
    solve = DigitalWork(
        "cholesky_solve",
        Scope.FACTOR,
        calls=1,
        flops=kfac.cholesky.solve_step_flops(),
        elements=kfac.cholesky.solve_step_elements(),
    )
    precondition = Phase(phases.PRECONDITION, Cadence.STEP, (solve,))
    return _method("cholesky_solve", "Cholesky factor and solves", construction, _inversion(factorise), precondition)


@register
def eigh(construction: FactorConstruction) -> Method:
    """Preconditioning in the eigenbasis."""
    scale = DigitalWork("stream", Scope.LAYER, calls=1, bytes=kfac.eigh.scale_bytes())
    inversion = _inversion(phases.eigendecomposition(), scale)
    return _method("eigh", "eigenbasis", construction, inversion, phases.precondition_in_eigenbasis())


@register
def newton_schulz(construction: FactorConstruction) -> Method:
    """Explicit inverses from matrix products, factors of one size in one batched product."""
    work = DigitalWork(
        "newton_schulz",
        Scope.FACTOR,
        calls=kfac.newton_schulz.steps(),
        flops=kfac.newton_schulz.refresh_flops(),
        batched=True,
        tolerance=iterations.newton_schulz_tolerance(),
    )
    return _method("newton_schulz", "Newton-Schulz inverse", construction, _inversion(work), phases.precondition())


@register
def low_rank(construction: FactorConstruction) -> Method:
    """Randomised low-rank eigendecompositions."""
    form = kfac.low_rank
    sketch = DigitalWork("gemm_tall", Scope.FACTOR, calls=5, flops=form.sketch_flops(), dimensions=(n, n, r))
    basis = DigitalWork("qr", Scope.FACTOR, calls=2, flops=form.qr_flops(), elements=form.qr_elements())
    small = DigitalWork(
        "eigh", Scope.FACTOR, calls=1, flops=form.eigh_flops(), elements=form.eigh_elements(), dimensions=(r, r, r)
    )
    step = DigitalWork("gemm_tall", Scope.FACTOR, calls=2, flops=form.step_flops(), dimensions=(n, r, k))
    rescale = DigitalWork("stream", Scope.FACTOR, calls=2, bytes=form.rescale_bytes())
    precondition = Phase(phases.PRECONDITION, Cadence.STEP, (step, rescale))
    return _method("low_rank", "randomised low rank", construction, _inversion(sketch, basis, small), precondition)


@register
def conjugate_gradients(construction: FactorConstruction) -> Method:
    """Conjugate gradients on both factors every step, the gradient's rows or columns side by side."""
    form = kfac.conjugate_gradients
    product = DigitalWork(
        "gemm_tall", Scope.FACTOR, calls=form.iterations(), flops=form.step_flops(), dimensions=(n, n, k)
    )
    vectors = DigitalWork("stream", Scope.FACTOR, calls=form.vector_launches(), bytes=form.vectors_bytes())
    precondition = Phase(phases.PRECONDITION, Cadence.STEP, (product, vectors))
    return _method("cg", "conjugate gradients", construction, precondition)
