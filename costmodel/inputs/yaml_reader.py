"""YAML text to plain Python data, with the line and column of every key and value.

The tree of a document is walked here rather than loaded, because a walk sees what a loader hides: aliases that make a
cycle, aliases that multiply without end, repeated keys, and where everything stands. YAML 1.2 rules apply (``1e-6`` is
a number, ``no`` is a string). Nothing in a file can run code: tags are refused.
"""

from __future__ import annotations

import math
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from costmodel.inputs.faults import Fault, InputError
from costmodel.inputs.texts import shortened
from costmodel.inputs.yaml_events import MAXIMUM_DEPTH, Node, compose

#: A model of 10 000 layers written out is about 1 MB; more is a mistake.
MAXIMUM_BYTES: Final = 2_000_000
MAXIMUM_VALUES: Final = 500_000
#: Digits of the longest whole number that a float can hold.
_MOST_DIGITS: Final = 308

_DIGITS: Final = "[0-9]+(?:_[0-9]+)*"
_INTEGER: Final = re.compile(rf"[-+]?{_DIGITS}|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT: Final = re.compile(rf"[-+]?(?:{_DIGITS}\.?(?:{_DIGITS})?|\.{_DIGITS})(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

_EMPTY: Final = "empty file; it needs at least a 'schema' and a 'name'"

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The data of a YAML file and where each part of it stands.

    Attributes:
        origin: The file's name as the user gave it.
        data: Plain dicts, lists, strings, numbers, booleans and None.
        places: Line and column of each value by path; of its key, where it has one. Empty for data of no file.
        faults: What is wrong as YAML (a repeated key, an infinite number) or with a setting; reported together with the
            schema's faults.
        overridden: Paths whose values were replaced on the command line.
    """

    origin: str
    data: Any
    places: dict[Path_, tuple[int, int]]
    faults: tuple[Fault, ...] = ()
    overridden: tuple[Path_, ...] = ()

    def fault(self, path: Path_, message: str) -> Fault:
        """A fault at a path, placed at the nearest part of it that the file holds, or at the option that set it."""
        # A value that was set, part of one, or (where two values disagree) the section that holds one.
        if path and any(path[: len(each)] == each or each[: len(path)] == path for each in self.overridden):
            return Fault("--set", 0, 0, dotted(path), message)
        held = path
        while held and held not in self.places:
            held = held[:-1]
        line, column = self.places.get(held, (0, 0))
        return Fault(self.origin, line, column, dotted(path), message)


def dotted(path: Path_) -> str:
    """A path as it is shown: ``layers.3.d_in``."""
    return ".".join(str(part) for part in path)


def read_yaml(file: Path) -> Document:
    """Read one YAML file.

    Raises:
        InputError: It cannot be read, is too large, empty or no YAML.
    """
    origin = str(file)
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            kind = "a directory" if file.is_dir() else "not a regular file"
            raise InputError.about(origin, f"cannot be read: it is {kind}")
        with file.open("rb") as stream:
            # One byte more than allowed: what a file says of its size is not always true.
            content = stream.read(MAXIMUM_BYTES + 1)
        size = max(len(content), file.stat().st_size)
        if size > MAXIMUM_BYTES:
            message = (
                f"file of {size / 1e6:.1f} MB; at most {MAXIMUM_BYTES / 1e6:g} MB are read (use 'repeat' for layers)"
            )
            raise InputError.about(origin, message)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError.about(origin, f"cannot be read: {reason}") from None
    return parse_yaml(text, origin)


def parse_yaml(text: str, origin: str, empty: str = _EMPTY) -> Document:
    """Parse YAML text; ``origin`` names it in messages, ``empty`` is said of a text without a value.

    Raises:
        InputError: As :func:`read_yaml`.
    """
    node = compose(text, origin)
    if node is None:
        raise InputError.about(origin, empty, 1, 1)
    walk = _Walk(origin)
    data = walk.value(node, (), ())
    return Document(origin, data, walk.places, tuple(walk.faults))


@dataclass(slots=True)
class _Walk:
    origin: str
    places: dict[Path_, tuple[int, int]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    values: int = 0

    def value(self, node: Node, path: Path_, parents: tuple[int, ...]) -> Any:
        """The Python value of a node, its aliases followed; what is wrong in it becomes a fault at its place."""
        self.places.setdefault(path, (node.line, node.column))
        self.values += 1
        if self.values > MAXIMUM_VALUES:
            raise InputError.about(self.origin, f"more than {MAXIMUM_VALUES} values once its aliases are followed")
        if node.tag:
            self._fail(node, path, _tagged(node))
        if node.text is not None:
            return None if node.tag else self._scalar(node, node.text, path)
        if id(node) in parents:
            return self._fail(node, path, "an alias that contains itself; write the value out")
        if len(parents) >= MAXIMUM_DEPTH:  # an alias inside what another alias stands for
            return self._fail(node, path, f"nested more than {MAXIMUM_DEPTH} levels deep")
        parents = (*parents, id(node))
        if node.mapping:
            return self._mapping(node, path, parents)
        return [self.value(child, (*path, index), parents) for index, child in enumerate(node.entries)]

    def _mapping(self, node: Node, path: Path_, parents: tuple[int, ...]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, child in zip(node.entries[::2], node.entries[1::2], strict=True):
            key = key_node.text
            if key is None:
                self._fail(key_node, path, "a key must be a plain word")
            elif key_node.tag:
                self._fail(key_node, path, _tagged(key_node))
            elif key == "<<":
                self._fail(key_node, path, "merge keys (<<) are not supported; write the keys out")
            elif key in result:
                self._fail(key_node, (*path, key), f"'{key}' is given twice")
            else:
                here = (*path, key)
                self.places[here] = (key_node.line, key_node.column)
                result[key] = self.value(child, here, parents)
        return result

    def _scalar(self, node: Node, text: str, path: Path_) -> Any:
        if not node.plain:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            digits = text.replace("_", "")
            # 256 digits of base 16 are below 1e308; the time that int() takes grows as the square of the digits.
            if len(digits) > (256 if digits[:2] in {"0x", "0o"} else _MOST_DIGITS):
                return self._fail(node, path, f"{shortened(text, 30)} is too large a number")
            return int(digits, 0) if digits[:2] in {"0x", "0o"} else int(digits)
        if _NOT_FINITE.fullmatch(text):
            return self._fail(node, path, f"{text} is not a finite number")
        if _FLOAT.fullmatch(text):
            number = float(text.replace("_", ""))
            if not math.isfinite(number):
                return self._fail(node, path, f"{shortened(text, 30)} is not a finite number")
            if number == 0 and re.search("[1-9]", re.split("[eE]", text)[0]):
                return self._fail(node, path, f"{shortened(text, 30)} is too small a number")
            return number
        return text

    def _fail(self, node: Node, path: Path_, message: str) -> None:
        self.faults.append(Fault(self.origin, node.line, node.column, dotted(path), message))


def _tagged(node: Node) -> str:
    return f"a tag '{node.tag}' is not supported; the file is read as plain data"
