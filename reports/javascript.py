"""Formulas as JavaScript, from the same sympy expressions as the numpy code that is shipped with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sympy as sp
from sympy.printing.codeprinter import PrintMethodNotImplementedError
from sympy.printing.jscode import JavascriptCodePrinter
from sympy.printing.precedence import PRECEDENCE

from costmodel.formulas.generate import shared
from costmodel.formulas.printing import LOWER_BRANCH
from costmodel.quantities.algebra import Expression

#: Powers up to this one are products: ``Math.pow`` takes ten times as long.
_MOST_FACTORS: Final = 4


class Printer(JavascriptCodePrinter):  # type: ignore[misc]
    """JavaScript of an expression; a letter of the formulas is printed as ``$letter``, so that none is a keyword."""

    def _print_Symbol(self, expression: Expression) -> str:  # noqa: N802 -- sympy looks these up by name
        return identifier(str(expression.name))

    def _print_Mul(self, expression: Expression) -> str:  # noqa: N802
        """A denominator divides last, so that a count that is whole in the end comes out whole."""
        factor, rest = expression.as_coeff_Mul()
        if not factor.is_Rational or factor.q == 1:
            return str(super()._print_Mul(expression))
        return f"{self.parenthesize(factor.p * rest, PRECEDENCE['Mul'])}/{factor.q}"

    def _print_Pow(self, expression: Expression) -> str:  # noqa: N802
        base, exponent = expression.as_base_exp()
        if base.is_Symbol and exponent.is_Integer and 1 < exponent <= _MOST_FACTORS:
            return f"({'*'.join([self._print(base)] * int(exponent))})"
        return str(super()._print_Pow(expression))

    def _print_NumberSymbol(self, expression: Expression) -> str:  # noqa: N802
        return repr(float(expression))

    def _print_EulerGamma(self, expression: Expression) -> str:  # noqa: N802
        return self._print_NumberSymbol(expression)

    def _print_LambertW(self, expression: Expression) -> str:  # noqa: N802
        argument, branch = expression.args
        if branch != LOWER_BRANCH:
            raise ValueError(f"only the lower branch of Lambert's W is in use, not {branch}")
        return f"lambertLower({self._print(argument)})"


def identifier(name: str) -> str:
    """How JavaScript names a letter or a subexpression."""
    return f"${name}"


def code(expression: Expression) -> str:
    """JavaScript of one expression.

    >>> n = sp.Symbol("n", positive=True)
    >>> code(2 * n**3 / 3 + sp.ceiling(n / 7))
    '(2*($n*$n*$n))/3 + Math.ceil($n/7)'
    """
    try:
        return str(Printer({}).doprint(expression))
    except PrintMethodNotImplementedError as error:
        raise ValueError(f"no JavaScript for {expression}") from error


@dataclass(frozen=True, slots=True)
class Compiled:
    """Formulas that share subexpressions.

    Attributes:
        nodes: Subexpressions in an order in which each only needs those before it: name, JavaScript, and the letters
            and subexpressions it rests on.
        formulas: For each formula the name of its subexpression, or its letter.
    """

    nodes: tuple[tuple[str, str, tuple[str, ...]], ...]
    formulas: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """What the page is given."""
        return {"nodes": [[name, text, list(deps)] for name, text, deps in self.nodes], "formulas": dict(self.formulas)}


def compiled(expressions: Mapping[str, Expression]) -> Compiled:
    """JavaScript of many formulas, what several have in common once."""
    wanted = list(dict.fromkeys(expressions.values()))
    found, reduced = shared(wanted)
    names: dict[Expression, str] = {}
    lines: dict[str, tuple[str, tuple[str, ...]]] = {}

    def add(name: str, expression: Expression) -> None:
        needs = sorted(str(symbol.name) for symbol in expression.free_symbols)
        lines[f"_{name}" if name in subexpressions else name] = (
            code(expression.xreplace(renamed)),
            tuple(f"_{each}" if each in subexpressions else each for each in needs),
        )

    subexpressions = set(found.values())
    # Letters of the formulas may be called x0 some day; subexpressions have an underscore before their names.
    renamed = {sp.Symbol(name): sp.Symbol(f"_{name}") for name in subexpressions}
    for expression, name in found.items():
        add(name, expression)
    for given, expression in zip(wanted, reduced, strict=True):
        if expression.is_Symbol:
            name = str(expression.name)
            names[given] = f"_{name}" if name in subexpressions else name
        else:
            name = f"_y{len(names)}"
            add(name, expression)
            names[given] = name
    nodes = tuple((name, text, needs) for name, (text, needs) in lines.items())
    return Compiled(nodes, {name: names[expression] for name, expression in expressions.items()})
