"""No result is printed with a NaN or an infinity in it: which of its numbers are none, by path."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from costmodel.inputs.faults import Fault, InputError

#: Faults shown; one value out of proportion spoils hundreds of results.
_SHOWN: Final = 5


class NotFiniteError(ArithmeticError):
    """A NaN or an infinity was about to be printed."""

    def __init__(self, value: float) -> None:
        super().__init__(f"{value:g} is not a finite number")


def check_finite(result: Mapping[str, Any]) -> None:
    """Refuse a result in its JSON form that holds a NaN or an infinity.

    Raises:
        InputError: It does; a few of them by path. Values of the model or of a card are too far apart for a float.
    """
    found = [(path, value) for path, value in _numbers(result, "") if not math.isfinite(value)]
    if not found:
        return
    shown = [Fault("result", 0, 0, path, f"is {value:g}, not a finite number") for path, value in found[:_SHOWN]]
    rest = f" (with {len(found) - _SHOWN} more)" if len(found) > _SHOWN else ""
    cause = f"not all numbers are finite{rest}: a value of the model or of a card is out of all proportion"
    raise InputError([Fault("result", 0, 0, "", cause), *shown])


def _numbers(value: Any, path: str) -> Iterator[tuple[str, float]]:
    """Every float in a nest of mappings and sequences, with its keys joined by dots."""
    if isinstance(value, float):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, inner in enumerate(value):
            yield from _numbers(inner, f"{path}.{index}")
