"""First-order optimizers."""

from __future__ import annotations

from costmodel.formulas import first_order
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.methods import phases
from costmodel.methods.registry import register
from costmodel.methods.work import Method, Role


@register
def sgd(construction: FactorConstruction) -> Method:
    """Stochastic gradient descent with momentum."""
    update = phases.update(first_order.sgd_update_bytes(), fused=True)
    return Method(
        "sgd",
        "SGD with momentum",
        Role.FIRST_ORDER,
        (phases.forward_backward(), update),
        memory=first_order.sgd_memory_bytes(),
    )


@register
def adam(construction: FactorConstruction) -> Method:
    """Adam; AdamW and NAdamW move the same bytes."""
    update = phases.update(first_order.adam_update_bytes(), fused=True)
    return Method(
        "adam", "Adam", Role.BASELINE, (phases.forward_backward(), update), memory=first_order.adam_memory_bytes()
    )
