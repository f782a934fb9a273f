"""What a symbol of a formula is: its letter, its public name, its unit and the values it may take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from costmodel.quantities.algebra import Expression, Letter
from costmodel.quantities.units import Unit

#: A value this far outside a closed end of its domain, relative to that end, still counts as that end. A gain or a
#: condition number that is 1 on paper comes out of linear algebra with an error of n times 2.2e-16, whose sign depends
#: on the processor's kernels: 1e-12 covers a few thousand dimensions and is no number anybody would state.
ROUNDING: Final = 1e-12


class Better(StrEnum):
    """Which values help the analog machine; a scenario takes the end of a range that helps it, or that hurts."""

    SMALLER = "smaller"
    LARGER = "larger"
    EITHER = "either"  # the machine does not depend on it; a scenario draws it like a nominal projection


@dataclass(frozen=True, slots=True)
class SymbolInfo:
    """What a letter stands for.

    Attributes:
        letter: As formulas write it.
        name: The spelled-out public name, a valid keyword argument.
        unit: What it is measured in.
        meaning: One line, with the paper's or the field's convention.
        minimum: Smallest value it may take, itself allowed unless ``open_minimum``.
        maximum: Largest value it may take, itself allowed unless ``open_maximum``.
        whole: Whether a card must give it as a whole number.
        better: Which values help the analog machine.
        of_each_factor: Whether a model states it of A and of G, as ``input_`` and ``output_`` before the name.
    """

    letter: str
    name: str
    unit: Unit
    meaning: str
    minimum: float = 0.0
    maximum: float = math.inf
    open_minimum: bool = False
    open_maximum: bool = False
    whole: bool = False
    better: Better = Better.SMALLER
    of_each_factor: bool = False

    @property
    def symbol(self) -> Expression:
        """The sympy symbol; its name is the letter."""
        return Letter(self.letter).symbol

    @property
    def domain(self) -> str:
        """The allowed values, written as a mathematician would: ``0 < epsilon < 1``."""
        lower = f"{self.minimum:g} {'<' if self.open_minimum else '<='} "
        upper = "" if math.isinf(self.maximum) else f" {'<' if self.open_maximum else '<='} {self.maximum:g}"
        return f"{lower}{self.letter}{upper}"

    def check(self, low: float, high: float) -> None:
        """Raise if any value between ``low`` and ``high``, the extremes given for this symbol, is not allowed.

        A closed end gives way by :data:`ROUNDING`; an open one, and zero, do not.

        Raises:
            ValueError: Names the symbol, the offending value and the domain.
        """
        too_low = low <= self.minimum if self.open_minimum else low < self.minimum * (1 - ROUNDING)
        too_high = high >= self.maximum if self.open_maximum else high > self.maximum * (1 + ROUNDING)
        if too_low or too_high or math.isnan(low) or math.isnan(high):
            raise ValueError(f"{self.name} = {low if too_low else high:.15g} is outside its domain {self.domain}")


#: Every symbol by its letter and by its name; :mod:`costmodel.quantities.symbols` fills it.
SYMBOLS: Final[dict[str, SymbolInfo]] = {}


def define(letter: str, name: str, unit: Unit, meaning: str, **domain: Any) -> Expression:
    """A new symbol, to be used in formulas; ``domain`` are the further attributes of :class:`SymbolInfo`.

    Raises:
        ValueError: Its letter or its name stands for another.
    """
    info = SymbolInfo(letter, name, unit, meaning, **domain)
    for key in {letter, name}:
        if key in SYMBOLS:
            raise ValueError(f"symbol {key} is defined twice")
        SYMBOLS[key] = info
    return Letter(letter)


def info(symbol: Expression | str) -> SymbolInfo:
    """The record of a symbol, its letter or its spelled-out name.

    Raises:
        KeyError: It is not one of ours.

    >>> from costmodel.quantities import symbols
    >>> info("condition_number").letter
    'kappa'
    """
    return SYMBOLS[symbol if isinstance(symbol, str) else symbol.name]
