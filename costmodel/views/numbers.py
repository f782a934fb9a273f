"""How numbers are written for people. A NaN or an infinity is written by none of these functions."""

from __future__ import annotations

import math

from costmodel.quantities.estimate import Estimate, Quantity
from costmodel.quantities.units import Unit, byte, one
from costmodel.views.finite import NotFiniteError

_PREFIXES = (
    (1e15, "P"),
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
    (1e-9, "n"),
)


def scaled(value: float, unit: str, digits: int = 3) -> str:
    """A value with an SI prefix.

    >>> scaled(0.0123, "s")
    '12.3 ms'
    >>> scaled(2.5e13, "FLOP")
    '25 TFLOP'

    Raises:
        NotFiniteError: The value is no number, as in every function here.
    """
    rounded = _rounded(value, digits)  # first, so that 999.99 us becomes 1 ms
    if rounded == 0:
        return f"0 {unit}".rstrip()
    factor, prefix = next((each for each in _PREFIXES if abs(rounded) >= each[0]), (1e-12, "p"))
    if unit == "s" and factor > 1:
        factor, prefix = 1.0, ""
    return f"{significant(rounded / factor, digits)} {prefix}{unit}".rstrip()


def significant(value: float, digits: int = 3) -> str:
    """A number to some significant digits, without an exponent unless it is long.

    >>> significant(1234.5), significant(0.98765)
    ('1230', '0.988')
    """
    rounded = _rounded(value, digits)
    return f"{rounded:g}" if abs(rounded) < 1e6 else f"{rounded:.{digits - 1}e}"


def percent(share: float, digits: int = 1) -> str:
    """A share in percent, with some digits behind the point.

    >>> percent(0.1234)
    '12.3%'
    """
    _rounded(share, digits + 1)
    return f"{share:.{digits}%}"


def _rounded(value: float, digits: int) -> float:
    """The value to some significant digits.

    Raises:
        NotFiniteError: It is a NaN or an infinity.
    """
    if not math.isfinite(value):
        raise NotFiniteError(value)
    return float(f"{value:.{digits}g}")


def seconds(estimate: Estimate) -> str:
    """A time with its 90 % interval: ``12.3 ms [11 ms, 14 ms]``."""
    return f"{scaled(estimate.median, 's')} [{interval(estimate)}]"


def interval(estimate: Estimate) -> str:
    """The 90 % interval of a time."""
    return f"{scaled(estimate.p05, 's')}, {scaled(estimate.p95, 's')}"


def quantity(value: Quantity) -> str:
    """A card's value with its range."""
    nominal = in_unit(value.value, value.unit)
    if value.low == value.high:
        return nominal
    return f"{nominal} [{in_unit(value.low, value.unit)}, {in_unit(value.high, value.unit)}]"


def in_unit(value: float, unit: Unit) -> str:
    """A value in its unit, prefixed where that reads well."""
    if unit.powers == one.powers or unit.name == "bit":
        return f"{significant(value)}{'' if unit.powers == one.powers else ' bit'}"
    name = byte.name if unit.name == byte.name else unit.name
    return scaled(value, name)


#: From here on a change is told as a factor, below it in percent.
_FACTOR = 1.1


def speed(ratio: float) -> str:
    """A speedup in words, one way for every size: ``1.58x faster``, ``0.4% slower``, ``16x slower``.

    A share is what a step is shorter by in rate, or longer by in time: 1.05 is 5 % faster, 1 / 1.05 5 % slower.

    >>> speed(1.58), speed(0.0625), speed(0.996), speed(1.0002)
    ('1.58x faster', '16x slower', '0.4% slower', 'equal')
    """
    size, direction = _size(ratio)
    return f"{size} {direction}" if size else direction


def speed_range(estimate: Estimate) -> str:
    """The 90 % interval of a speedup in words: ``1.2% to 0.2% slower``."""
    (low, below), (high, above) = _size(estimate.p05), _size(estimate.p95)
    if (low, below) == (high, above):
        return speed(estimate.p05)
    if below == above:
        return f"{low} to {high} {above}"
    return f"{speed(estimate.p05)} to {speed(estimate.p95)}"


def speed_with_range(estimate: Estimate) -> str:
    """A speedup with its interval: ``0.4% slower (1.2% to 0.2% slower)``."""
    median, span = speed(estimate.median), speed_range(estimate)
    return median if median == span else f"{median} ({span})"


def _size(ratio: float) -> tuple[str, str]:
    """How much, and in which direction."""
    _rounded(ratio, 3)
    factor, direction = (ratio, "faster") if ratio >= 1 else (1 / ratio, "slower")
    if factor >= _FACTOR:
        return f"{significant(factor)}x", direction
    percents = significant(100 * (factor - 1), 2) if factor >= 1.001 else significant(100 * (factor - 1), 1)
    return ("", "equal") if factor < 1.0005 else (f"{percents}%", direction)
