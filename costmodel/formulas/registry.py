"""Every formula under its dotted name."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import lru_cache, wraps

from costmodel.formulas.formula import Formula
from costmodel.quantities.symbols import Expression
from costmodel.quantities.units import Unit

_REGISTRY: dict[str, Callable[[], Formula]] = {}


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

        @wraps(build)
        @lru_cache(maxsize=1)
        def named() -> Formula:
            return Formula(name, build(), unit, meaning, source)

        if name in _REGISTRY:
            raise ValueError(f"formula {name} is defined twice")
        _REGISTRY[name] = named
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


def catalog() -> dict[str, Formula]:
    """All formulas by dotted name, sorted."""
    return {name: _REGISTRY[name]() for name in sorted(_REGISTRY)}
