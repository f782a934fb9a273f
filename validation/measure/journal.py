"""Timing files: JSON Lines, one record a line, appended as they are taken, read back with every fault in its place."""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from costmodel.inputs.faults import Fault, InputError
from costmodel.machines.operations import timed
from costmodel.quantities.names import unknown
from validation.measure.records import (
    SCHEMA,
    Environment,
    LayerSizes,
    ModelSizes,
    Point,
    Statistics,
    Timing,
    names,
)

_WHOLE = frozenset({"threads", "n", "m", "batch", "round", "calls"})
_TEXT = frozenset({"op", "dtype", "model"})
#: Whole numbers of which there is at least one.
_COUNTS = frozenset({"threads", "batch", "calls"})
#: How every timing file begins.
_START = b'{"kind": "environment"'
#: Numbers of a network's layer, all of them whole.
_LAYER_SIZES = ("rows", "d", "a", "g", "input_elements")
_TIMES = ("min_s", "q1_s", "median_s", "q3_s", "reference_s")


@dataclass(slots=True)
class Journal:
    """The content of a timing file.

    Attributes:
        origin: The file, as the user named it.
        environment: Where it was measured.
        timings: Every visit.
        models: Networks whose phases were timed, by name.
        lines: Line of each visit.
    """

    origin: str
    environment: Environment | None = None
    timings: list[Timing] = field(default_factory=list)
    models: dict[str, ModelSizes] = field(default_factory=dict)
    lines: list[int] = field(default_factory=list)


