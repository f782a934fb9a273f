"""Writes the numpy code that is shipped with the formulas: ``python -m costmodel.formulas.generate``.

Run it whenever a formula is added or changed; a test compares what is shipped with the formulas. A formula without
shipped code works as well, at the price of importing sympy and of compiling it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import sympy as sp

from costmodel.formulas.code import letters_of
from costmodel.formulas.formula import Formula
from costmodel.formulas.printing import NodePrinter
from costmodel.formulas.registry import shipped
from costmodel.quantities.algebra import Expression
from costmodel.quantities.symbols import SYMBOLS

_HEAD = '''\
"""numpy code of the formulas. Made by ``python -m costmodel.formulas.generate`` with sympy {version}: do not edit."""

# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy

from costmodel.formulas.special import lambert_lower

'''
# A function without types, which mypy passes over: of nested conditionals of Any it takes minutes.
_NODES = """\
def _nodes():
    return {
"""
_FORMULAS = """\
    }


#: Subexpressions by name; ``v`` maps letters and the names of other subexpressions to their values.
NODES: Final[dict[str, Callable[[Mapping[str, Any]], Any]]] = _nodes()
#: For each formula its additive terms: the name of each in :data:`NODES`, or its letter, with the letters it rests on.
FORMULAS: Final[dict[str, tuple[tuple[str, tuple[str, ...]], ...]]] = {
"""


def source(formulas: Mapping[str, Formula]) -> str:
    """Text of the module that holds the code of some formulas."""
    terms = {name: sp.Add.make_args(formula.expression) for name, formula in formulas.items()}
    wanted = list(dict.fromkeys(term for each in terms.values() for term in each))
    nodes, reduced = shared(wanted)
    named = {term: _name(expression, nodes) for term, expression in zip(wanted, reduced, strict=True)}
    taken = set(nodes.values()) & set(SYMBOLS)
    if taken:
        raise ValueError(f"letters {', '.join(sorted(taken))} are names of subexpressions as well")
    entries = {name: tuple((named[term], letters_of(term)) for term in each) for name, each in terms.items()}
    return "".join(_lines(nodes, entries))


def shared(expressions: Sequence[Expression]) -> tuple[dict[Expression, str], list[Expression]]:
    """Subexpressions that several have in common, by themselves, with their names; and what is left of each.

    What would be a reciprocal or a fraction of something is that something, to be divided by or later on: n times 1/m
    can exceed a whole number that n/m equals, and a ceiling is taken of it.
    """
    found, reduced = sp.cse(expressions, symbols=sp.numbered_symbols("x"))
    instead: dict[Expression, Expression] = {}
    nodes: dict[Expression, str] = {}
    for symbol, given in found:
        expression = given.xreplace(instead)
        inverted = bool(expression.is_Pow and expression.exp.is_number and expression.exp.is_negative)
        factor = expression.as_coeff_Mul()[0]
        divisor = factor.q if factor.is_Rational else 1
        expression = 1 / expression if inverted else expression * divisor
        kept = expression if expression.is_Symbol else sp.Symbol(nodes.setdefault(expression, str(symbol)))
        instead[symbol] = 1 / kept if inverted else kept / divisor
    return nodes, [expression.xreplace(instead) for expression in reduced]


def _name(expression: Expression, nodes: dict[Expression, str]) -> str:
    """Name of an expression in subexpressions; a new one where it has none."""
    if expression.is_Symbol:
        return str(expression.name)
    return nodes.setdefault(expression, f"y{len(nodes)}")


def _lines(nodes: Mapping[Expression, str], entries: Mapping[str, tuple[object, ...]]) -> Iterator[str]:
    printer = NodePrinter({"fully_qualified_modules": True})
    yield _HEAD.format(version=sp.__version__) + _NODES
    for expression, name in nodes.items():
        yield f'        "{name}": lambda v: {printer.doprint(expression)},\n'
    yield _FORMULAS
    for name, entry in entries.items():
        yield f'    "{name}": {entry!r},\n'
    yield "}\n"


def main() -> None:
    """Write it."""
    from costmodel.inputs.files import write_text

    write_text(Path(__file__).with_name("generated.py"), source(shipped()))


if __name__ == "__main__":
    main()
