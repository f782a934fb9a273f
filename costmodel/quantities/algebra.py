"""sympy, imported when an expression is first built: that import alone takes longer than a whole projection.

Formulas are written with :data:`sp` and with letters. Numbers come from numpy code that is shipped with the formulas,
so that only what shows or changes an expression ever builds one.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

Expression = Any  # a sympy expression; sympy's own annotations do not survive mypy --strict


class _Sympy:
    """The module ``sympy``, for what it is asked for."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(import_module("sympy"), name)
        setattr(self, name, found)
        return found


#: Use it as ``import sympy as sp`` is used.
sp: Final[Any] = _Sympy()


class Letter:
    """A symbol of the formulas: its name, and sympy's positive symbol as soon as something is calculated with it.

    Attributes:
        name: The letter.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def symbol(self) -> Expression:
        """Sympy's symbol."""
        return sp.Symbol(self.name, positive=True)

    def _sympy_(self) -> Expression:
        """What sympy takes it for wherever it takes an expression."""
        return self.symbol

    def __repr__(self) -> str:
        return self.name

    def __neg__(self) -> Expression:
        return -self.symbol

    def __add__(self, other: Any) -> Expression:
        return self.symbol + other

    def __radd__(self, other: Any) -> Expression:
        return other + self.symbol

    def __sub__(self, other: Any) -> Expression:
        return self.symbol - other

    def __rsub__(self, other: Any) -> Expression:
        return other - self.symbol

    def __mul__(self, other: Any) -> Expression:
        return self.symbol * other

    def __rmul__(self, other: Any) -> Expression:
        return other * self.symbol

    def __truediv__(self, other: Any) -> Expression:
        return self.symbol / other

    def __rtruediv__(self, other: Any) -> Expression:
        return other / self.symbol

    def __pow__(self, other: Any) -> Expression:
        return self.symbol**other

    def __rpow__(self, other: Any) -> Expression:
        return other**self.symbol
