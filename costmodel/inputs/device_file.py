"""From a checked card file to a :class:`DigitalCard` or :class:`AnalogCard`."""

from __future__ import annotations

from costmodel.devices import AnalogCard, DigitalCard, Law, Primitive
from costmodel.inputs.device_schema import AnalogFile, DigitalFile, LawEntry
from costmodel.inputs.faults import InputError
from costmodel.inputs.schema import Model, QuantityEntry, report, unknown, validate
from costmodel.inputs.yaml_reader import Document


def card_from(document: Document) -> DigitalCard | AnalogCard:
    """Check a document against the schema of its ``kind`` and build the card.

    Raises:
        InputError: All faults at once, each with its place.
    """
    kind = document.data.get("kind") if isinstance(document.data, dict) else None
    if kind == "analog":
        return _analog(document)
    if kind == "digital" or not isinstance(document.data, dict):
        return _digital(document)
    missing = "is missing; a card is 'digital' or 'analog'"
    message = missing if kind is None else unknown("kind of card", str(kind), ("digital", "analog"))
    raise InputError([*document.faults, document.fault(("kind",), message)])


def _checked(model: type[Model], document: Document) -> Model:
    file, faults = validate(model, document)
    report(document, faults)
    assert file is not None  # a missing file has faults
    return file


def _digital(document: Document) -> DigitalCard:
    file = _checked(DigitalFile, document)
    entries = {primitive: getattr(file.primitives, primitive) for primitive in Primitive}
    laws = {primitive: _law(entry) for primitive, entry in entries.items() if entry is not None}
    power = None if file.power is None else file.power.quantity()
    return DigitalCard(file.name, file.title, file.source, laws, power)


def _law(entry: LawEntry) -> Law:
    return Law(**{name: getattr(entry, name).quantity() for name in entry.model_fields_set})


def _analog(document: Document) -> AnalogCard:
    file = _checked(AnalogFile, document)
    entries = {name: getattr(file, name) for name in AnalogFile.model_fields}
    quantities = {name: entry.quantity() for name, entry in entries.items() if isinstance(entry, QuantityEntry)}
    return AnalogCard(name=file.name, title=file.title, source=file.source, **quantities)
