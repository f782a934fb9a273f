"""Digital K-FAC."""

from __future__ import annotations

from costmodel.devices import Primitive
from costmodel.formulas import first_order, kfac
from costmodel.methods import phases
from costmodel.methods.work import Cadence, DigitalWork, Method, Phase, Scope


def cholesky(weight_sharing: str) -> Method:
    """Digital K-FAC with explicit inverses by Cholesky."""
    inversion = DigitalWork(
        Primitive.SPD_INVERSE,
        Scope.FACTOR,
        calls=1,
        flops=kfac.cholesky_refresh_flops(),
        elements=kfac.factor_elements(),
    )
    return Method(
        "kfac.cholesky",
        "K-FAC, Cholesky inverse",
        (
            phases.forward_backward(),
            *phases.factors(weight_sharing),
            Phase("inversion", Cadence.REFRESH, (inversion,)),
            phases.precondition(),
            phases.update(first_order.sgd_update_bytes()),
        ),
    )