def read(file: Path) -> Journal:
    """Read a timing file.

    Raises:
        InputError: All faults at once: what is no record, cut off, negative, given twice or of another machine.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError.about(str(file), f"cannot be read: {reason}") from None
    reader = _Reader(Journal(str(file)))
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            reader.line(number, line, last=number == len(lines))
    reader.finish()
    if reader.faults:
        raise InputError(reader.faults)
    return reader.journal


def append(file: Path, record: dict[str, Any]) -> None:
    """Append one record; a kill leaves at most one line cut off, which :func:`repair` removes."""
    try:
        with file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")
    except OSError as error:
        raise InputError.about(str(file), f"cannot be written: {error.strerror}") from None


def lock(file: Path) -> IO[bytes]:
    """Open a timing file for one session alone, until it is closed or the process ends; it is made where missing.

    Raises:
        InputError: Another session holds it, or it cannot be written.
    """
    try:
        stream = file.open("ab")
    except OSError as error:
        raise InputError.about(str(file), f"cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        stream.close()
        raise InputError.about(
            str(file), "is being written by another measure; wait for it or choose another --out"
        ) from None
    return stream


def digest(timings: Iterable[Timing]) -> str:
    """SHA-256 over the sorted lines of some visits: the same visits give the same text in any order."""
    lines = sorted(json.dumps(timing.as_dict(), sort_keys=True) for timing in timings)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def header(environment: Environment) -> dict[str, Any]:
    """The first line of a file."""
    return {"kind": "environment", "schema": SCHEMA, **asdict(environment)}


def repair(file: Path) -> bool:
    """Take off a last line that a kill cut off; whether there was one.

    The file is shortened and not written anew, so that a full disk cannot cost it a line.

    Raises:
        InputError: The file does not start as a timing file does, and is left as it is.
    """
    data = file.read_bytes() if file.exists() else b""
    if not data or data.endswith(b"\n"):
        return False
    if data[: len(_START)] != _START[: len(data)]:
        raise InputError.about(str(file), "is no timing file, so nothing is added to it; choose another --out", 1, 1)
    os.truncate(file, data.rfind(b"\n") + 1)
    return True


@dataclass(slots=True)
class _Reader:
    journal: Journal
    faults: list[Fault] = field(default_factory=list)
    seen: dict[tuple[Point, int], int] = field(default_factory=dict)

    def line(self, number: int, text: str, last: bool) -> None:
        try:
            data = json.loads(text, parse_constant=_refuse)
        except RecursionError:
            self._fail(number, 1, "", "not valid JSON: nested too deeply")
            return
        except ValueError as error:
            column = getattr(error, "colno", 1)
            cut = "the file is cut off here; run measure with the same --out again, or delete this line"
            self._fail(number, column, "", cut if last else f"not valid JSON: {_reason(error)}")
            return
        kind = data.get("kind") if isinstance(data, dict) else None
        readers = {"environment": self._environment, "timing": self._timing, "model": self._model}
        if not isinstance(kind, str) or kind not in readers:
            self._fail(number, 1, "kind", f"'{kind}' is none of {', '.join(readers)}")
        elif kind != "environment" and self.journal.environment is None:
            self._fail(number, 1, "", "comes before the environment line, so nothing says where it was measured")
        else:
            readers[kind](number, data)

    def finish(self) -> None:
        if self.journal.environment is None and not self.faults:
            self._fail(0, 0, "", "holds no environment line; was it written by measure?")

    def _environment(self, number: int, data: dict[str, Any]) -> None:
        if data.get("schema") != SCHEMA:
            self._fail(number, 1, "schema", f"{data.get('schema')} is not {SCHEMA}")
            return
        missing = [name for name in names(Environment) if name not in data]
        if missing:
            self._fail(number, 1, missing[0], "is missing")
            return
        found = Environment(**{name: data[name] for name in names(Environment)})
        known = self.journal.environment
        if known is not None and found.identity != known.identity:
            pairs = zip(known.identity, found.identity, strict=True)
            first = next(f"'{new}' after '{old}'" for old, new in pairs if old != new)
            self._fail(number, 1, "", f"timings of another machine or software: {first}; keep a file for each")
            return
        self.journal.environment = known or found

    def _timing(self, number: int, data: dict[str, Any]) -> None:
        wanted = [*names(Point), "round", *names(Statistics)]
        before = len(self.faults)
        for name in wanted:
            self._check(number, name, data)
        for name in sorted(set(data) - {*wanted, "kind"}):
            self._fail(number, 1, name, "unknown key of a timing")
        if len(self.faults) > before:
            return
        point = Point(**{name: data[name] for name in names(Point)})
        if not point.model and point.op not in timed():
            self._fail(number, 1, "op", unknown("operation", point.op, timed()))
            return
        key = (point, data["round"])
        if key in self.seen:
            self._fail(
                number, 1, "round", f"round {key[1]} of this point is given twice, first in line {self.seen[key]}"
            )
            return
        self.seen[key] = number
        self.journal.lines.append(number)
        self.journal.timings.append(
            Timing(point, data["round"], Statistics(**{name: data[name] for name in names(Statistics)}))
        )

    def _check(self, number: int, name: str, data: dict[str, Any]) -> None:
        value = data.get(name)
        if name not in data:
            self._fail(number, 1, name, "is missing")
        elif name in _TEXT:
            if not isinstance(value, str):
                self._fail(number, 1, name, f"expected text, found {value}")
        elif isinstance(value, bool) or not isinstance(value, int if name in _WHOLE else int | float):
            self._fail(number, 1, name, f"expected a {'whole ' if name in _WHOLE else ''}number, found {value!r}")
        elif not _finite(value):
            self._fail(number, 1, name, "is no finite number")
        elif name in _TIMES and not value > 0:
            self._fail(number, 1, name, f"a time of {value:g} s is not above 0")
        elif value < 1 and (name in _COUNTS or (name in ("n", "m") and not data.get("model"))):
            self._fail(number, 1, name, f"{value} is not above 0")
        elif value < 0:
            self._fail(number, 1, name, f"{value} is negative")

    def _model(self, number: int, data: dict[str, Any]) -> None:
        layers = data.get("layers")
        parts = [(names(ModelSizes), data), *((names(LayerSizes), each) for each in layers or ())]
        for wanted, part in parts if isinstance(layers, list) else [(["layers"], {})]:
            missing = [name for name in wanted if not isinstance(part, dict) or name not in part]
            if missing and wanted != names(ModelSizes):
                self._fail(number, 1, "layers", f"not the sizes of a network: it lacks {', '.join(missing[-5:])}")
                return
        try:
            rest = {name: data[name] for name in names(ModelSizes) if name != "layers"}
            sizes = ModelSizes(layers=tuple(LayerSizes(**each) for each in data["layers"]), **rest)
        except (KeyError, TypeError) as error:
            self._fail(number, 1, "layers", f"not the sizes of a network: {error}")
            return
        wrong = _wrong_size(sizes)
        if wrong:
            self._fail(number, 1, "layers", wrong)
            return
        known = self.journal.models.setdefault(sizes.model, sizes)
        if known != sizes:
            self._fail(number, 1, "model", f"'{sizes.model}' has other layers than before")

    def _fail(self, line: int, column: int, path: str, message: str) -> None:
        self.faults.append(Fault(self.journal.origin, line, column, path, message))


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def _wrong_size(sizes: ModelSizes) -> str:
    """What is no size in a network, empty where all are."""
    if not isinstance(sizes.model, str) or not sizes.model:
        return f"the name of a network is text, found {sizes.model!r}"
    for layer in sizes.layers:
        for name in _LAYER_SIZES:
            value = getattr(layer, name)
            if type(value) is not int or value < 1 or not _finite(value):
                return f"{name} is a whole number above 0, found {value!r}"
    for name in ("attention_flops", "activations", "parameters", "tensors"):
        value = getattr(sizes, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value) or value < 0:
            return f"{name} is a number from 0, found {value!r}"
    return ""


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _reason(error: ValueError) -> str:
    return str(getattr(error, "msg", error)).lower()


def visits(journal: Journal) -> Iterator[tuple[Point, list[Timing]]]:
    """All visits of each point together, points in order of their first visit."""
    grouped: dict[Point, list[Timing]] = {}
    for timing in journal.timings:
        grouped.setdefault(timing.point, []).append(timing)
    yield from grouped.items()
