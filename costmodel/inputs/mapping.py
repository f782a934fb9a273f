"""A model or a card that is given as a Python mapping, brought to the form that a file is read to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import Enum
from numbers import Integral, Real
from typing import Any, Final

from costmodel.inputs.faults import Fault, InputError
from costmodel.inputs.yaml_events import MAXIMUM_DEPTH
from costmodel.inputs.yaml_reader import MAXIMUM_VALUES, Document, Path_, dotted

#: What messages call it, where they would name a file.
ORIGIN: Final = "<mapping>"


def document_of(mapping: Mapping[str, Any], origin: str = ORIGIN) -> Document:
    """A copy of the mapping as a document; tuples become lists, numpy's numbers become Python's.

    Args:
        mapping: What a file would hold.
        origin: What messages call it.

    Raises:
        InputError: It has more values than a file may have.
    """
    faults: list[Fault] = []
    data = _Copy(faults, origin).value(mapping, ())
    return Document(origin, data, {}, tuple(faults))


class _Copy:
    def __init__(self, faults: list[Fault], origin: str) -> None:
        self.faults, self.origin = faults, origin
        self.values = 0

    def value(self, value: Any, path: Path_) -> Any:
        """A value as a file would give it, and all in it; what no file could hold becomes a fault."""
        self.values += 1
        if self.values > MAXIMUM_VALUES:
            raise InputError.about(self.origin, f"more than {MAXIMUM_VALUES} values")
        if len(path) > MAXIMUM_DEPTH:
            return self._fail(path, f"nested more than {MAXIMUM_DEPTH} levels deep")
        if isinstance(value, Enum):
            value = value.value
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, Mapping):
            return self._mapping(value, path)
        if isinstance(value, Sequence) and not isinstance(value, bytes):
            return [self.value(each, (*path, index)) for index, each in enumerate(value)]
        if isinstance(value, Real):
            return self._number(value, path)
        return self._fail(path, f"a {type(value).__name__} is no value of a file; give text, a number or a list")

    def _mapping(self, value: Mapping[Any, Any], path: Path_) -> dict[str, Any]:
        result = {}
        for key, inner in value.items():
            if isinstance(key, str):
                result[key] = self.value(inner, (*path, key))
            else:
                self._fail(path, f"a key must be text, found {key!r}")
        return result

    def _number(self, value: Real, path: Path_) -> Any:
        try:
            number = float(value)
        except OverflowError:
            return self._fail(path, "too large a number")
        if not math.isfinite(number):
            return self._fail(path, f"{number} is not a finite number")
        return int(value) if isinstance(value, Integral) else number

    def _fail(self, path: Path_, message: str) -> None:
        self.faults.append(Fault(self.origin, 0, 0, dotted(path), message))
