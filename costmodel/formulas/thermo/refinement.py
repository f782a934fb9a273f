"""One digital Newton-Schulz step on an inverse that an array has found: X (2 I - A X), which squares the residual."""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, n
from costmodel.quantities.units import flop

_SOURCE = "derived: docs/derivations.md, refinement of an inverse"


@formula("thermo.refinement.flops", flop, _SOURCE, verified_by=Oracle.COUNTED)
def flops() -> Expression:
    """Two products of one factor.

    >>> flops().evaluate(n=10)
    4000.0
    """
    return 4 * n**3
