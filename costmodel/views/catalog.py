"""What ``catalog`` shows: shipped workloads, cards and formulas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from costmodel import formulas
from costmodel.curvature.roles import NetworkKind
from costmodel.defaults import SCHEMA
from costmodel.formulas.verification import evidence
from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import catalog_names, load_card, load_workload
from costmodel.machines.cards import AnalogCard
from costmodel.quantities.names import unknown
from costmodel.views.numbers import scaled
from costmodel.views.table import Block, Table


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

    def tables(self) -> list[Block]:
        """A table a section, workloads by kind of network; of all sections together, formulas by family."""
        tables: list[Block] = []
        for section, entries in self.sections().items():
            if section == "formulas" and not self.what:
                tables.append(_families(entries))
                continue
            if section == "workloads":
                tables += _by_network(entries)
                continue
            columns = _SHOWN[section]
            rows = tuple(tuple(_written(entry[column]) for column in columns) for entry in entries)
            right = tuple(index for index, column in enumerate(columns) if isinstance(entries[0][column], int))
            heads = tuple(column.replace("_", " ") for column in columns)
            tables.append(Table(section, heads, rows, right))
        return tables

    def records(self) -> list[dict[str, object]]:
        """One record an entry, its section first: all that is known of one section, names and titles of all."""
        if self.what:
            return [{"section": section, **entry} for section, entries in self.sections().items() for entry in entries]
        return [
            {"section": section, "name": entry["name"], "title": entry.get("title", entry.get("meaning", ""))}
            for section, entries in self.sections().items()
            for entry in entries
        ]


#: What tables show; JSON and CSV have everything.
_SHOWN: Final = {
    "devices": ("name", "kind", "statuses", "title"),
    "formulas": ("name", "unit", "checked", "meaning"),
}


def _written(value: object) -> str:
    """A large count with a prefix, as people say it: 124 M."""
    return scaled(value, "") if isinstance(value, int) and value >= _LARGE else str(value)


_LARGE: Final = 10**6


def _families(entries: Sequence[Mapping[str, Any]]) -> Table:
    """How many formulas there are of each family, and how many of them are checked."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        found.setdefault(entry["name"].split(".")[0], []).append(entry["checked"])
    rows = tuple(
        (name, str(len(checks)), str(sum(check != "unverified" for check in checks))) for name, checks in found.items()
    )
    note = "catalog formulas lists them; explain NAME shows one with its numbers."
    return Table("formulas", ("family", "formulas", "checked by tests"), rows, right=(1, 2), note=note)


def _workloads() -> list[dict[str, Any]]:
    entries = []
    for name in catalog_names("models"):
        workload = load_workload(name)
        pairs = sum(layer.pairs for layer in workload.layers)
        entries.append(
            {
                "name": name,
                "title": workload.title,
                "network": workload.network.value,
                "batch_size": workload.batch_size,
                "parameters": workload.parameters,
                "factor_pairs": pairs,
            }
        )
    return entries


def _by_network(entries: list[dict[str, Any]]) -> list[Table]:
    """Workloads, a table a kind of network, smallest first."""
    tables = []
    for kind in NetworkKind:
        members = sorted((each for each in entries if each["network"] == kind), key=lambda each: each["parameters"])
        rows = tuple(
            (
                str(each["name"]),
                str(each["title"]),
                str(each["batch_size"]),
                scaled(each["parameters"], ""),
                str(each["factor_pairs"]),
            )
            for each in members
        )
        if rows:
            title = f"workloads: {kind.value.replace('_', ' ')}"
            columns = ("name", "title", "batch", "parameters", "factor pairs")
            tables.append(Table(title, columns, rows, right=(2, 3, 4)))
    return tables


def _devices() -> list[dict[str, Any]]:
    entries = []
    for name in catalog_names("cards"):
        card = load_card(name)
        kind = "analog" if isinstance(card, AnalogCard) else "digital"
        statuses = sorted({quantity.status for quantity in card.quantities().values()}, key=lambda each: each.rank)
        entries.append({"name": name, "kind": kind, "title": card.title, "statuses": ", ".join(statuses)})
    return sorted(entries, key=lambda entry: entry["kind"] == "analog")


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
