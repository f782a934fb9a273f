"""YAML text to a tree of nodes with their lines and columns, and nothing decided yet about what they mean.

The text is read as a stream of events, so that a document is given up as soon as it nests too deeply, and every tag and
directive is seen as it was written. libyaml does the parsing, about forty times as fast as Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from costmodel.inputs.faults import InputError

MAXIMUM_DEPTH: Final = 30

#: libyaml where the installation has it, the same parser in Python where it has not.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Node:
    """A value as it is written.

    Attributes:
        line: Where it begins, from 1.
        column: Where it begins, from 1.
        tag: As written, ``""`` for none.
        text: Text of a scalar; None for a list or a mapping.
        plain: Whether a scalar stands without quotes, and may be a number.
        entries: Values of a list; keys and values of a mapping by turns.
        mapping: Whether it is a mapping.
    """

    line: int
    column: int
    tag: str = ""
    text: str | None = None
    plain: bool = False
    entries: list[Node] = field(default_factory=list)
    mapping: bool = False


def compose(text: str, origin: str) -> Node | None:
    """The one document in some text; None if there is none.

    Aliases are followed: a node that is named several times stands in the tree several times.

    Raises:
        InputError: It is no YAML, no single document, or nested too deeply.
    """
    try:
        return _Composer(origin).document(yaml.parse(text, _LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise InputError.about(origin, f"not valid YAML: {error.problem or error.context}", line, column) from None
    except yaml.reader.ReaderError as error:
        before = text.encode()[: error.position].decode(errors="replace").split("\n")
        message = f"not valid YAML: {error.reason}"
        raise InputError.about(origin, message, len(before), len(before[-1]) + 1) from None
    except UnicodeEncodeError:
        raise InputError.about(origin, "not valid YAML: half of a surrogate pair is no character", 1, 1) from None


@dataclass(slots=True)
class _Composer:
    origin: str
    anchors: dict[str, Node] = field(default_factory=dict)

    def document(self, events: Iterator[Event]) -> Node | None:
        """The root of the only document of a file; None where it holds nothing."""
        root = None
        for event in events:
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    raise self._refused(event, "a second document begins here; a file holds one")
                if event.version not in {None, (1, 2)}:
                    major, minor = event.version
                    raise self._refused(event, f"written for YAML {major}.{minor}; only YAML 1.2 is read")
                root = self._node(next(events), events, 0)
            elif isinstance(event, StreamEndEvent):
                break
        return root

    def _node(self, event: Event, events: Iterator[Event], depth: int) -> Node:
        mark = event.start_mark
        if isinstance(event, AliasEvent):
            if event.anchor not in self.anchors:
                raise self._refused(event, f"found undefined alias '{event.anchor}'")
            return self.anchors[event.anchor]
        node = Node(mark.line + 1, mark.column + 1, event.tag or "")
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        if isinstance(event, ScalarEvent):
            node.text, node.plain = event.value, event.style in {None, ""}
            return node
        if depth >= MAXIMUM_DEPTH:
            raise InputError.about(self.origin, f"nested more than {MAXIMUM_DEPTH} levels deep", node.line, node.column)
        assert isinstance(event, MappingStartEvent | SequenceStartEvent)  # YAML has no fourth kind of node
        node.mapping = isinstance(event, MappingStartEvent)
        for inner in events:
            if isinstance(inner, MappingEndEvent | SequenceEndEvent):
                break
            node.entries.append(self._node(inner, events, depth + 1))
        return node

    def _refused(self, event: Event, reason: str) -> InputError:
        mark = event.start_mark
        return InputError.about(self.origin, f"not valid YAML: {reason}", mark.line + 1, mark.column + 1)
