"""Every formula under its dotted name."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache, wraps

from costmodel.formulas.formula import Formula
from costmodel.quantities.symbols import Expression
from costmodel.quantities.units import Unit

_REGISTRY: dict[str, Callable[[], Formula]] = {}
#: Names of the formulas that each formula's own function asked for.
_PARTS: dict[str, Callable[[], tuple[str, ...]]] = {}
#: The formulas asked for since the innermost build began, in order.
_BUILDING: ContextVar[dict[str, None]] = ContextVar("_BUILDING", default={})  # noqa: B039 - what is outside any build


def formula(name: str, unit: Unit, source: str) -> Callable[[Callable[[], Expression]], Callable[[], Formula]]:
    """Turn a function that returns an expression into one that returns the registered :class:`Formula`.

    The first paragraph of the function's docstring becomes the formula's ``meaning``.

    Args:
        name: Dotted name, unique.
        unit: Unit of the value.
        source: Paper and equation, or "derived: ...".
    """

    def register(build: Callable[[], Expression]) -> Callable[[], Formula]:
        meaning = " ".join((build.__doc__ or "").split("\n\n")[0].split())

        @lru_cache(maxsize=1)
        def built() -> tuple[Formula, tuple[str, ...]]:
            outer = _BUILDING.set({})
            try:
                return Formula(name, build(), unit, meaning, source), tuple(_BUILDING.get())
            finally:
                _BUILDING.reset(outer)

        @wraps(build)
        def named() -> Formula:
            _BUILDING.get()[name] = None
            return built()[0]

        if name in _REGISTRY:
            raise ValueError(f"formula {name} is defined twice")
        _REGISTRY[name] = named
        _PARTS[name] = lambda: built()[1]
        return named

    return register


def get(name: str) -> Formula:
    """The formula of that dotted name.

    Raises:
        KeyError: No such formula; the message names the nearest ones.
    """
    if name not in _REGISTRY:
        nearest = difflib.get_close_matches(name, _REGISTRY, n=3, cutoff=0.4)
        hint = f"; nearest: {', '.join(nearest)}" if nearest else ""
        raise KeyError(f"no formula '{name}'{hint}")
    return _REGISTRY[name]()


def unregister(name: str) -> None:
    """Forget a formula, for those who try one out.

    Raises:
        KeyError: No such formula.
    """
    del _REGISTRY[name], _PARTS[name]


def inside(name: str) -> tuple[str, ...]:
    """Names of the formulas that a formula is built from, and theirs, in the order they were asked for.

    >>> from costmodel.formulas import inside
    >>> inside("thermo.inverse.settle.time")
    ('thermo.blocks.count', 'thermo.transient.covariance.time')
    """
    found: dict[str, None] = {}
    for part in _PARTS[name]():
        found |= dict.fromkeys((part, *inside(part)))
    return tuple(found)


def catalog() -> dict[str, Formula]:
    """All formulas by dotted name, sorted."""
    return {name: _REGISTRY[name]() for name in sorted(_REGISTRY)}
