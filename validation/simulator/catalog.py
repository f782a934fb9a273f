"""Factors on the laws as the file that a projection reads, ``costmodel/catalog/solver.yaml``."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from costmodel.machines.solver import LawFactor, SolverLaw, Span
from costmodel.quantities.estimate import Quantity


def solver_text(factors: Mapping[SolverLaw, LawFactor], trials: int) -> str:
    """The file as YAML."""
    source = (
        f"Fitted to {trials} simulated trials, validation/data/simulator/methodology.md. Time over that of the law: "
        "factor (kappa / its center)^-kappa_decay (n / its center)^-size_decay, at most 1, since a law bounds every "
        "spectrum."
    )
    return (
        "# Written by `python -m costmodel calibrate --simulator`; fit again rather than change it.\n"
        f"schema: 1\nkind: solver\nsource: >-\n{textwrap.indent(textwrap.fill(source, 114), '  ')}\n"
        + "".join(_law(law, factor) for law, factor in factors.items())
    )


def _law(law: SolverLaw, factor: LawFactor) -> str:
    spans = "".join(f"  {name}: {_span(getattr(factor, name))}\n" for name in ("kappa", "size"))
    return f"{law}:\n{spans}" + "".join(_quantity(name, value) for name, value in factor.quantities().items())


def _span(span: Span) -> str:
    return f"{{low: {span.low:g}, center: {span.center:g}, high: {span.high:g}}}"


def _quantity(name: str, quantity: Quantity) -> str:
    numbers = "".join(f"    {key}: {getattr(quantity, key):.6g}\n" for key in ("value", "low", "high"))
    source = textwrap.indent(textwrap.fill(quantity.source, 112), "      ")
    return f"  {name}:\n{numbers}    status: {quantity.status}\n    source: >-\n{source}\n"
