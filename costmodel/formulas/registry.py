"""Every formula under its dotted name."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache, wraps

from costmodel.formulas.code import Summand
from costmodel.formulas.formula import Formula, Shipped
from costmodel.formulas.generated import FORMULAS
from costmodel.quantities.algebra import Expression, sp
from costmodel.quantities.units import Unit

_REGISTRY: dict[str, Callable[[], Formula]] = {}
#: Names of the formulas that each formula's own function asked for.
_PARTS: dict[str, Callable[[], tuple[str, ...]]] = {}
#: The formulas asked for since the innermost build began, in order; None outside any build.
_BUILDING: ContextVar[dict[str, None] | None] = ContextVar("_BUILDING", default=None)


def formula(
    name: str, unit: Unit, source: str, *, verified_by: str = "", composed_of: tuple[str, ...] = ()
) -> Callable[[Callable[[], Expression]], Callable[[], Formula]]:
    """Turn a function that returns an expression into one that returns the registered :class:`Formula`.

    The first paragraph of the function's docstring becomes the formula's ``meaning``.

    Args:
        name: Dotted name, unique.
        unit: Unit of the value.
        source: Paper and equation, or "derived: ...".
        verified_by: What a test compares it with; empty where nothing does. An ``Oracle`` or words of your own.
        composed_of: Names of the formulas that a test adds it up from, which is less than verifying it.

    Raises:
        ValueError: The name is taken, or the formula is said to be both verified and composed.
    """
    if verified_by and composed_of:
        raise ValueError(f"formula {name} is either verified or composed, not both")

    def register(build: Callable[[], Expression]) -> Callable[[], Formula]:
        """Make a formula of the function's expression known by its name."""
        meaning = " ".join((build.__doc__ or "").split("\n\n")[0].split())

        @cache
        def built() -> tuple[Expression, tuple[str, ...]]:
            """The expression, and names of the formulas it was built from."""
            parts: dict[str, None] = {}
            outer = _BUILDING.set(parts)
            try:
                return sp.sympify(build()), tuple(parts)
            finally:
                _BUILDING.reset(outer)

        @cache
        def made() -> Formula:
            """The formula, its expression not built before somebody asks for it where its code is shipped."""
            shipped = FORMULAS.get(name) if _is_ours(named) else None
            if shipped is None:
                given = built()[0]
            else:
                given = Shipped(name, lambda: built()[0], tuple(Summand(code, letters) for code, letters in shipped))
            return Formula(name, given, unit, meaning, source, verified_by, composed_of)

        @wraps(build)
        def named() -> Formula:
            """The formula; what is being built meanwhile notes that it has it inside."""
            if (outer := _BUILDING.get()) is not None:
                outer[name] = None
            return made()

        if name in _REGISTRY:
            raise ValueError(f"formula {name} is defined twice")
        _REGISTRY[name] = named
        _PARTS[name] = lambda: built()[1]
        return named

    return register


def _is_ours(named: Callable[[], Formula]) -> bool:
    """Whether a formula belongs to this package, so that shipped code of its name is its own."""
    return (named.__module__ or "").startswith(f"{__package__}.")


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


def behind(name: str) -> Expression | Shipped:
    """What the formula of a name was registered with."""
    return get(name).given


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


def shipped() -> dict[str, Formula]:
    """The formulas of this package by dotted name, sorted: those that have shipped code."""
    return {name: _REGISTRY[name]() for name in sorted(_REGISTRY) if _is_ours(_REGISTRY[name])}


def catalog() -> dict[str, Formula]:
    """All formulas by dotted name, sorted."""
    return {name: _REGISTRY[name]() for name in sorted(_REGISTRY)}
