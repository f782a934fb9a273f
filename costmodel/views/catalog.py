"""What ``catalog`` shows: shipped workloads, cards and formulas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from costmodel import formulas
from costmodel.defaults import SCHEMA
from costmodel.formulas.verification import evidence
from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import catalog_names, load_card, load_workload
from costmodel.machines.cards import AnalogCard
from costmodel.quantities.names import unknown
from costmodel.views.table import Table


@dataclass(frozen=True, slots=True)
class CatalogReport:
    """The catalog or one section of it.

    Attributes:
        what: ``"workloads"``, ``"devices"``, ``"formulas"``, or empty for all.
    """

    what: str = ""

    def sections(self) -> dict[str, list[dict[str, Any]]]:
        """The entries of each section asked for.

        Raises:
            InputError: There is no such section.
        """
        if self.what and self.what not in _SECTIONS:
            raise InputError.about(self.what, unknown("section", self.what, _SECTIONS))
        return {name: build() for name, build in _SECTIONS.items() if self.what in {"", name}}

    def as_dict(self) -> dict[str, Any]:
        """What ``catalog --format json`` prints."""
        return {"schema": SCHEMA, **self.sections()}

    def tables(self) -> list[Table]:
        """One table a section."""
        tables = []
        for section, entries in self.sections().items():
            columns = tuple(entries[0])
            rows = tuple(tuple(str(entry[column]) for column in columns) for entry in entries)
            tables.append(Table(section, columns, rows))
        return tables

    def records(self) -> list[dict[str, object]]:
        """One record an entry, its section first."""
        return [
            {"section": section, "name": entry["name"], "title": entry.get("title", entry.get("meaning", ""))}
            for section, entries in self.sections().items()
            for entry in entries
        ]


def _workloads() -> list[dict[str, Any]]:
    entries = []
    for name in catalog_names("models"):
        workload = load_workload(name)
        pairs = sum(layer.pairs for layer in workload.layers)
        entries.append(
            {
                "name": name,
                "title": workload.title,
                "batch_size": workload.batch_size,
                "parameters": workload.parameters,
                "factor_pairs": pairs,
            }
        )
    return entries


def _devices() -> list[dict[str, Any]]:
    entries = []
    for name in catalog_names("cards"):
        card = load_card(name)
        kind = "analog" if isinstance(card, AnalogCard) else "digital"
        statuses = sorted({quantity.status for quantity in card.quantities().values()}, key=lambda each: each.rank)
        entries.append({"name": name, "kind": kind, "title": card.title, "statuses": ", ".join(statuses)})
    return entries


def _formulas() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "unit": formula.unit.name,
            "checked": evidence(name).check.value,
            "expression": str(formula.expression),
            "meaning": formula.meaning,
            "checked_by": evidence(name).by,
        }
        for name, formula in formulas.catalog().items()
    ]


_SECTIONS: Final = {"workloads": _workloads, "devices": _devices, "formulas": _formulas}
