"""Where kinds of layers and families of networks are registered, each a schema with what it stands for.

A new kind is one module: a schema whose ``kind`` lists the names it goes by, and a function that gives the parts of a
checked entry. A module in this package is found by itself; one elsewhere has to be imported before a model is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from costmodel.inputs.schema import Strict
from costmodel.workloads.workload import Layer, Unfactored, left_to_adam

Part = Layer | Unfactored
Parts = Callable[[Any], Iterable[Part]]
_Function = TypeVar("_Function", bound=Parts)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of layer, or a family of networks.

    Attributes:
        schema: The keys of an entry (of ``parameters``, for a family) and their types.
        parts: The factored matrices and unfactored parts that a checked entry stands for.
    """

    schema: type[Strict]
    parts: Parts


#: By what ``kind`` says in model.yaml.
LAYER_KINDS: dict[str, Kind] = {}
#: By what ``family`` says in model.yaml.
FAMILIES: dict[str, Kind] = {}


def layer_kind(schema: type[Strict]) -> Callable[[_Function], _Function]:
    """Register the decorated function as what gives the parts of a kind of layer.

    Args:
        schema: Has ``name``, and ``kind`` as a Literal of every name the kind goes by. The parts of an entry are called
            by the entry's name, or by more names that begin with it; the names of repeats are put before them.

    Raises:
        TypeError: The schema has no such keys, or what is decorated gives no parts.
        ValueError: A name is taken.
    """
    field = schema.model_fields.get("kind")
    names = [each for each in get_args(field.annotation) if isinstance(each, str)] if field else []
    if not names or "name" not in schema.model_fields:
        raise TypeError(f"{schema.__name__} is no layer: it needs 'name', and 'kind' as a Literal of its names")
    return _registration(LAYER_KINDS, names, schema)


def family(name: str, schema: type[Strict]) -> Callable[[_Function], _Function]:
    """Register the decorated function as what gives the parts of a family of networks.

    Parts should come from a generator: no more of them are taken than a model may have.

    Raises:
        TypeError: What is decorated gives no parts.
        ValueError: The name is taken.
    """
    return _registration(FAMILIES, [name], schema)


def _registration(
    registry: dict[str, Kind], names: list[str], schema: type[Strict]
) -> Callable[[_Function], _Function]:
    for name in names:
        # A module that is loaded again (by reload, or by a collector of doctests) takes its own place.
        if name in registry and _home(registry[name].schema) != _home(schema):
            raise ValueError(f"'{name}' is registered twice, by {_home(registry[name].schema)} and {_home(schema)}")

    def register(parts: _Function) -> _Function:
        """Make the function known by all of its names."""
        if not callable(parts):
            raise TypeError(f"'{names[0]}' has no parts: {parts!r} is no function")
        registry.update(dict.fromkeys(names, Kind(schema, parts)))
        return parts

    return register


def _home(schema: type[Strict]) -> str:
    return f"{schema.__module__}.{schema.__qualname__}"


def checked_parts(kind: Kind, entry: Any) -> Iterator[Part]:
    """Parts of an entry, with an error of its author's where a kind gives none; no factors where it is left to Adam.

    Raises:
        TypeError: It gives none, or something else than layers.
    """
    found = False
    for part in kind.parts(entry):
        if not isinstance(part, Part):
            raise TypeError(f"{kind.schema.__name__} gives {part!r}, which is no Layer and no Unfactored")
        found = True
        if isinstance(part, Layer) and not getattr(entry, "factored", True):
            part = left_to_adam(part)
        yield part
    if not found:
        raise TypeError(f"{kind.schema.__name__} gives no parts; such a layer would be dropped")
