"""Bytes an operation moves if every tensor it names goes through memory once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor


def moved(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> tuple[int, int]:
    """Bytes read and bytes written: distinct tensors among the arguments, those changed in place, and new results."""
    schema = func._schema.arguments
    given = {argument.name: value for argument, value in zip(schema, args, strict=False)} | kwargs
    changed = [given.get(each.name) for each in schema if each.alias_info is not None and each.alias_info.is_write]
    new = [] if changed else _tensors(out)
    return _bytes(_tensors([*args, *kwargs.values()])), _bytes(_tensors(changed)) + _bytes(new)


def _tensors(values: Any) -> list[Tensor]:
    if isinstance(values, Tensor):
        return [values]
    if isinstance(values, list | tuple):
        return [tensor for each in values for tensor in _tensors(each)]
    return []


def _bytes(tensors: Iterable[Tensor]) -> int:
    distinct = {id(tensor): tensor for tensor in tensors}
    return sum(tensor.numel() * tensor.element_size() for tensor in distinct.values())
