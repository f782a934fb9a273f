"""Factors on the laws as the file that a projection reads, ``costmodel/catalog/solver.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from costmodel.inputs.card_writer import number, quantity_entry, written
from costmodel.machines.solver import LawFactor, SolverLaw

_SPANS: Final = ("kappa", "size")
_COMMENT: Final = "Written by `python -m costmodel calibrate --simulator`; fit again rather than change it."


def solver_text(factors: Mapping[SolverLaw, LawFactor], trials: int) -> str:
    """The file as YAML."""
    source = (
        f"Fitted to {trials} simulated trials, validation/data/simulator/methodology.md. Time over that of the law, "
        "whose formula knows n, kappa and moments of the spectrum."
    )
    root: dict[str, Any] = {"schema": 1, "kind": "solver", "source": source}
    return written(root | {law.value: _law(factor) for law, factor in factors.items()}, _COMMENT)


def _law(factor: LawFactor) -> dict[str, Any]:
    spans = {name: {key: number(value) for key, value in asdict(getattr(factor, name)).items()} for name in _SPANS}
    return spans | {"factor": quantity_entry(factor.factor)}
