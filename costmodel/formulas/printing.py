"""Expressions as the text of numpy code."""

from __future__ import annotations

from sympy.printing.numpy import NumPyPrinter
from sympy.printing.precedence import PRECEDENCE

from costmodel.quantities.algebra import Expression

#: The branch of Lambert's W below -1, which the settling of a critically damped mode needs.
LOWER_BRANCH = -1


class Printer(NumPyPrinter):  # type: ignore[misc]
    """numpy code, with the one special function that numpy lacks."""

    def _print_Mul(self, expression: Expression) -> str:  # noqa: N802 -- sympy looks it up by this name
        """A denominator divides last, so that a count that is whole in the end comes out whole."""
        factor, rest = expression.as_coeff_Mul()
        if not factor.is_Rational or factor.q == 1:
            return str(super()._print_Mul(expression))
        return f"{self.parenthesize(factor.p * rest, PRECEDENCE['Mul'])}/{factor.q}"

    def _print_LambertW(self, expression: Expression) -> str:  # noqa: N802
        argument, branch = expression.args
        if branch != LOWER_BRANCH:
            raise ValueError(f"only the lower branch of Lambert's W is in use, not {branch}")
        return f"lambert_lower({self._print(argument)})"


class NodePrinter(Printer):
    """The same with symbols looked up by name in a mapping ``v``."""

    def _print_Symbol(self, expression: Expression) -> str:  # noqa: N802
        return f'v["{expression.name}"]'
