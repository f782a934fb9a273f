"""What ``explain`` shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from costmodel.defaults import SCHEMA
from costmodel.formulas import Formula
from costmodel.projection.project import Projection
from costmodel.quantities.estimate import Quantity
from costmodel.questions.evaluated import Evaluated, plain
from costmodel.questions.explain import Explanation, SymbolExplanation
from costmodel.questions.lookup import Found
from costmodel.views.contract import quantity_dict
from costmodel.views.numbers import interval, percent, quantity, scaled
from costmodel.views.table import Block, Passage, Table
from costmodel.views.verdict import placement_told

_COLUMNS = ("symbol", "name", "unit", "value here", "status", "from")


@dataclass(frozen=True, slots=True)
class ExplainReport:
    """What a name stands for: formulas with their symbols, values here and sources.

    Attributes:
        found: From :func:`costmodel.questions.lookup.look_up`.
        projection: Where a phase's time was printed; None where the name is of no phase.
    """

    found: Found
    projection: Projection | None = None

    def as_dict(self) -> dict[str, Any]:
        """What ``explain --format json`` prints."""
        found = self.found
        number = self._number()
        return {
            "schema": SCHEMA,
            "name": found.name,
            "phase": None if number is None else number,
            "symbol": None if found.symbol is None else _symbol_dict(found.symbol),
            "quantity": None if found.path is None else quantity_dict(*found.path),
            "formulas": [_dict(each, found.evaluated.get(each.formula.name)) for each in found.explanations],
        }

    def tables(self) -> list[Block]:
        """What it is, then one table a formula: expression, value and source above, symbols below."""
        found = self.found
        blocks: list[Block] = []
        if found.phase is not None and self.projection is not None:
            blocks.append(_phase(found, self.projection))
        if found.symbol is not None:
            info = found.symbol.info
            title = f"{info.letter}, {info.name.replace('_', ' ')} [{info.unit.name}]\n  {info.meaning}"
            blocks.append(Table(title, _COLUMNS, tuple(_rows(found.symbol))))
        if found.path is not None:
            path, value = found.path
            row = (path, quantity(value), value.status.value, value.source)
            blocks.append(Table("a value, changed with --set", ("path", "value", "status", "source"), (row,)))
        blocks += [_table(each, found.evaluated.get(each.formula.name)) for each in found.explanations]
        told = _sources(found)
        return [*blocks, Passage(told, "symbols and sources")] if told else blocks

    def records(self) -> list[dict[str, object]]:
        """One record a formula, symbol and value behind it; what a formula lacks is empty."""
        found = self.found
        alone = [(None, found.symbol)] if found.symbol is not None else []
        with_symbols = [(each, symbol) for each in found.explanations for symbol in each.symbols or (None,)]
        records = [record for each, symbol in [*alone, *with_symbols] for record in self._records(each, symbol)]
        if found.path is not None:
            records.append({**_formula_record(None, None), **_empty_symbol(), **_quantity_record(*found.path)})
        return records

    def _records(
        self, explanation: Explanation | None, symbol: SymbolExplanation | None
    ) -> Iterator[dict[str, object]]:
        value = self.found.evaluated.get(explanation.formula.name) if explanation is not None else None
        head = _formula_record(explanation.formula if explanation is not None else None, value)
        if symbol is None:
            yield {**head, **_empty_symbol(), **_quantity_record()}
            return
        own = {"symbol": symbol.info.letter, "name": symbol.info.name, "symbol_unit": symbol.info.unit.name}
        put_in = value.values.get(symbol.info.letter) if value is not None else None
        smallest, largest = symbol.sizes or (None, None)
        numbers = {"value": put_in, "smallest": smallest, "largest": largest}
        for path, each in symbol.quantities.items():
            yield {**head, **own, **numbers, **_quantity_record(path, each)}
        if not symbol.quantities:
            yield {**head, **own, **numbers, **_quantity_record()}

    def _number(self) -> dict[str, Any] | None:
        if self.found.phase is None or self.projection is None:
            return None
        method, phase = self.found.phase.method.name, self.found.phase.phase.name
        if phase not in self.projection.methods[method].phases:
            return None
        time = self.projection.methods[method].phases[phase]
        return {"method": method, "phase": phase, "time_s": time.as_dict(), "cadence": self.found.phase.phase.cadence}


def _phase(found: Found, projection: Projection) -> Passage:
    """The number that was printed, and what it is made of."""
    assert found.phase is not None
    method, phase = projection.methods[found.phase.method.name], found.phase.phase
    head = f"{method.name} {phase.name}:"
    if phase.name not in method.phases:
        return Passage(((head, "no layer is worth sending to the machine here, so that nothing of it is done."),))
    time = method.phases[phase.name]
    operations = dict.fromkeys(work.operation for work in phase.works if hasattr(work, "operation"))
    kfac = projection.workload.kfac
    often = {
        "every step": "every step",
        "every factor interval": f"every {kfac.factor_interval} steps",
        "every refresh interval": f"every {phase.interval or kfac.refresh_interval} steps",
    }.get(phase.cadence.value, phase.cadence.value)
    runs = (
        f" On {projection.digital.name} it is {', '.join(operations)}; the time of one call: costmodel predict "
        f"{next(iter(operations))} --n N --card {projection.digital.name}."
        if operations
        else ""
    )
    return Passage(
        (
            (
                head,
                f"{method.labels[phase.name]} takes {scaled(time.median, 's')} of a step ({interval(time)}; "
                f"{time.status.value}), {percent(time.median / method.step_time.median)} of it. It is done {often} and "
                f"spread over them; the sum over all layers.{placement_told(projection, method.name)}{runs}",
            ),
        )
    )


def _table(explanation: Explanation, value: Evaluated | None) -> Table:
    formula = explanation.formula
    title = "\n".join(
        [
            f"{formula.name} [{formula.unit.name}]",
            f"  = {formula.expression}",
            *_valued(formula, value),
            f"  {formula.meaning}",
            f"  source: {formula.source}",
            f"  used by: {_users(explanation)}",
        ]
    )
    rows = [row for symbol in explanation.symbols for row in _rows(symbol, value)]
    return Table(title, _COLUMNS, tuple(rows))


def _sources(found: Found) -> tuple[tuple[str, str], ...]:
    """What each symbol is and where its values come from, each once."""
    alone = [found.symbol] if found.symbol is not None else []
    symbols = [*alone, *(symbol for each in found.explanations for symbol in each.symbols)]
    told = {symbol.info.letter: symbol.info.meaning for symbol in symbols}
    told |= {path: value.source for symbol in symbols for path, value in symbol.quantities.items()}
    return tuple((f"{name}:", text) for name, text in told.items())


def _valued(formula: Formula, value: Evaluated | None) -> list[str]:
    """The formula with numbers put in, and what that makes."""
    if value is None:
        return ["  some of its symbols have no value on this model and these cards"]
    ends = (
        "" if value.smallest == value.value else f", the largest; the smallest is {_written(formula, value.smallest)}"
    )
    return [f"  = {value.substituted}", f"  = {_written(formula, value.value)} in {value.where}{ends}"]


def _written(formula: Formula, value: float) -> str:
    return plain(value) if formula.unit.name == "1" else scaled(value, formula.unit.name, 4)


#: Users that are named; a formula of every method would fill a screen with them.
_NAMED = 4


def _users(explanation: Explanation) -> str:
    named = ", ".join(explanation.used_by[:_NAMED]) or "no method directly"
    more = len(explanation.used_by) - _NAMED
    return f"{named} and {more} more" if more > 0 else named


def _rows(symbol: SymbolExplanation, value: Evaluated | None = None) -> list[tuple[str, ...]]:
    info = symbol.info
    head = (info.letter, info.name, info.unit.name)
    rows: list[tuple[str, ...]] = []
    if symbol.sizes or not symbol.quantities:
        known = value.values.get(info.letter) if value is not None and not symbol.sizes else None
        here = _range(symbol.sizes) if symbol.sizes else plain(known) if known is not None else "not given"
        status = "" if symbol.quantities or not symbol.sizes else "counted"
        rows.append((*head, here, status, "the model's layers" if symbol.sizes else ""))
    for path, value_ in symbol.quantities.items():
        lead = ("", "", "") if rows else head
        rows.append((*lead, quantity(value_), value_.status.value, path))
    return rows


def _range(sizes: tuple[float, float]) -> str:
    low, high = (plain(size) for size in sizes)
    return low if low == high else f"{low} to {high}"


def _formula_record(formula: Formula | None, value: Evaluated | None) -> dict[str, object]:
    return {
        "formula": formula.name if formula is not None else None,
        "expression": str(formula.expression) if formula is not None else None,
        "unit": formula.unit.name if formula is not None else None,
        "source": formula.source if formula is not None else None,
        "result": value.value if value is not None else None,
        "where": value.where if value is not None else None,
    }


def _empty_symbol() -> dict[str, object]:
    return dict.fromkeys(("symbol", "name", "symbol_unit", "value", "smallest", "largest"))


def _quantity_record(path: str = "", value: Quantity | None = None) -> dict[str, object]:
    found = quantity_dict(path, value) if value is not None else dict.fromkeys(_QUANTITY)
    return {f"quantity_{key}": found[key] for key in _QUANTITY}


_QUANTITY = ("path", "value", "low", "high", "unit", "status", "source")


def _dict(explanation: Explanation, value: Evaluated | None) -> dict[str, Any]:
    formula = explanation.formula
    return {
        "name": formula.name,
        "expression": str(formula.expression),
        "latex": formula.latex(),
        "unit": formula.unit.name,
        "meaning": formula.meaning,
        "source": formula.source,
        "used_by": list(explanation.used_by),
        "value": None if value is None else _value_dict(value),
        "symbols": [_symbol_dict(symbol) for symbol in explanation.symbols],
    }


def _value_dict(value: Evaluated) -> dict[str, Any]:
    found = {"value": value.value, "smallest": value.smallest, "where": value.where}
    return {**found, "substituted": value.substituted, "symbols": dict(value.values)}


def _symbol_dict(symbol: SymbolExplanation) -> dict[str, Any]:
    return {
        "symbol": symbol.info.letter,
        "name": symbol.info.name,
        "unit": symbol.info.unit.name,
        "domain": symbol.info.domain,
        "meaning": symbol.info.meaning,
        "quantities": [quantity_dict(path, value) for path, value in symbol.quantities.items()],
        "sizes": list(symbol.sizes) if symbol.sizes else None,
    }
