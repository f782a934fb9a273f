"""The methods compared, each built from phases of counted work; every module of this folder registers its own."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.methods.registry import METHODS, register, unregister, with_role
from costmodel.methods.work import (
    AnalogWork,
    Cadence,
    Delivery,
    DigitalWork,
    Kinds,
    Layers,
    MessageWork,
    Method,
    Part,
    Phase,
    Resource,
    Role,
    Runs,
    Scope,
    Split,
)

__all__ = [
    "METHODS",
    "AnalogWork",
    "Cadence",
    "Delivery",
    "DigitalWork",
    "FactorConstruction",
    "Kinds",
    "Layers",
    "MessageWork",
    "Method",
    "Part",
    "Phase",
    "Resource",
    "Role",
    "Runs",
    "Scope",
    "Split",
    "register",
    "unregister",
    "with_role",
]

# In alphabetical order, which is the order methods are shown in.
for _module in sorted(each.name for each in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")
