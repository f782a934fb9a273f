"""Formulas as numpy code: shipped with them, or made by sympy where nothing is shipped."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any, Final

import numpy as np

from costmodel.formulas.generated import NODES
from costmodel.formulas.special import lambert_lower
from costmodel.quantities.algebra import Expression, sp
from costmodel.quantities.estimate import Draws


@dataclass(frozen=True, slots=True)
class Summand:
    """An additive part of a formula, as it is evaluated.

    Attributes:
        code: Name of its shipped code, or the expression that code has to be made from.
        letters: Letters of its symbols, sorted.
    """

    code: str | Expression
    letters: tuple[str, ...]

    def __hash__(self) -> int:
        return hash(self.code)  # the letters follow from it


def summands(expression: Expression) -> tuple[Summand, ...]:
    """The additive parts of an expression, none of which has shipped code."""
    return tuple(Summand(term, letters_of(term)) for term in sp.Add.make_args(sp.sympify(expression)))


def letters_of(expression: Expression) -> tuple[str, ...]:
    """Letters of the symbols in an expression, sorted."""
    return tuple(sorted(str(symbol.name) for symbol in expression.free_symbols))


def evaluate(parts: Iterable[Summand], values: Mapping[str, Any]) -> dict[Summand, Any]:
    """Values of many summands, what several have in common computed once.

    Args:
        parts: What is wanted.
        values: Numbers or arrays by letter, in float64.
    """
    shared = _Shared(values)
    parts = list(parts)
    found = {part: shared[part.code] for part in parts if isinstance(part.code, str)}
    rest = tuple(part for part in parts if part not in found)
    if rest:
        letters = tuple(sorted({letter for part in rest for letter in part.letters}))
        results = _compiled(tuple(part.code for part in rest), letters)(*(values[letter] for letter in letters))
        found |= zip(rest, results, strict=True)
    return found


#: Points that are evaluated at once: what a formula is made of then stays in a processor's cache.
STRETCH: Final = 8192


def total(parts: Iterable[Summand], values: Mapping[str, Draws]) -> Draws:
    """Sum of summands at arrays that broadcast against each other; of many points a stretch at a time."""
    parts = tuple(parts)
    shape = np.broadcast_shapes(*(value.shape for value in values.values()))
    size = math.prod(shape)
    if size <= STRETCH or any(value.size not in {1, size} for value in values.values()):
        return np.asanyarray(add(evaluate(parts, values).values()))
    flat = {letter: value.reshape(-1) for letter, value in values.items()}
    result = np.empty(size)
    for start in range(0, size, STRETCH):
        at = slice(start, start + STRETCH)
        piece = {letter: value if value.size == 1 else value[at] for letter, value in flat.items()}
        result[at] = add(evaluate(parts, piece).values())
    return result.reshape(shape)


def add(values: Iterable[Any]) -> Any:
    """Sum of numbers or arrays that broadcast against each other."""
    return reduce(np.add, values)


class _Shared(dict[str, Any]):
    """Values of letters and of shipped code by name, each computed when it is first asked for."""

    def __missing__(self, name: str) -> Any:
        value = self[name] = NODES[name](self)
        return value


#: Modules that generated code names. Given as "numpy", sympy would import all its submodules.
_MODULES = {"numpy": np, "functools": functools, "lambert_lower": lambert_lower}


@cache
def _compiled(expressions: tuple[Expression, ...], letters: tuple[str, ...]) -> Callable[..., list[Any]]:
    """One numpy function for several expressions, common subexpressions shared; float64 in, float64 out."""
    from costmodel.formulas.printing import Printer

    arguments = [sp.Symbol(letter, positive=True) for letter in letters]
    printer = Printer({"fully_qualified_modules": True})
    return sp.lambdify(arguments, list(expressions), modules=[_MODULES], printer=printer, cse=True)  # type: ignore
