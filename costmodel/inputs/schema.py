"""What all input files share: strict models, quantities with units, and pydantic's errors in our words."""

from __future__ import annotations

import difflib
import math
from types import UnionType
from typing import Any, ClassVar, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from costmodel.inputs.faults import Fault, InputError
from costmodel.inputs.yaml_reader import Document, Path_
from costmodel.quantities import symbols
from costmodel.quantities.estimate import DEVIATE_95, Quantity, Status
from costmodel.quantities.symbols import SymbolInfo
from costmodel.quantities.units import EXAMPLES, Unit, one, parse_quantity


class Strict(BaseModel):
    """A mapping in an input file: unknown keys are errors, numbers in quotes are not numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Model = TypeVar("Model", bound=Strict)


class QuantityEntry(Strict):
    """A value with unit, range, status and source, or short a bare ``"1 us"``, taken as exact and assumed.

    ``low`` and ``high`` bound the central 90 %; ``standard_error`` is the other way to give them.
    """

    unit: ClassVar[Unit] = one
    symbol: ClassVar[SymbolInfo | None] = None

    def __init_subclass__(cls, of: Unit | str, **options: Any) -> None:
        """Measured in a unit and above zero, or, given a symbol's name, in its unit and within its domain."""
        super().__init_subclass__(**options)
        cls.symbol = symbols.info(of) if isinstance(of, str) else None
        cls.unit = symbols.info(of).unit if isinstance(of, str) else of

    value: float
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    status: Status
    source: str
    domain: tuple[float, float] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return data
        return {"value": data, "status": Status.ASSUMED, "source": "given without a source"}

    @field_validator("status", mode="before")
    @classmethod
    def _status(cls, value: Any) -> Status:
        if value not in list(Status):
            raise ValueError(f"status '{value}' is none of {', '.join(Status)}")
        return Status(value)

    @field_validator("domain", mode="before")
    @classmethod
    def _domain(cls, value: Any) -> Any:
        return tuple(float(part) for part in value) if isinstance(value, list) else value

    @field_validator("value", "low", "high", "standard_error", mode="before")
    @classmethod
    def _with_unit(cls, value: Any) -> float | None:
        if value is None:
            raise ValueError("a number is missing; leave the key out where there is none")
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(f"expected a number with a unit, like '{_example(cls.unit)}'")
        if isinstance(value, str):
            number = parse_quantity(value, cls.unit)
        elif cls.unit.powers == one.powers or value == 0:
            number = float(value)
        else:
            raise ValueError(f"missing unit: {value:g} needs one, like '{_example(cls.unit)}'")
        if cls.symbol is not None:
            cls.symbol.check(number, number)
            if cls.symbol.whole and number != int(number):
                raise ValueError(f"{number:g} is not a whole number")
        elif number <= 0:
            raise ValueError(f"{value} is not above 0")
        return number

    @model_validator(mode="after")
    def _ordered(self) -> QuantityEntry:
        if self.standard_error is not None and (self.low is not None or self.high is not None):
            raise ValueError("give either standard_error or low and high")
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high go together")
        if self.low is not None and self.high is not None:
            if self.low > self.high:
                raise ValueError(f"low {self.low:g} is above high {self.high:g}")
            if not self.low <= self.value <= self.high:
                raise ValueError(f"value {self.value:g} is outside low {self.low:g} to high {self.high:g}")
        return self

    def quantity(self) -> Quantity:
        """The entry as the model uses it."""
        if self.standard_error is not None:
            spread = math.exp(DEVIATE_95 * self.standard_error / self.value) if self.value else 1.0
            low, high = self.value / spread, self.value * spread
        else:
            low = self.value if self.low is None else self.low
            high = self.value if self.high is None else self.high
        return Quantity(self.value, low, high, self.unit, self.status, self.source, self.domain)


def _example(unit: Unit) -> str:
    return EXAMPLES.get(unit.powers, f"1 {unit.name}")


def validate(model: type[Model], document: Document, path: Path_ = ()) -> tuple[Model | None, list[Fault]]:
    """The part of a document at ``path`` as a model, or its faults.

    Returns:
        The model and no faults, or None and at least one.
    """
    data = _at(document.data, path)
    if not isinstance(data, dict):
        return None, [document.fault(path, f"expected keys and values, found {_kind(data)}")]
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, [_fault(document, path, data, model, dict(each)) for each in error.errors()]


def report(document: Document, faults: list[Fault]) -> None:
    """Raise all faults of a document, those of the YAML and those found by a schema.

    A value that was no valid YAML is not complained about twice.

    Raises:
        InputError: There is a fault.
    """
    broken = {fault.path for fault in document.faults}
    every = [*document.faults, *(fault for fault in faults if fault.path not in broken)]
    if every:
        raise InputError(every)


def _fault(document: Document, path: Path_, data: Any, model: type[Strict], error: dict[str, Any]) -> Fault:
    location = _held(error["loc"], data)
    return document.fault((*path, *location), _message(error, model))


def _held(location: tuple[Any, ...], data: Any) -> Path_:
    """The part of pydantic's location that the file can show: up to a value that is no mapping or list."""
    held: list[str | int] = []
    for part in location:
        if not isinstance(data, dict | list) or (isinstance(data, list) and not isinstance(part, int)):
            break
        held.append(part)
        data = data.get(part) if isinstance(data, dict) else data[part]
    return tuple(held)


def _message(error: dict[str, Any], model: type[Strict]) -> str:
    kind, context, value = error["type"], error.get("ctx", {}), error.get("input")
    if kind == "extra_forbidden":
        return unknown("key", str(error["loc"][-1]), _keys(model, error["loc"]))
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(context["error"])
    if kind == "too_short":
        return "is empty; it needs at least one entry"
    if kind in _COMPARISONS:
        return f"{value} is not {_COMPARISONS[kind]} {next(iter(context.values()))}"
    if kind == "literal_error":
        return f"'{value}' is none of {str(context['expected']).replace(chr(39), '').replace(' or ', ', ')}"
    expected = _EXPECTED.get(kind, str(error["msg"]).lower())
    return f"expected {expected}, found {_kind(value)}"


_COMPARISONS = {
    "greater_than": "above",
    "greater_than_equal": "at least",
    "less_than": "below",
    "less_than_equal": "at most",
}
_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
}


def unknown(what: str, name: str, known: Any) -> str:
    """The message for a name nobody knows, with the nearest known one."""
    names = sorted(known)
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean '{nearest[0]}'?" if nearest else f"known are {', '.join(names)}"
    return f"unknown {what} '{name}'; {hint}"


def _keys(model: type[Strict], location: tuple[Any, ...]) -> list[str]:
    """Keys of the mapping that holds the last part of ``location``."""
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        inner = _strict_type(field.annotation) if field else None
        if inner is not None:
            model = inner
    return list(model.model_fields)


def _strict_type(annotation: Any) -> type[Strict] | None:
    options = get_args(annotation) if get_origin(annotation) in {Union, UnionType, dict} else (annotation,)
    return next((each for each in options if isinstance(each, type) and issubclass(each, Strict)), None)


def _at(data: Any, path: Path_) -> Any:
    for part in path:
        data = data[part]
    return data


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "keys and values"
    if isinstance(value, list):
        return "a list"
    return f"'{value}'" if isinstance(value, str) else f"{value}"
