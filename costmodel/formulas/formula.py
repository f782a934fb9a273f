"""A formula as an object: expression, unit, where it comes from, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from costmodel.formulas.code import Summand, summands, total
from costmodel.quantities import symbols
from costmodel.quantities.algebra import Expression, sp
from costmodel.quantities.symbols import SymbolInfo
from costmodel.quantities.units import Unit


@dataclass(frozen=True, slots=True)
class Shipped:
    """An expression whose numpy code is shipped, so that it need not be built for its values.

    Attributes:
        name: Of its formula.
        build: Builds it.
        summands: Its additive parts.
    """

    name: str
    build: Callable[[], Expression]
    summands: tuple[Summand, ...]

    def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
        """Another process has it under its name."""
        from costmodel.formulas.registry import behind

        return behind, (self.name,)


@dataclass(frozen=True, slots=True, repr=False)
class Formula:
    """One quantity of the cost model.

    Attributes:
        name: Dotted name, method first: ``"kfac.cholesky.refresh.flops"``.
        given: sympy expression in the symbols of :mod:`costmodel.quantities.symbols`, or what builds it.
        unit: Unit of its value.
        meaning: One line on what it counts and why it has this form.
        source: Paper and equation, or "derived: ..." with the section of docs/derivations.md.
        verified_by: What a test compares it with; empty where nothing does.
        composed_of: Names of the formulas that a test adds it up from.
    """

    name: str
    given: Expression | Shipped
    unit: Unit
    meaning: str
    source: str
    verified_by: str = ""
    composed_of: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return hash(self.name)  # few formulas share one, and all else takes long to go through

    @property
    def expression(self) -> Expression:
        """Its sympy expression."""
        return self.given.build() if isinstance(self.given, Shipped) else self.given

    @property
    def summands(self) -> tuple[Summand, ...]:
        """Its additive parts, in the order of sympy."""
        return self.given.summands if isinstance(self.given, Shipped) else summands(self.given)

    @property
    def letters(self) -> tuple[str, ...]:
        """Letters of the symbols in it, sorted."""
        return tuple(sorted({letter for part in self.summands for letter in part.letters}))

    @property
    def symbols(self) -> tuple[SymbolInfo, ...]:
        """Records of the symbols in it, by letter."""
        return tuple(symbols.info(letter) for letter in self.letters)

    def latex(self) -> str:
        """The expression in LaTeX."""
        return str(sp.latex(self.expression))

    def __repr__(self) -> str:
        return f"Formula({self.name} = {self.expression} [{self.unit.name}])"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def substitute(self, **values: Any) -> Formula:
        """The formula with some symbols replaced by numbers or expressions; keys are letters or spelled-out names.

        >>> from costmodel import formulas
        >>> formulas.get("kfac.precondition.flops").substitute(a="n", g="n").expression
        4*n**3
        """
        letters = {info.letter: info.symbol for info in symbols.SYMBOLS.values()}
        replacements = {symbols.info(key).symbol: sp.sympify(value, locals=letters) for key, value in values.items()}
        expression = self.expression.subs(replacements, simultaneous=True)
        return replace(self, given=expression)

    def leading(self, *names: Expression | str) -> Expression:
        """The part that outgrows the rest when the named symbols go to infinity together.

        Ceilings and floors count as their argument, logarithms as constants, hyperbolic tangents as their limit, so the
        result is the polynomial order that a complexity table states.

        >>> from costmodel import formulas
        >>> formulas.get("kfac.cholesky.refresh.flops").leading("n")
        n**3
        """
        wanted = [symbols.info(name).symbol for name in names]
        smooth = self.expression.replace(
            lambda part: isinstance(part, sp.ceiling | sp.floor), lambda part: part.args[0]
        )
        smooth = smooth.replace(_is_root_of_sum, lambda power: _leading_of_root(power, wanted))
        smooth = smooth.replace(sp.tanh, lambda argument: _leading_of_tanh(argument, wanted))
        smooth = smooth.replace(sp.Max, lambda *arguments: _leading_of_extreme(sp.Max, arguments, wanted))
        smooth = smooth.replace(sp.Min, lambda *arguments: _leading_of_extreme(sp.Min, arguments, wanted))
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
        needed = {info.letter: info for info in self.symbols}
        # The formula's own letters first: "a" the dimension must never be mistaken for another name.
        given: dict[str, Any] = {}
        for key, value in values.items():
            letter = key if key in needed else symbols.SYMBOLS[key].letter if key in symbols.SYMBOLS else key
            if letter not in needed:
                raise ValueError(f"{self.name} has no symbol '{key}'; it has {_listing(self.symbols)}")
            given[letter] = np.asanyarray(value, dtype=float)
        missing = [needed[letter] for letter in needed if letter not in given]
        if missing:
            raise ValueError(f"{self.name} needs a value for {_listing(missing)}")
        for letter, array in given.items():
            info, low, high = needed[letter], float(array.min()), float(array.max())
            info.check(low, high)
            # What the check forgives as rounding would still be a negative argument to log(kappa) or sqrt(1 - chi).
            if low < info.minimum or high > info.maximum:
                given[letter] = np.clip(array, info.minimum, info.maximum)
        result = total(self.summands, given)
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
            lines.append(f"    {info.letter:8s} {info.name} [{info.unit.name}], {info.domain}: {info.meaning}")
        return "\n".join(lines)


def _leading_terms(expression: Expression, wanted: list[Expression]) -> list[Expression]:
    """The terms of highest total degree in ``wanted``."""
    terms = sp.Add.make_args(sp.expand(expression, log=False))
    degrees = [_degree(term, wanted) for term in terms]
    highest = max(degrees)
    return [term for term, degree in zip(terms, degrees, strict=True) if degree == highest]


def _leading_of_extreme(extreme: Expression, arguments: Sequence[Expression], wanted: list[Expression]) -> Expression:
    """Of several alternatives the one that grows fastest (slowest of a minimum); where they grow alike, both."""
    leading = [sp.Add(*_leading_terms(argument, wanted)) for argument in arguments]
    degrees = [_degree(sp.Add.make_args(sp.expand(each))[0], wanted) for each in leading]
    decisive = max(degrees) if extreme is sp.Max else min(degrees)
    left = [each for each, degree in zip(leading, degrees, strict=True) if degree == decisive]
    monomial = sp.Mul(*(factor for factor in sp.Mul.make_args(left[0]) if factor.as_base_exp()[0] in wanted))
    return monomial * extreme(*(each / monomial for each in left))


def _is_root_of_sum(part: Expression) -> bool:
    """Whether expanding leaves it as it is: a sum to a power that is no positive integer."""
    return bool(part.is_Pow and part.base.is_Add and not (part.exp.is_Integer and part.exp > 0))


def _leading_of_root(power: Expression, wanted: list[Expression]) -> Expression:
    return sp.expand_power_base(sp.Pow(sp.factor_terms(sp.Add(*_leading_terms(power.base, wanted))), power.exp))


def _leading_of_tanh(argument: Expression, wanted: list[Expression]) -> Expression:
    """Its argument where that vanishes at infinity, one where it grows, itself where it does neither."""
    degree = max(_degree(term, wanted) for term in sp.Add.make_args(argument))
    if degree == 0:
        return sp.tanh(argument)
    return argument if degree < 0 else sp.Integer(1)


def _degree(term: Expression, wanted: list[Expression]) -> Expression:
    """Total exponent of ``wanted`` in a product."""
    powers = (factor.as_base_exp() for factor in sp.Mul.make_args(term))
    return sp.Add(*(exponent for base, exponent in powers if base in wanted))


def _listing(infos: Any) -> str:
    return ", ".join(f"{info.letter} ({info.name})" for info in infos)
