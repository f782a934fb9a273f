"""First-order optimizers."""

from __future__ import annotations

from costmodel.formulas import first_order
from costmodel.methods import phases
from costmodel.methods.work import Method


def sgd(weight_sharing: str) -> Method:
    """Stochastic gradient descent with momentum."""
    update = phases.update(first_order.sgd_update_bytes())
    return Method("sgd", "SGD with momentum", (phases.forward_backward(), update))


def adam(weight_sharing: str) -> Method:
    """Adam; AdamW and NAdamW move the same bytes."""
    return Method("adam", "Adam", (phases.forward_backward(), phases.update(first_order.adam_update_bytes())))
