"""Physical units: what a symbol is measured in, and how "50 Gbit/s" in a YAML file becomes an SI float.

Six base dimensions are enough here: second, volt, ampere, kelvin, bit and FLOP. A byte is eight bits. Operations and
bits are dimensions of their own so that a formula that adds FLOPs to bytes fails its unit check. The table is our own
because it is closed (an unknown unit is an input error that names the accepted ones) and because pint and
sympy.physics.units each cost about as long to import as a whole projection.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

_BASES: Final = ("s", "V", "A", "K", "bit", "flop")


@dataclass(frozen=True, slots=True)
class Unit:
    """A product of powers of the base dimensions, with the factor to SI.

    Attributes:
        name: As it is printed, e.g. ``"bit/s"``.
        powers: Exponent of each base dimension, in the order s, V, A, K, bit, flop.
        factor: How many SI units one of this unit is (a byte is 8 bit, a millisecond 1e-3 s).
    """

    name: str
    powers: tuple[int, ...]
    factor: float = 1.0

    def __mul__(self, other: Unit) -> Unit:
        powers = tuple(p + q for p, q in zip(self.powers, other.powers, strict=True))
        return Unit(f"{self.name}*{other.name}", powers, self.factor * other.factor)

    def __truediv__(self, other: Unit) -> Unit:
        return self * other**-1

    def __pow__(self, exponent: int) -> Unit:
        return Unit(f"{self.name}^{exponent}", tuple(p * exponent for p in self.powers), self.factor**exponent)

    def named(self, name: str) -> Unit:
        """The same unit under a shorter name."""
        return Unit(name, self.powers, self.factor)

    def measures_same_as(self, other: Unit) -> bool:
        """Whether both have the same dimension, whatever their size."""
        return self.powers == other.powers


def _base(name: str) -> Unit:
    return Unit(name, tuple(int(name == base) for base in _BASES))


one = Unit("1", (0,) * len(_BASES))
second, volt, ampere, kelvin, bit, flop = (_base(name) for name in _BASES)
byte = Unit("B", bit.powers, 8.0)
hertz = (one / second).named("Hz")
ohm = (volt / ampere).named("Ohm")
farad = (ampere * second / volt).named("F")
watt = (volt * ampere).named("W")
joule = (watt * second).named("J")
bit_per_second = (bit / second).named("bit/s")
byte_per_second = (byte / second).named("B/s")
flop_per_second = (flop / second).named("FLOP/s")

_NAMED: Final = {
    "s": second,
    "V": volt,
    "A": ampere,
    "K": kelvin,
    "bit": bit,
    "bits": bit,
    "b": bit,
    "B": byte,
    "byte": byte,
    "bytes": byte,
    "FLOP": flop,
    "flop": flop,
    "Hz": hertz,
    "Ohm": ohm,
    "ohm": ohm,
    "Ω": ohm,
    "F": farad,
    "W": watt,
    "J": joule,
}
#: Other ways to write a rate, which messages do not list.
_RATES: Final = {
    "FLOPS": flop_per_second,
    "Flops": flop_per_second,
    "flops": flop_per_second,
    "bps": bit_per_second,
    "Bps": byte_per_second,
}
#: Samples a second, ``MS/s``: a sample is no dimension, and "S" alone is a siemens elsewhere.
_SAMPLES: Final = re.compile(r"([fpnuµμmkMGTP]?)(?:S|Sa|Samples?|samples?)\s*/\s*s")
_PREFIXES: Final = {
    "": 1.0,
    "f": 1e-15,
    "p": 1e-12,
    "n": 1e-9,
    "u": 1e-6,
    "µ": 1e-6,  # the micro sign
    "μ": 1e-6,  # the Greek letter
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
}
_BINARY: Final = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}
_QUANTITY: Final = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?\.?(?:inf|nan))\s*(.*?)\s*", re.I)

#: A quantity is a number and a few units; the pattern takes time that grows fast with blanks.
_LONGEST: Final = 100

#: For each dimension, how a message writes it down.
EXAMPLES: Final = {
    one.powers: "1.5",
    second.powers: "1 us",
    bit_per_second.powers: "50 Gbit/s",
    flop_per_second.powers: "20 TFLOP/s",
    farad.powers: "1 nF",
    ohm.powers: "1 kOhm",
    volt.powers: "1 mV",
    kelvin.powers: "300 K",
    hertz.powers: "5 MHz",
    watt.powers: "40 mW",
    joule.powers: "6 nJ",
    bit.powers: "80 GB",
}


def _parse_factor(token: str) -> Unit:
    if token in _NAMED:
        return _NAMED[token]
    prefix, rest = token[:1], token[1:]
    if token in _RATES:
        return _RATES[token]
    if prefix in _PREFIXES and (rest in _NAMED or rest in _RATES):
        unit = _NAMED.get(rest) or _RATES[rest]
        return Unit(token, unit.powers, unit.factor * _PREFIXES[prefix])
    if token[:2] in _BINARY and _NAMED.get(token[2:], one).powers == bit.powers:
        unit = _NAMED[token[2:]]
        return Unit(token, unit.powers, unit.factor * _BINARY[token[:2]])
    known = ", ".join(name for name in _NAMED if name not in {"bits", "b", "byte", "bytes", "flop", "ohm", "Ω"})
    raise ValueError(f"unknown unit '{token}'; known are {known}, with prefixes f p n u m k M G T P")


def parse_unit(text: str) -> Unit:
    """The unit written in ``text``: factors joined by ``*``, then divided by those after ``/``.

    Raises:
        ValueError: A factor is no known unit.

    >>> parse_unit("Gbit/s").factor
    1000000000.0
    >>> parse_unit("GB/s").measures_same_as(bit_per_second)
    True
    >>> parse_unit("TFLOPS").factor, parse_unit("MS/s").measures_same_as(hertz)
    (1000000000000.0, True)
    """
    samples = _SAMPLES.fullmatch(text.strip())
    if samples is not None:
        return Unit(text, hertz.powers, _PREFIXES[samples[1]])
    plural = re.sub(r"(?i:(flop))s(?=\s*/)", r"\1", text)
    numerator, *denominators = (part.strip() for part in plural.split("/"))
    unit = one
    for token in numerator.split("*"):
        if token.strip() not in {"", "1"}:
            unit = unit * _parse_factor(token.strip())
    for token in denominators:
        unit = unit / _parse_factor(token)
    return unit.named(text)


def parse_quantity(text: str, expected: Unit) -> float:
    """The number in ``text``, in units of ``expected``.

    Args:
        text: A number and a unit, ``"50 Gbit/s"``.
        expected: The unit the caller stores.

    Raises:
        ValueError: No number, an unknown unit, a unit of another dimension, none where one is needed, or a number that
            no float can hold.

    >>> parse_quantity("6.25 GB/s", bit_per_second)
    50000000000.0
    """
    example = EXAMPLES.get(expected.powers, f"1 {expected.name}")
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise ValueError(f"'{text}' is not a number with a unit; write it like '{example}'")
    number, unit_text = float(match[1].replace(".inf", "inf").replace(".nan", "nan")), match[2]
    if not math.isfinite(number):
        raise ValueError(f"'{text}' is not finite; write a number like '{example}'")
    if not unit_text and expected.powers != one.powers:
        raise ValueError(f"missing unit: '{text}' needs one, like '{example}'")
    unit = parse_unit(unit_text)
    if not unit.measures_same_as(expected):
        raise ValueError(f"'{text}' is not in {expected.name}; write it like '{example}'")
    # Fifteen digits hide the rounding of the prefix, so that "0.3 ns" is the float 3e-10.
    result = float(f"{number * unit.factor / expected.factor:.15g}")
    if not math.isfinite(result):
        raise ValueError(f"'{text}' is too large a number")
    if result == 0 and re.search("[1-9]", re.split("[eE]", match[1])[0]):
        raise ValueError(f"'{text}' is too small a number")
    return result
