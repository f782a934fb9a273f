"""Dimensional analysis of every formula: what is added has one dimension, and the result has the unit it claims."""

import pytest
import sympy as sp

from costmodel import formulas
from costmodel.quantities import symbols, units

Powers = tuple[sp.Rational, ...]
_NONE = units.one.powers
_BITS = {symbols.b_in.symbol, symbols.b_out.symbol}


def dimension(expression: sp.Expr) -> Powers:
    """Exponents of the base dimensions; raises where terms of different dimension meet."""
    if isinstance(expression, sp.Symbol):
        return symbols.info(expression).unit.powers
    if expression.is_number:
        return _NONE
    if isinstance(expression, sp.Pow):
        base, exponent = expression.args
        # 4^bits is a number of levels; other exponents are numbers without a unit.
        assert exponent.free_symbols <= _BITS or dimension(exponent) == _NONE
        return tuple(power * exponent for power in dimension(base))
    if isinstance(expression, sp.Piecewise):  # conditions compare numbers
        cases = [dimension(value) for value, _ in expression.args]
        assert len(set(cases)) == 1
        return cases[0]
    parts = [dimension(argument) for argument in expression.args]
    if isinstance(expression, sp.Mul):
        return tuple(sum(powers) for powers in zip(*parts, strict=True))
    if isinstance(expression, sp.Add | sp.Max | sp.Min):
        if len(set(parts)) > 1:
            raise ValueError(f"{expression} adds {parts}")
        return parts[0]
    if isinstance(expression, sp.log | sp.ceiling | sp.floor | sp.tanh | sp.exp | sp.sin | sp.LambertW):
        if set(parts) != {_NONE}:
            raise ValueError(f"argument of {expression} has dimension {parts}")
        return _NONE
    raise TypeError(f"no rule for {expression.func}")


@pytest.mark.parametrize("name", list(formulas.catalog()))
def test_dimension(name: str) -> None:
    formula = formulas.get(name)
    found = dimension(formula.expression)
    # FLOPs and bytes are numbers of things: a count of layer sizes is one.
    counts = {units.flop.powers, units.byte.powers}
    assert found == formula.unit.powers or (formula.unit.powers in counts and found == _NONE)


def test_the_check_can_fail() -> None:
    with pytest.raises(ValueError, match="adds"):
        dimension(symbols.tau + symbols.W)
    with pytest.raises(ValueError, match="argument"):
        dimension(sp.log(symbols.tau))
