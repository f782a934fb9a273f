"""Kinds of layers, one module a kind; every module in this package registers what it defines."""

from importlib import import_module
from pkgutil import iter_modules

from costmodel.inputs.kinds.registry import FAMILIES, LAYER_KINDS, Kind, Part, family, layer_kind

__all__ = ["FAMILIES", "LAYER_KINDS", "Kind", "Part", "family", "layer_kind"]

for _module in iter_modules(__path__):
    import_module(f"costmodel.inputs.kinds.{_module.name}")
