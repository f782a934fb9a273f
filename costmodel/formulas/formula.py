"""A formula as an object: expression, unit, where it comes from, and what can be asked of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import sympy as sp
from sympy.printing.numpy import NumPyPrinter

from costmodel import symbols
from costmodel.symbols import Expression, SymbolInfo
from costmodel.units import Unit


@dataclass(frozen=True, slots=True)
class Formula:
    """One quantity of the cost model.

    Attributes:
        name: Dotted name, method first: ``"kfac.cholesky.refresh.flops"``.
        expression: sympy expression in the symbols of :mod:`costmodel.symbols`.
        unit: Unit of its value.
        meaning: One line on what it counts and why it has this form.
        source: Paper and equation, or "derived: ..." with the section of docs/derivations.md.
    """

    name: str
    expression: Expression
    unit: Unit
    meaning: str
    source: str

    @property
    def symbols(self) -> tuple[SymbolInfo, ...]:
        """Records of the symbols in the expression, by letter."""
        free = sorted(self.expression.free_symbols, key=lambda symbol: str(symbol.name))
        return tuple(symbols.info(symbol) for symbol in free)

    def latex(self) -> str:
        """The expression in LaTeX."""
        return str(sp.latex(self.expression))

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def substitute(self, **values: Any) -> Formula:
        """The formula with some symbols replaced by numbers or expressions; keys are letters or spelled-out names."""
        replacements = {symbols.info(key).symbol: sp.sympify(value) for key, value in values.items()}
        expression = self.expression.subs(replacements, simultaneous=True)
        return Formula(self.name, expression, self.unit, self.meaning, self.source)

    def leading(self, *names: Expression | str) -> Expression:
        """The part that outgrows the rest when the named symbols go to infinity together.

        Ceilings count as their argument and logarithms as constants, so the result is the polynomial order that a
        complexity table states.

        >>> from costmodel import formulas
        >>> formulas.get("kfac.cholesky.refresh.flops").leading("n")
        n**3
        """
        wanted = [symbols.info(name).symbol for name in names]
        smooth = self.expression.replace(sp.ceiling, lambda argument: argument)
        smooth = smooth.replace(sp.Max, lambda *arguments: _leading_of_max(arguments, wanted))
        return sp.factor_terms(sp.Add(*_leading_terms(smooth, wanted)))

    def evaluate(self, **values: Any) -> Any:
        """The value at numbers or numpy arrays, broadcast against each other, in float64.

        Args:
            **values: One entry for each symbol, by letter or spelled-out name; SI units.

        Returns:
            A float, or an array of the broadcast shape.

        Raises:
            ValueError: A symbol is missing, unknown to the formula, or outside its domain.

        >>> from costmodel import formulas
        >>> formulas.get("kfac.cholesky.refresh.flops").evaluate(n=3_000_000)
        2.7e+19
        """
        needed = {info.symbol.name: info for info in self.symbols}
        # The formula's own letters first: "a" the dimension must never be mistaken for another name.
        given: dict[str, Any] = {}
        for key, value in values.items():
            letter = key if key in needed else symbols.SYMBOLS[key].symbol.name if key in symbols.SYMBOLS else key
            if letter not in needed:
                raise ValueError(f"{self.name} has no symbol '{key}'; it has {_listing(self.symbols)}")
            given[letter] = np.asarray(value, dtype=float)
        missing = [needed[letter] for letter in needed if letter not in given]
        if missing:
            raise ValueError(f"{self.name} needs a value for {_listing(missing)}")
        for letter, array in given.items():
            needed[letter].check(float(array.min()), float(array.max()))
        result = compiled((self.expression,), tuple(needed))(*(given[letter] for letter in needed))[0]
        return float(result) if np.ndim(result) == 0 else result

    def explain(self) -> str:
        """The formula, its meaning, source and symbols, as plain text."""
        lines = [
            f"{self.name}  [{self.unit.name}]",
            f"  = {self.expression}",
            f"  {self.meaning}",
            f"  source: {self.source}",
        ]
        for info in self.symbols:
            lines.append(f"    {info.symbol.name:8s} {info.name} [{info.unit.name}], {info.domain}: {info.meaning}")
        return "\n".join(lines)


#: Modules that generated code names. Given as "numpy", sympy would import all its submodules: a tenth of a projection.
_MODULES = {"numpy": np, "functools": functools}


@cache
def compiled(expressions: tuple[Expression, ...], letters: tuple[str, ...]) -> Callable[..., list[Any]]:
    """One numpy function for several expressions, common subexpressions shared; float64 in, float64 out."""
    arguments = [symbols.SYMBOLS[letter].symbol for letter in letters]
    printer = NumPyPrinter({"fully_qualified_modules": True})
    return sp.lambdify(arguments, list(expressions), modules=[_MODULES], printer=printer, cse=True)  # type: ignore


def _leading_terms(expression: Expression, wanted: list[Expression]) -> list[Expression]:
    """The terms of highest total degree in ``wanted``."""
    terms = sp.Add.make_args(sp.expand(expression, log=False))
    degrees = [_degree(term, wanted) for term in terms]
    highest = max(degrees)
    return [term for term, degree in zip(terms, degrees, strict=True) if degree == highest]


def _leading_of_max(arguments: Sequence[Expression], wanted: list[Expression]) -> Expression:
    """Of several alternatives the one that grows fastest; where they grow alike, the larger coefficient."""
    leading = [sp.Add(*_leading_terms(argument, wanted)) for argument in arguments]
    degrees = [_degree(sp.Add.make_args(sp.expand(each))[0], wanted) for each in leading]
    fastest = [each for each, degree in zip(leading, degrees, strict=True) if degree == max(degrees)]
    monomial = sp.Mul(*(factor for factor in sp.Mul.make_args(fastest[0]) if factor.as_base_exp()[0] in wanted))
    return monomial * sp.Max(*(each / monomial for each in fastest))


def _degree(term: Expression, wanted: list[Expression]) -> Expression:
    """Total exponent of ``wanted`` in a product."""
    powers = (factor.as_base_exp() for factor in sp.Mul.make_args(term))
    return sp.Add(*(exponent for base, exponent in powers if base in wanted))


def _listing(infos: Any) -> str:
    return ", ".join(f"{info.symbol.name} ({info.name})" for info in infos)
