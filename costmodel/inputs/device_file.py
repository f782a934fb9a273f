"""From a checked card file to a :class:`DigitalCard` or :class:`AnalogCard`."""

from __future__ import annotations

import math

from costmodel.inputs.device_schema import AnalogFile, CurveEntry, DigitalFile, FittedEntry, LawEntry
from costmodel.inputs.faults import InputError
from costmodel.inputs.schema import Model, QuantityEntry, report, unknown, validate
from costmodel.inputs.yaml_reader import Document
from costmodel.machines.cards import AnalogCard, DigitalCard, Law, PassTimes, Primitive
from costmodel.machines.laws import Curve, FittedLaw
from costmodel.machines.operations import OPERATIONS
from costmodel.quantities.estimate import DEVIATE_95, Quantity, Status
from costmodel.quantities.units import one


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
    faults = [
        document.fault(("operations", name), unknown("operation", name.split(".")[0], OPERATIONS))
        for name in file.operations
        if name.split(".")[0] not in OPERATIONS
    ]
    report(document, faults)
    operations = {name: _fitted(entry) for name, entry in file.operations.items()}
    passes = None if file.passes is None else PassTimes(**file.passes.model_dump())
    power = None if file.power is None else file.power.quantity()
    return DigitalCard(file.name, file.title, file.source, laws, power, operations, passes)


def _law(entry: LawEntry) -> Law:
    if entry.fitted is not None:
        return _scattered(entry.fitted)
    return Law(**{name: getattr(entry, name).quantity() for name in entry.model_fields_set})


def _scattered(entry: FittedEntry) -> Law:
    """A fitted law with the factor that says how far times scatter about it."""
    factor = math.exp(DEVIATE_95 * entry.spread)
    domain = (entry.domain[0], entry.domain[1])
    scatter = Quantity(1.0, 1.0 / factor, factor, one, Status(entry.status), entry.source, domain)
    return Law(fitted=_fitted(entry), scatter=scatter)


def _fitted(entry: FittedEntry) -> FittedLaw:
    return FittedLaw(
        entry.launch_s,
        entry.item_s,
        entry.element_s,
        _curve(entry.work_s),
        {str(name): _curve(curve) for name, curve in entry.penalties_s.items()},
        (entry.domain[0], entry.domain[1]),
        entry.spread,
        entry.growth,
    )


def _curve(entry: CurveEntry) -> Curve:
    return Curve(tuple(entry.sizes), tuple(entry.values), entry.limit)


def _analog(document: Document) -> AnalogCard:
    file = _checked(AnalogFile, document)
    entries = {name: getattr(file, name) for name in AnalogFile.model_fields}
    quantities = {name: entry.quantity() for name, entry in entries.items() if isinstance(entry, QuantityEntry)}
    # No card states what its runs take of their worst case: that is the solver file's, and loading adds it.
    return AnalogCard(name=file.name, title=file.title, source=file.source, solver={}, **quantities)
