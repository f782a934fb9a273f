"""What all input files share: strict models, quantities with units, and pydantic's errors in our words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, ClassVar, Final, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from costmodel.inputs.faults import Fault, InputError
from costmodel.inputs.texts import shortened
from costmodel.inputs.yaml_reader import Document, Path_
from costmodel.quantities import symbols
from costmodel.quantities.estimate import DEVIATE_95, Quantity, Status
from costmodel.quantities.names import unknown
from costmodel.quantities.symbols import SymbolInfo
from costmodel.quantities.units import EXAMPLES, Unit, one, parse_quantity

#: Longest name of a model, a card or a layer.
LONGEST_NAME: Final = 200
#: Quantities lie between 1 over this and this, in SI units, so that no product of a few of them leaves the floats.
LARGEST: Final = 1e30
#: How pydantic says that a key of a mapping is wrong, not its value.
_KEY: Final = "[key]"
#: Largest standard error over its value: the 95th percentile is then 14 million times the median.
_WIDEST: Final = 10.0


def _checked_name(name: str) -> str:
    if not name:
        raise ValueError("is empty")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"has {len(name)} characters; a name has at most {LONGEST_NAME}")
    if not name.isprintable():
        raise ValueError("has a line break or another character that cannot be printed")
    return name


#: Names stand in tables and in paths, so they are short and on one line.
Name = Annotated[str, AfterValidator(_checked_name)]


class ConflictsError(ValueError):
    """Values that are fine each and do not go together.

    Attributes:
        messages: One for each thing that is wrong.
    """

    def __init__(self, *messages: str) -> None:
        self.messages = messages
        super().__init__("; ".join(messages))


class Strict(BaseModel):
    """A mapping in an input file: unknown keys are errors, numbers in quotes are not numbers."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True, strict=True)

    @field_validator("schema_", mode="before", check_fields=False)
    @classmethod
    def _whole_version(cls, value: Any) -> Any:
        if type(value) is not int:  # for Python true and 1.0 equal 1
            raise ValueError(f"expected the whole number 1, found {_kind(value)}")
        return value

    def conflicts(self) -> Iterator[str]:
        """What is wrong between the values of several keys, a message each."""
        yield from ()

    @model_validator(mode="after")
    def _without_conflicts(self) -> Strict:
        messages = tuple(self.conflicts())
        if messages:
            raise ConflictsError(*messages)
        return self


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
            raise ValueError(f"status {_kind(value)} is none of {', '.join(Status)}")
        return Status(value)

    @field_validator("domain", mode="before")
    @classmethod
    def _domain(cls, value: Any) -> Any:
        numbers = isinstance(value, list) and [each for each in value if type(each) in {int, float}]
        if not numbers or len(value) != 2 or len(numbers) != 2 or not 0 <= value[0] <= value[1] < math.inf:
            raise ValueError("expected the smallest and the largest size, like [64, 4096]")
        return float(value[0]), float(value[1])

    @field_validator("value", "low", "high", mode="before")
    @classmethod
    def _in_domain(cls, value: Any) -> float:
        number = cls._number(value)
        if cls.symbol is not None:
            cls.symbol.check(number, number)
            if cls.symbol.whole and number != int(number):
                raise ValueError(f"{number:g} is not a whole number")
        elif number <= 0:
            raise ValueError(f"{value} is not above 0")
        if number and not 1 / LARGEST <= abs(number) <= LARGEST:
            unit = "" if cls.unit.powers == one.powers else f" {cls.unit.name}"
            raise ValueError(f"{number:g}{unit} is not between {1 / LARGEST:g} and {LARGEST:g}{unit}")
        return number

    @field_validator("standard_error", mode="before")
    @classmethod
    def _not_negative(cls, value: Any) -> float:
        number = cls._number(value)
        if number < 0:
            raise ValueError(f"{value} is below 0")
        return number

    @classmethod
    def _number(cls, value: Any) -> float:
        """A number in the unit of the quantity."""
        if value is None:
            raise ValueError("a number is missing; leave the key out where there is none")
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(f"expected a number with a unit, like '{_example(cls.unit)}'")
        if isinstance(value, str):
            return parse_quantity(value, cls.unit)
        if cls.unit.powers == one.powers or value == 0:
            return float(value)
        raise ValueError(f"missing unit: {value:g} needs one, like '{_example(cls.unit)}'")

    def conflicts(self) -> Iterator[str]:
        """Bounds that are not in order, or given in two ways."""
        if self.standard_error is not None:
            if self.low is not None or self.high is not None:
                yield "give either standard_error or low and high"
            if self.standard_error > _WIDEST * self.value:
                yield (
                    f"standard_error {self.standard_error:g} is more than {_WIDEST:g} times the value {self.value:g}; "
                    "write low and high"
                )
        elif (self.low is None) != (self.high is None):
            yield "low and high go together"
        elif self.low is not None and self.high is not None:
            if self.low > self.high:
                yield f"low {self.low:g} is above high {self.high:g}"
            elif not self.low <= self.value <= self.high:
                yield f"value {self.value:g} is outside low {self.low:g} to high {self.high:g}"

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


def validate(
    model: type[Model], document: Document, path: Path_ = (), data: Any = None
) -> tuple[Model | None, list[Fault]]:
    """The part of a document at ``path`` as a model, or its faults.

    Args:
        model: The schema.
        document: Says where things stand.
        path: The part of the document.
        data: Checked instead of what stands there.

    Returns:
        The model and no faults, or None and at least one.
    """
    data = _at(document.data, path) if data is None else data
    if not isinstance(data, dict):
        return None, [document.fault(path, f"expected keys and values, found {_kind(data)}")]
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        faults = [fault for each in error.errors() for fault in _faults(document, path, data, model, dict(each))]
        return None, faults


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


def _faults(document: Document, path: Path_, data: Any, model: type[Strict], error: dict[str, Any]) -> Iterator[Fault]:
    here = (*path, *_held(error["loc"], data))
    conflicts = error.get("ctx", {}).get("error")
    messages = conflicts.messages if isinstance(conflicts, ConflictsError) else (_message(error, model),)
    for message in messages:
        yield document.fault(here, message)


def _held(location: tuple[Any, ...], data: Any) -> Path_:
    """The part of pydantic's location that the file can show: up to a value that is no mapping or list."""
    held: list[str | int] = []
    for part in location:
        if part == _KEY or not isinstance(data, dict | list) or (isinstance(data, list) and not isinstance(part, int)):
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
        least = "one entry" if context["min_length"] == 1 else f"{context['min_length']} entries"
        return f"{f'has {len(value)}' if value else 'is empty'}; it needs at least {least}"
    if kind == "too_long":
        return f"has {len(value or '')} entries, at most {context['max_length']}"
    if kind in _COMPARISONS:
        return f"{value} is not {_COMPARISONS[kind]} {next(iter(context.values()))}"
    if kind in {"literal_error", "enum"}:
        return f"{_kind(value)} is none of {str(context['expected']).replace(chr(39), '').replace(' or ', ', ')}"
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


def _keys(model: type[Strict], location: tuple[Any, ...]) -> list[str]:
    """Keys of the mapping that holds the last part of ``location``."""
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        inner = strict_type(field.annotation) if field else None
        if inner is not None:
            model = inner
    return [field.alias or name for name, field in model.model_fields.items()]


def strict_type(annotation: Any) -> type[Strict] | None:
    """The schema that a field holds, by itself, where it is given, or under keys of its own."""
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
    return f"'{shortened(value, 60)}'" if isinstance(value, str) else f"{value}"
