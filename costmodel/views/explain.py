"""What ``explain`` shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from costmodel.defaults import SCHEMA
from costmodel.questions.explain import Explanation, SymbolExplanation
from costmodel.views.contract import quantity_dict
from costmodel.views.numbers import quantity, significant
from costmodel.views.table import Table


@dataclass(frozen=True, slots=True)
class ExplainReport:
    """Formulas with their symbols, values and sources."""

    explanations: Sequence[Explanation]

    def as_dict(self) -> dict[str, Any]:
        """What ``explain --format json`` prints."""
        return {"schema": SCHEMA, "formulas": [_dict(explanation) for explanation in self.explanations]}

    def tables(self) -> list[Table]:
        """One table a formula: expression, meaning and source above, symbols below."""
        return [_table(explanation) for explanation in self.explanations]

    def records(self) -> list[dict[str, object]]:
        """One record for each formula and symbol; a formula without symbols has one with those columns empty."""
        return _records(self.explanations)


def _table(explanation: Explanation) -> Table:
    formula = explanation.formula
    title = "\n".join(
        [
            f"{formula.name} [{formula.unit.name}]",
            f"  = {formula.expression}",
            f"  {formula.meaning}",
            f"  source: {formula.source}",
            f"  used by: {', '.join(explanation.used_by) or 'no method directly'}",
        ]
    )
    rows = [row for symbol in explanation.symbols for row in _rows(symbol)]
    return Table(title, ("symbol", "name", "unit", "domain", "value here", "status", "from", "source"), tuple(rows))


def _rows(symbol: SymbolExplanation) -> list[tuple[str, ...]]:
    info = symbol.info
    head = (info.letter, info.name, info.unit.name, info.domain)
    rows: list[tuple[str, ...]] = []
    if symbol.sizes or not symbol.quantities:
        value = _range(symbol.sizes) if symbol.sizes else "not given"
        status = "" if symbol.quantities or not symbol.sizes else "counted"
        rows.append((*head, value, status, "the model's layers" if symbol.sizes else "", info.meaning))
    for path, value_ in symbol.quantities.items():
        lead = ("", "", "", "") if rows else head
        rows.append((*lead, quantity(value_), value_.status.value, path, value_.source))
    return rows


def _range(sizes: tuple[float, float]) -> str:
    low, high = (significant(size, 6) for size in sizes)
    return low if low == high else f"{low} to {high}"


def _records(explanations: Sequence[Explanation]) -> list[dict[str, object]]:
    return [
        {
            "formula": explanation.formula.name,
            "expression": str(explanation.formula.expression),
            "unit": explanation.formula.unit.name,
            "source": explanation.formula.source,
            **_symbol_record(symbol),
        }
        for explanation in explanations
        for symbol in explanation.symbols or (None,)
    ]


def _symbol_record(symbol: SymbolExplanation | None) -> dict[str, object]:
    if symbol is None:
        return dict.fromkeys(("symbol", "name", "symbol_unit", "value"), "")
    value = "; ".join(f"{path}={value.value!r}" for path, value in symbol.quantities.items())
    return {
        "symbol": symbol.info.letter,
        "name": symbol.info.name,
        "symbol_unit": symbol.info.unit.name,
        "value": value or (_range(symbol.sizes) if symbol.sizes else ""),
    }


def _dict(explanation: Explanation) -> dict[str, Any]:
    formula = explanation.formula
    return {
        "name": formula.name,
        "expression": str(formula.expression),
        "latex": formula.latex(),
        "unit": formula.unit.name,
        "meaning": formula.meaning,
        "source": formula.source,
        "used_by": list(explanation.used_by),
        "symbols": [
            {
                "symbol": symbol.info.letter,
                "name": symbol.info.name,
                "unit": symbol.info.unit.name,
                "domain": symbol.info.domain,
                "meaning": symbol.info.meaning,
                "quantities": [quantity_dict(path, value) for path, value in symbol.quantities.items()],
                "sizes": list(symbol.sizes) if symbol.sizes else None,
            }
            for symbol in explanation.symbols
        ],
    }
