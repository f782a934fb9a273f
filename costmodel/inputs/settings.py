"""``--set path=value``: which file a setting is for, and the file with its values replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final

from costmodel.inputs.device_schema import AnalogFile, DigitalFile
from costmodel.inputs.faults import Fault, InputError
from costmodel.inputs.schema import Strict, strict_type
from costmodel.inputs.solver_file import SolverFile
from costmodel.inputs.texts import shortened
from costmodel.inputs.workload_schema import WorkloadFile
from costmodel.inputs.yaml_reader import Document, Path_, dotted, parse_yaml
from costmodel.quantities.names import REPLACED, nearest_name, unknown
from costmodel.quantities.symbols import SYMBOLS

#: What ``--set`` can change; the key is the optional first word of its path.
_ROOTS: Final[Mapping[str, type[Strict]]] = {
    "model": WorkloadFile,
    "digital": DigitalFile,
    "analog": AnalogFile,
    "solver": SolverFile,
}
#: An entry of a list; a model has fewer than a billion.
_INDEX: Final = re.compile("[0-9]{1,9}")


def split_settings(settings: Sequence[str]) -> dict[str, list[str]]:
    """Sort ``path=value`` settings by what they change: ``model``, ``digital``, ``analog`` or ``solver``.

    The first word of a path may say which; without it the first key decides.

    Raises:
        InputError: A setting has no ``=``, or its first key is no key of any of the four.
    """
    sorted_, faults = sort_settings(settings)
    if faults:
        raise InputError(faults)
    return sorted_


def sort_settings(settings: Sequence[str]) -> tuple[dict[str, list[str]], list[Fault]]:
    """As :func:`split_settings`, with the faults of those that are for nothing."""
    sorted_: dict[str, list[str]] = {root: [] for root in _ROOTS}
    faults = []
    for setting in settings:
        path, equals, value = setting.partition("=")
        first, _, rest = path.partition(".")
        root = first if first in _ROOTS and rest else _first_keys().get(first)
        if not equals or not path or not value.strip():
            faults.append(Fault("--set", 0, 0, setting, "is not path=value, like kfac.damping=1e-2"))
        elif root is None:
            faults.append(Fault("--set", 0, 0, path, _unknown_key(path)))
        else:
            sorted_[root].append(f"{rest if first in _ROOTS else path}={value}")
    return sorted_, faults


def _unknown_key(path: str) -> str:
    """What is said of a path that begins with no known key: the key further down or in two files that may be meant."""
    first, keys = path.partition(".")[0], _first_keys()
    name = SYMBOLS[first].name if first in SYMBOLS else first
    if name in REPLACED:
        return unknown("key", name, _paths())
    meant = _meant(first, keys)
    if not meant:
        return unknown("key", first, keys)
    choices = " or ".join(f"'{each}'" for each in meant[:_CHOICES])
    return f"unknown key '{shortened(first, 60)}'; did you mean {choices}?"


def _meant(first: str, keys: Mapping[str, str]) -> list[str]:
    """Paths that a key may be short for: those that end with it, or with what its letter stands for, or are like it."""
    paths = _paths()
    name = SYMBOLS[first].name if first in SYMBOLS else first
    by_letter = [key for key in keys if key == name] + [each for each in paths if each == f"kfac.{name}"]
    if name != first and by_letter:
        return by_letter
    ending = [each for each in paths if each.rpartition(".")[2] == first]
    if ending:
        return ending
    leaves = {each.rpartition(".")[2]: each for each in paths} | {key: key for key in keys}
    within = [leaves[leaf] for leaf in sorted(leaves) if leaf.startswith(first) or leaf.endswith(f"_{first}")]
    if 0 < len(within) <= _CHOICES:
        return within
    nearest = nearest_name(first, tuple(sorted(leaves)))
    return [leaves[nearest]] if nearest else []


#: Keys that a hint names at most.
_CHOICES: Final = 3


@cache
def _first_keys() -> dict[str, str]:
    """First keys of a path, with what they belong to; keys that several share need the root in front."""
    owners: dict[str, str] = {}
    for root, model in _ROOTS.items():
        for name in model.model_fields:
            owners[name] = "" if name in owners else root
    return {name: root for name, root in owners.items() if root and name != "schema_"}


@cache
def _paths() -> tuple[str, ...]:
    """Paths that a first key alone does not tell: of two keys, or in several files."""
    firsts = _first_keys()
    return tuple(
        path
        for root, model in _ROOTS.items()
        for name, field in model.model_fields.items()
        if name not in {"schema_", "kind"}
        for path in _below(name if name in firsts else f"{root}.{name}", strict_type(field.annotation))
        if path not in firsts
    )


def _below(path: str, model: type[Strict] | None) -> Iterator[str]:
    yield path
    inner = set(model.model_fields) if model is not None else set()
    if "value" not in inner:  # the parts of a quantity are no paths that somebody looks for
        yield from (f"{path}.{name}" for name in sorted(inner))


def overridden(document: Document, settings: Sequence[str]) -> Document:
    """The document with some values replaced, each value read as YAML; what cannot be replaced is among its faults."""
    paths, faults = list(document.overridden), list(document.faults)
    for setting in settings:
        path_text, _, value_text = setting.partition("=")
        path: Path_ = tuple(int(part) if _INDEX.fullmatch(part) else part for part in path_text.split("."))
        try:
            value = parse_yaml(value_text, "--set", empty="has no value")
        except InputError as error:
            faults.extend(Fault("--set", 0, 0, path_text, fault.message) for fault in error.faults)
            continue
        faults.extend(Fault("--set", 0, 0, path_text, fault.message) for fault in value.faults)
        nowhere = _replace(document.data, path, value.data)
        if nowhere is None:
            paths.append(path)
        else:
            faults.append(nowhere)
    return replace(document, faults=tuple(faults), overridden=tuple(paths))


def _replace(data: Any, path: Path_, value: Any) -> Fault | None:
    """Put a value into data, or say where its path ends."""
    for depth, part in enumerate(path):
        last = depth == len(path) - 1
        if isinstance(data, dict):
            key = str(part)
            # A section the file leaves out can still be set; a quantity in short form gives way to its long form.
            if last or not isinstance(data.get(key), dict | list):
                data[key] = value if last else {}
            data = data[key]
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            if last:
                data[part] = value
            data = data[part]
        else:
            entries = f"the list has {len(data)} entries" if isinstance(data, list) else "it is a value without keys"
            return Fault("--set", 0, 0, dotted(path[: depth + 1]), f"leads nowhere: {entries}")
    return None
