"""Every method under its dotted name, in order of registration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.methods.work import Method, Phase, Role

#: Builds a method for a way of constructing factors, which methods without factors ignore.
Build = Callable[[FactorConstruction], Method]

_METHODS: dict[str, Build] = {}

#: Every method by name, built for a way of constructing factors, in the order it is shown.
METHODS: Final[Mapping[str, Build]] = MappingProxyType(_METHODS)


def register(build: Build) -> Build:
    """Make a method known to every projection, table and verdict: a decorator for the function that builds it.

    The method is built once, so that a fault shows here and not in a projection.

    Raises:
        ValueError: The name is taken, the method has no role, a second baseline, no phases, two phases of one name,
            a phase whose part has no label, or a role and a delivery that contradict each other.
    """
    method = build(FactorConstruction.EXPAND)
    _check(method)
    name, role = method.name, method.role
    if name in _METHODS:
        raise ValueError(f"method {name} is registered twice")
    if role is Role.BASELINE and (others := with_role(Role.BASELINE)):
        raise ValueError(f"method {name} cannot be the baseline: {others[0]} is")
    _METHODS[name] = build
    return build


def unregister(name: str) -> None:
    """Forget a method, for those who try one out.

    Raises:
        KeyError: No such method.
    """
    del _METHODS[name]


def with_role(role: Role) -> list[str]:
    """Names of the methods of a role, in order of registration."""
    return [name for name, build in _METHODS.items() if build(FactorConstruction.EXPAND).role is role]


def _check(method: Method) -> None:
    if not isinstance(method.role, Role):
        raise ValueError(f"method {method.name} has no role; one of {', '.join(Role)}")
    if not method.phases:
        raise ValueError(f"method {method.name} has no phases")
    names: set[str] = set()
    for phase in method.phases:
        _check_phase(method.name, phase)
        if phase.name in names:
            raise ValueError(f"method {method.name} has two phases named {phase.name}")
        names.add(phase.name)
    if (method.role is Role.THERMODYNAMIC) != (method.delivers is not None):
        raise ValueError(
            f"method {method.name} has the role {method.role.value} and delivers {method.delivers or 'nothing'}: "
            f"thermodynamic methods, and no others, say what the machine delivers"
        )


def _check_phase(method: str, phase: Phase) -> None:
    if not getattr(phase.part, "label", ""):
        raise ValueError(f"phase {phase.part} of method {method} has no label; make its part with Part(name, label)")
