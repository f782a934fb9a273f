"""Quantities, laws of cards and draws as JSON."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp

from costmodel.machines.cards import AnalogCard
from costmodel.machines.curves import Curve
from costmodel.machines.laws import ConstantLaw, FittedLaw, Law
from costmodel.machines.operations import OPERATIONS
from costmodel.projection.curvature import LAW
from costmodel.quantities.declared import DECLARED
from costmodel.quantities.estimate import Draws, Quantity
from costmodel.quantities.symbols import Better
from reports.javascript import code


def packed(values: Draws) -> str:
    """Numbers as text, bit by bit."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode("ascii")


def records(found: Mapping[str, Quantity]) -> dict[str, dict[str, Any]]:
    """Quantities by path, with the domain that their draws keep to."""
    kept = {}
    for path, each in found.items():
        declared = DECLARED.get(path.rsplit(".", 1)[-1])
        fixed = path.startswith("digital.") or declared is None
        symbol = None if declared is None or path.startswith((f"{LAW}.", "digital.")) else declared.symbol
        low, high = (0.0, math.inf) if symbol is None else (symbol.minimum, symbol.maximum)
        if symbol is not None and symbol.open_maximum:
            high *= 1.0 - 1e-9
        kept[path] = {
            "value": each.value,
            "low": each.low,
            "high": each.high,
            "unit": each.unit.name,
            "status": each.status.value,
            "source": each.source,
            "stream": each.stream,
            "better": (Better.EITHER if fixed or declared is None else declared.better).value,
            "least": low if symbol is not None else None,
            "most": _end(high) if symbol is not None else None,
        }
    return kept


def _end(value: float) -> float | None:
    """An end of a range; None where it is open."""
    return value if math.isfinite(value) else None


def law_record(name: str, law: Law) -> dict[str, Any]:
    """A law's constants or its curves; JavaScript of the matrix elements that an operation touches.

    Raises:
        TypeError: A law of a kind that the page knows nothing of.
    """
    n, m = sp.Symbol("n", positive=True), sp.Symbol("m", positive=True)
    elements = code(sp.sympify(OPERATIONS[name.partition(".")[0]].elements(n, m)))
    if isinstance(law, ConstantLaw):
        constants = {key: each for key, each in law.quantities().items() if key != "scatter"}
        domains = {key: each.domain and [_end(side) for side in each.domain] for key, each in constants.items()}
        return {"kind": "constant", "constants": domains, "scatter": law.scatter is not None, "elements": elements}
    if not isinstance(law, FittedLaw):
        raise TypeError(f"a page knows no law of {type(law).__name__}")
    return {
        "kind": "fitted",
        "launch": law.launch,
        "item": law.item,
        "element": law.element,
        "work": _curve(law.work),
        "penalties": {key: _curve(each) for key, each in law.penalties.items()},
        "domain": [_end(side) for side in law.domain],
        "growth": law.growth,
        "in_step": law.in_step and {"factor": law.in_step.factor, "launch": law.in_step.launch},
        "host": law.host and {"start": law.host.start, "call": law.host.call},
        "elements": elements,
    }


def _curve(curve: Curve) -> dict[str, Any]:
    return {"sizes": list(curve.sizes), "values": list(curve.values), "limit": curve.limit}


def analog_record(card: AnalogCard) -> dict[str, Any]:
    """What a page says of a machine, and which values its card states itself."""
    given = card.quantities()
    return {
        "title": card.title,
        "source": card.source,
        "given": sorted(given),
        "relaxation_of": card.relaxation_of.value,
    }
