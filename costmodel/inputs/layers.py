"""Layers of a model file: every entry checked once, then written out as often as its repeats say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from costmodel.inputs.faults import Fault
from costmodel.inputs.kinds import FAMILIES, LAYER_KINDS, Kind, Part
from costmodel.inputs.kinds.registry import checked_parts
from costmodel.inputs.schema import Strict, validate
from costmodel.inputs.texts import shortened
from costmodel.inputs.workload_schema import Repeat
from costmodel.inputs.yaml_reader import Document, Path_, dotted
from costmodel.quantities.names import nearest_name, unknown
from costmodel.workloads.workload import Layer

#: Nested repeats multiply; beyond this they are a mistake, and would fill the memory.
MAXIMUM_LAYERS: Final = 200_000
#: Rows or columns of a matrix; a factor of this size would have 10^24 entries.
_LARGEST_MATRIX: Final = 10**12
#: Characters of a layer's name with all its repeats in front.
_LONGEST_PATH: Final = 500


@dataclass(frozen=True, slots=True)
class _Entry:
    """A checked entry: its parts, and where it stands."""

    path: Path_
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    """A checked repeat and what it repeats."""

    repeat: Repeat
    members: tuple[_Entry | _Group, ...]
    size: int  # parts, once written out

    def names(self) -> Iterator[str]:
        """Name of each copy."""
        name = self.repeat.name
        for index in range(self.repeat.start, self.repeat.start + self.repeat.repeat):
            yield name.replace("{i}", str(index)) if "{i}" in name else f"{name}.{index}"


@dataclass(slots=True)
class LayerReader:
    """Reads layers and families and collects what is wrong about them."""

    document: Document
    faults: list[Fault] = field(default_factory=list)

    def listed(self, entries: list[Any], path: Path_) -> list[Part]:
        """All parts of a list of entries, names complete."""
        members = tuple(self._members(entries, path))
        parts: list[Part] = []
        if _size(members) > MAXIMUM_LAYERS:
            self._fault(path, f"more than {MAXIMUM_LAYERS} layers once repeats are written out")
        else:
            self._write_out(members, "", parts, set())
        if not self.faults and entries and not any(isinstance(part, Layer) for part in parts):
            self._fault(path, "none of them is factored; K-FAC has nothing to do")
        return parts

    def family(self, name: str, given: bool) -> list[Part]:
        """All parts of a parametric family; ``given`` says whether the file has parameters for it."""
        kind = FAMILIES.get(name)
        if kind is None:
            self._fault(("family",), unknown("family", name, FAMILIES))
            return []
        data: dict[str, Any] | None = None if given else {}
        parameters, faults = validate(kind.schema, self.document, ("parameters",) if given else (), data)
        self.faults.extend(faults)
        if parameters is None:
            return []
        parts = list(islice(checked_parts(kind, parameters), MAXIMUM_LAYERS + 1))
        if len(parts) > MAXIMUM_LAYERS:
            self._fault(("parameters",), f"more than {MAXIMUM_LAYERS} layers")
        return parts

    def _fault(self, path: Path_, message: str) -> None:
        self.faults.append(self.document.fault(path, message))

    def _members(self, entries: Sequence[Any], path: Path_) -> Iterator[_Entry | _Group]:
        for index, entry in enumerate(entries):
            here = (*path, index)
            if not isinstance(entry, dict):
                _, faults = validate(Strict, self.document, here)
                self.faults.extend(faults)
            elif "repeat" in entry or "layers" in entry:
                yield from self._group(entry, here)
            else:
                yield from self._entry(entry, here)

    def _group(self, data: dict[str, Any], path: Path_) -> Iterator[_Group]:
        repeat, faults = validate(Repeat, self.document, path)
        self.faults.extend(faults)
        # What is repeated is checked whether or not the repeat itself is right.
        entries = data.get("layers")
        members = tuple(self._members(entries, (*path, "layers"))) if isinstance(entries, list) else ()
        if repeat is None:
            return
        size = repeat.repeat * _size(members)
        if size > MAXIMUM_LAYERS:
            self._fault((*path, "repeat"), f"more than {MAXIMUM_LAYERS} layers once repeats are written out")
            return
        yield _Group(repeat, members, size)

    def _entry(self, data: dict[str, Any], path: Path_) -> Iterator[_Entry]:
        name = data.get("kind")
        kind = LAYER_KINDS.get(name) if isinstance(name, str) else None
        if kind is None:
            self.faults.extend(self._without_kind(data, path))
            return
        checked, faults = validate(kind.schema, self.document, path)
        self.faults.extend(faults)
        if checked is None:
            return
        parts = tuple(checked_parts(kind, checked))
        for part in parts:
            if isinstance(part, Layer) and max(part.input_dimension, part.output_dimension) > _LARGEST_MATRIX:
                size = f"{part.output_dimension:.3g} by {part.input_dimension:.3g}"
                self._fault(path, f"a matrix of {size}; at most {_LARGEST_MATRIX:.0e} a side are computed with")
        yield _Entry(path, parts)

    def _without_kind(self, data: dict[str, Any], path: Path_) -> Iterator[Fault]:
        """What is wrong with an entry of no known kind: its kind, and what would be wrong if it were the likeliest."""
        name, here, keys = data.get("kind"), (*path, "kind"), set(data)
        if name is None:
            yield self.document.fault(here, "is missing")
            guess = max(LAYER_KINDS, key=lambda each: len(_keys(LAYER_KINDS[each]) & keys))
        else:
            yield self.document.fault(here, unknown("kind", str(name), LAYER_KINDS))
            guess = nearest_name(str(name), tuple(sorted(LAYER_KINDS))) or ""
        if guess and not (keys - _keys(LAYER_KINDS[guess])) & set().union(*map(_keys, LAYER_KINDS.values())):
            _, faults = validate(LAYER_KINDS[guess].schema, self.document, path, {**data, "kind": guess})
            # Only a kind that was written, if wrongly, says which keys are missing.
            needed = {"name"} if name is None else _keys(LAYER_KINDS[guess])
            places = {dotted((*path, key)) for key in keys | needed}
            yield from (fault for fault in faults if fault.path in places or name is not None)
        elif "name" not in data:
            yield self.document.fault((*path, "name"), "is missing")

    def _write_out(self, members: tuple[_Entry | _Group, ...], prefix: str, parts: list[Part], names: set[str]) -> None:
        """Add the parts of some members, ``prefix`` before their names."""
        for member in members:
            if isinstance(member, _Group):
                for name in member.names():
                    self._write_out(member.members, f"{prefix}{name}.", parts, names)
                continue
            for part in member.parts:
                named = replace(part, name=prefix + part.name) if prefix else part
                if len(named.name) > _LONGEST_PATH:
                    start = shortened(named.name, 60)
                    self._once(member.path, f"layer name '{start}' has more than {_LONGEST_PATH} characters")
                elif named.name in names:
                    self._once(member.path, f"layer name '{shortened(named.name, 200)}' is used twice")
                names.add(named.name)
                parts.append(named)

    def _once(self, path: Path_, message: str) -> None:
        """A fault about a name; other copies of the entry have the same."""
        fault = self.document.fault((*path, "name"), message)
        if all((each.path, each.line) != (fault.path, fault.line) for each in self.faults):
            self.faults.append(fault)


def _size(members: tuple[_Entry | _Group, ...]) -> int:
    return sum(member.size if isinstance(member, _Group) else len(member.parts) for member in members)


def _keys(kind: Kind) -> set[str]:
    return set(kind.schema.model_fields)
