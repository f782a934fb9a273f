"""Repeats in a list of entries: copies that follow each other become one group with a counted name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Entry = dict[str, Any]


def grouped(entries: Sequence[Entry]) -> list[Entry]:
    """The same layers with ``repeat`` where numbered parts of the network are equal.

    >>> grouped([{"name": "b.0.w", "d_in": 4}, {"name": "b.1.w", "d_in": 4}])
    [{'repeat': 2, 'name': 'b.{i}', 'layers': [{'name': 'w', 'd_in': 4}]}]
    """
    return _grouped([(tuple(str(entry["name"]).split(".")), entry) for entry in entries], 0)


_Named = tuple[tuple[str, ...], Entry]


def _grouped(entries: list[_Named], depth: int) -> list[Entry]:
    """Entries with their names from ``depth`` on; what stands before is that of the group around them."""
    found: list[Entry] = []
    start = 0
    while start < len(entries):
        name = entries[start][0]
        at = next((index for index in range(depth, len(name) - 1) if name[index].isdecimal()), None)
        if at is None:
            found.append({**entries[start][1], "name": ".".join(name[depth:])})
            start += 1
            continue
        copies = _copies(entries, start, at)
        end = start + sum(len(copy) for copy in copies)
        inner = _grouped(copies[0], at + 1)
        if len(copies) > 1:
            group: Entry = {"repeat": len(copies)}
            if int(name[at]):
                group["start"] = int(name[at])
            found.append({**group, "name": ".".join((*name[depth:at], "{i}")), "layers": inner})
        else:
            prefix = ".".join(name[depth : at + 1])
            found += [{**each, "name": f"{prefix}.{each['name']}"} for each in inner]
        start = end
    return found


def _copies(entries: list[_Named], start: int, at: int) -> list[list[_Named]]:
    """Equal blocks from ``start`` on whose names count up at position ``at``; one block at least."""
    copies: list[list[_Named]] = []
    index, number = start, int(entries[start][0][at])
    while True:
        head = (*entries[start][0][:at], str(number + len(copies)))
        block = []
        while index < len(entries) and entries[index][0][: at + 1] == head and len(entries[index][0]) > at + 1:
            block.append(entries[index])
            index += 1
        if not block or (copies and _contents(block, at) != _contents(copies[0], at)):
            return copies
        copies.append(block)


def _contents(block: list[_Named], at: int) -> list[tuple[tuple[str, ...], Entry]]:
    return [(name[at + 1 :], {**entry, "name": ""}) for name, entry in block]
