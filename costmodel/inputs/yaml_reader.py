"""YAML text to plain Python data, with the line and column of every key and value.

The text is composed to a node graph and walked here rather than loaded, because a walk sees what a loader hides:
aliases that make a cycle, aliases that multiply without end, repeated keys, and where everything stands. YAML 1.2 rules
apply (``1e-6`` is a number, ``no`` is a string). Nothing in a file can run code: tags are refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from costmodel.inputs.faults import Fault, InputError

#: A model of 10 000 layers written out is about 1 MB; more is a mistake, and would take minutes to parse.
MAXIMUM_BYTES: Final = 2_000_000
MAXIMUM_VALUES: Final = 500_000
MAXIMUM_DEPTH: Final = 30

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The data of a YAML file and where each part of it stands.

    Attributes:
        origin: The file's name as the user gave it.
        data: Plain dicts, lists, strings, numbers, booleans and None.
        places: Line and column of each value by path; of its key, where it has one.
        faults: What is wrong as YAML (a repeated key, an infinite number); reported together with the schema's faults.
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
        line, column = self.places.get(held, (1, 1))
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
        size = file.stat().st_size
        if size > MAXIMUM_BYTES:
            message = (
                f"file of {size / 1e6:.1f} MB; at most {MAXIMUM_BYTES / 1e6:g} MB are read (use 'repeat' for layers)"
            )
            raise InputError.about(origin, message)
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError.about(origin, f"cannot be read: {reason}") from None
    return parse_yaml(text, origin)


def parse_yaml(text: str, origin: str) -> Document:
    """Parse YAML text; ``origin`` names it in messages.

    Raises:
        InputError: As :func:`read_yaml`.
    """
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise InputError.about(origin, f"not valid YAML: {error.problem or error.context}", line, column) from None
    except (YAMLError, ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error).split("\n")[0]
        raise InputError.about(origin, f"not valid YAML: {reason}", 1, 1) from None
    if node is None:
        raise InputError.about(origin, "empty file; it needs at least a 'schema' and a 'name'", 1, 1)
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
        self.places.setdefault(path, _place(node))
        self.values += 1
        if self.values > MAXIMUM_VALUES:
            raise InputError.about(self.origin, f"more than {MAXIMUM_VALUES} values once its aliases are followed")
        if id(node) in parents:
            return self._fail(node, path, "an alias that contains itself; write the value out")
        if len(parents) >= MAXIMUM_DEPTH:
            return self._fail(node, path, f"nested more than {MAXIMUM_DEPTH} levels deep")
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        parents = (*parents, id(node))
        if isinstance(node, SequenceNode):
            return [self.value(child, (*path, index), parents) for index, child in enumerate(node.value)]
        assert isinstance(node, MappingNode)  # YAML has no fourth kind of node
        return self._mapping(node, path, parents)

    def _mapping(self, node: MappingNode, path: Path_, parents: tuple[int, ...]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, child in node.value:
            key = str(key_node.value) if isinstance(key_node, ScalarNode) else ""
            here = (*path, key)
            if not isinstance(key_node, ScalarNode):
                self._fail(key_node, path, "a key must be a plain word")
            elif key == "<<":
                self._fail(key_node, path, "merge keys (<<) are not supported; write the keys out")
            elif key in result:
                self._fail(key_node, here, f"'{key}' is given twice")
            else:
                self.places[here] = _place(key_node)
                result[key] = self.value(child, here, parents)
        return result

    def _scalar(self, node: ScalarNode, path: Path_) -> Any:
        kind, text = str(node.tag or "").rsplit(":", 1)[-1], str(node.value)
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            return _integer(text)
        if kind == "float":
            number = float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
            if not math.isfinite(number):
                return self._fail(node, path, f"{text} is not a finite number")
            return number
        if kind in {"str", "timestamp"}:
            return text
        return self._fail(node, path, f"tag '{node.tag}' is not supported; the file is read as plain data")

    def _fail(self, node: Node, path: Path_, message: str) -> None:
        line, column = _place(node)
        self.faults.append(Fault(self.origin, line, column, dotted(path), message))


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    return int(digits, 0) if digits.lower().lstrip("+-").startswith(("0x", "0o")) else int(digits)
