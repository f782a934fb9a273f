"""From a checked card file to a :class:`DigitalCard` or :class:`AnalogCard`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from costmodel.inputs.device_schema import AnalogFile, ConstantEntry, CurveEntry, DigitalFile, FittedEntry
from costmodel.inputs.faults import Fault, InputError
from costmodel.inputs.schema import Model, QuantityEntry, report, validate
from costmodel.inputs.yaml_reader import Document
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.machines.curves import Curve
from costmodel.machines.laws import ConstantLaw, FittedLaw, Host, InStep, Law
from costmodel.machines.operations import DTYPES, NEEDED, OPERATIONS
from costmodel.quantities.names import unknown

#: Keys that both kinds of card have.
_SHARED: Final = set(AnalogFile.model_fields) & set(DigitalFile.model_fields)


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
    raise InputError([*_besides_the_kind(document), document.fault(("kind",), message)])


def _besides_the_kind(document: Document) -> list[Fault]:
    """Other faults of a card that does not say which kind it is, where its keys tell."""
    keys = set(document.data)
    for build, own in ((_digital, {"operations", "primitives"}), (_analog, set(AnalogFile.model_fields) - _SHARED)):
        if keys & own:
            try:
                build(document)
            except InputError as error:
                return [fault for fault in error.faults if fault.path != "kind"]
    return list(document.faults)


def _checked(model: type[Model], document: Document) -> Model:
    file, faults = validate(model, document)
    report(document, faults)
    assert file is not None  # a missing file has faults
    return file


def _digital(document: Document) -> DigitalCard:
    file, faults = validate(DigitalFile, document)
    laws: dict[str, Law] = {}
    for name in _held(document):
        law, wrong = _law(document, name)
        faults += wrong
        if law is not None:
            laws[name] = law
    if not faults:
        faults = _missing(document, laws)
    report(document, faults)
    assert file is not None  # a missing file has faults
    names = ("power", "step", "interconnect_bandwidth", "interconnect_latency", "memory", "idle_power")
    own = {name: None if (entry := getattr(file, name)) is None else entry.quantity() for name in names}
    return DigitalCard(file.name, file.title, file.source, laws, timings=file.timings, **own)


def _held(document: Document) -> list[str]:
    """Names under ``operations``, where that is a mapping."""
    data = document.data.get("operations") if isinstance(document.data, dict) else None
    return [name for name in data if isinstance(name, str)] if isinstance(data, dict) else []


def _law(document: Document, name: str) -> tuple[Law | None, list[Fault]]:
    """The law of one operation, or what is wrong with it."""
    path = ("operations", name)
    operation, dot, dtype = name.partition(".")
    if operation not in OPERATIONS:
        return None, [document.fault(path, unknown("operation", operation, OPERATIONS))]
    if dot and dtype not in DTYPES[1:]:
        return None, [document.fault(path, unknown("element type", dtype, DTYPES[1:]))]
    data = document.data["operations"][name]
    if isinstance(data, dict) and "work_s" in data:
        fitted, faults = validate(FittedEntry, document, path)
        return (None if fitted is None else _fitted(fitted)), faults
    constants, faults = validate(ConstantEntry, document, path)
    return (None, faults) if constants is None else _constants(document, name, constants)


def _constants(document: Document, name: str, entry: ConstantEntry) -> tuple[Law | None, list[Fault]]:
    terms = OPERATIONS[name.partition(".")[0]].terms
    listed = ", ".join(sorted(terms))
    given = {key: each for key in ConstantEntry.model_fields if (each := getattr(entry, key)) is not None}
    faults = [
        document.fault(("operations", name, key), f"is no term of {name}; its law is made of {listed}")
        for key in given
        if key not in terms and key != "scatter"
    ]
    if not terms & set(given) and not faults:
        faults = [document.fault(("operations", name), f"needs at least one of {listed}")]
    if faults:
        return None, faults
    return ConstantLaw(**{key: each.quantity() for key, each in given.items()}), []


def _missing(document: Document, laws: Mapping[str, Law]) -> list[Fault]:
    """Operations that a projection is made of and that no law of the card may stand in for."""
    card = DigitalCard("", "", "", laws)
    lacking = [name for name in NEEDED if card.resolve(name) is None]
    return [document.fault(("operations", name), f"is missing; {OPERATIONS[name].title}") for name in lacking]


def _fitted(entry: FittedEntry) -> FittedLaw:
    domain = (1.0, math.inf) if entry.domain is None else (entry.domain[0], entry.domain[1])
    step = entry.in_step
    return FittedLaw(
        entry.launch_s,
        entry.item_s,
        entry.element_s,
        _curve(entry.work_s),
        {str(name): _curve(curve) for name, curve in entry.penalties_s.items()},
        domain,
        entry.spread,
        entry.growth,
        None if step is None else InStep(step.factor, step.launch_s, step.spread),
        entry.together,
        entry.source,
        None if entry.host_s is None else Host(entry.host_s.start, entry.host_s.call),
    )


def _curve(entry: CurveEntry) -> Curve:
    return Curve(tuple(entry.sizes), tuple(entry.values), entry.limit)


def _analog(document: Document) -> AnalogCard:
    file = _checked(AnalogFile, document)
    entries = {name: getattr(file, name) for name in AnalogFile.model_fields}
    quantities = {name: entry.quantity() for name, entry in entries.items() if isinstance(entry, QuantityEntry)}
    # No card states what its runs take of their worst case: that is the solver file's, and loading adds it.
    return AnalogCard(
        name=file.name,
        title=file.title,
        source=file.source,
        solver={},
        relaxation_of=file.relaxation_of,
        readout_overlaps_settling=file.readout_overlaps_settling,
        relaxation_time=quantities.pop("relaxation_time", None),
        **quantities,
    )
