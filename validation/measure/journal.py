"""Timing files: JSON Lines, one record a line, appended as they are taken, read back with every fault in its place."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from costmodel.inputs.faults import Fault, InputError
from costmodel.machines.operations import timed
from costmodel.quantities.names import unknown
from validation.measure.timings import (
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
_COUNTS = frozenset({"threads", "n", "m", "batch", "calls"})
#: No time in seconds, size or count of a timing is larger; products of some stay finite.
_MOST = 10**9
_MOST_FLOPS = 10**30
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
    """Read a timing file, packed by gzip where its name ends in ``.gz``.

    Raises:
        InputError: All faults at once: what is no record, cut off, negative, given twice or of another machine.
    """
    try:
        data = file.read_bytes()
        text = (gzip.decompress(data) if file.suffix == ".gz" else data).decode("utf-8")
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise InputError.about(str(file), "cannot be read: not a whole gzip file") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError.about(str(file), f"cannot be read: {reason}") from None
    return parse(text, str(file))


def parse(text: str, origin: str) -> Journal:
    """Read the text of a timing file; ``origin`` names it in messages.

    Raises:
        InputError: As :func:`read`.
    """
    reader = _Reader(Journal(origin))
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            reader.line(number, line, last=number == len(lines))
    reader.finish()
    if reader.faults:
        raise InputError(reader.faults)
    return reader.journal


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
            self._fail(
                number, column, "", cut if last and text.startswith('{"kind') else f"not valid JSON: {_reason(error)}"
            )
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
        if not self._sized(number, "", Environment, data):
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
        elif not abs(value) <= _MOST:
            self._fail(
                number,
                1,
                name,
                f"{value:.3g} is above {_MOST:g}" if isinstance(value, float) else f"is above {_MOST:g}",
            )
        elif name in _TIMES and not value > 0:
            self._fail(number, 1, name, f"a time of {value:g} s is not above 0")
        elif name in _COUNTS and not value > 0 and not (name in {"n", "m"} and data.get("model")):
            self._fail(number, 1, name, f"{value} is not above 0")
        elif value < 0:
            self._fail(number, 1, name, f"{value} is negative")

    def _model(self, number: int, data: dict[str, Any]) -> None:
        layers = data.get("layers")
        parts = [
            (names(ModelSizes), data),
            *((names(LayerSizes), each) for each in (layers if isinstance(layers, list) else ())),
        ]
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
        layers_fit = [
            self._sized(number, f"layers.{index}.", LayerSizes, each) for index, each in enumerate(data["layers"])
        ]
        if not self._sized(number, "", ModelSizes, data) or not all(layers_fit):
            return
        known = self.journal.models.setdefault(sizes.model, sizes)
        if known != sizes:
            self._fail(number, 1, "model", f"'{sizes.model}' has other layers than before")

    def _sized(self, number: int, path: str, record: type, data: dict[str, Any]) -> bool:
        """Whether the texts and numbers of a line without times are what its record says."""
        before = len(self.faults)
        for each in fields(record):
            value = data[each.name]
            if each.type == "str" and not isinstance(value, str):
                self._fail(number, 1, path + each.name, f"expected text, found {value!r}")
            elif each.type in {"int", "float"}:
                wanted = int if each.type == "int" else int | float
                if isinstance(value, bool) or not isinstance(value, wanted) or not 0 <= value <= _MOST_FLOPS:
                    self._fail(
                        number,
                        1,
                        path + each.name,
                        f"expected a {'whole ' * (each.type == 'int')}number from 0 to 1e+30",
                    )
        return len(self.faults) == before

    def _fail(self, line: int, column: int, path: str, message: str) -> None:
        self.faults.append(Fault(self.journal.origin, line, column, path, message))


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _reason(error: ValueError) -> str:
    return str(getattr(error, "msg", error)).lower()


def digest(timings: Iterable[Timing]) -> str:
    """SHA-256 over the sorted lines of some visits: the same visits give the same text in any order.

    A card carries that of the visits behind it, so that scoring it on them is seen for what it is.
    """
    lines = sorted(json.dumps(timing.as_dict(), sort_keys=True) for timing in timings)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
