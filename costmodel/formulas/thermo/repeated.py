"""Settled columns that are read several times, offset by fractions of a step: times, energies and the sum of readings.

The state is held at its nodes while converters read it N_f times, so that nothing settles again and nothing is
programmed again. Every reading crosses the link, since no card has accumulators beside its converters; the digital side
adds them up in float32. How many readings a factor needs is a formula of its own, which stands for N_f: of a plain
inverse, and of one whose top mode is taken out and which a Newton-Schulz step refines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from costmodel.formulas.accuracy import repeated as accuracy
from costmodel.formulas.formula import Formula
from costmodel.formulas.registry import formula
from costmodel.formulas.thermo import blocks, pipelined
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, N_f, W, b_out, e_a, e_l, f_c, n_c, t_l
from costmodel.quantities.units import byte, joule, second

_SOURCE = "derived: docs/derivations.md, repeated readings"
#: A float32 element.
_BYTES: Final = 4


# Of a number of readings, so that a formula can stand for it: sympy takes long to substitute one.


def _link_time(count: Expression) -> Expression:
    return blocks.count().expression * t_l + count * blocks.squares().expression * b_out / W


def _convert_time(count: Expression) -> Expression:
    return count * blocks.squares().expression / (n_c * f_c)


def _link_energy(count: Expression) -> Expression:
    return count * blocks.squares().expression * b_out * e_l


def _convert_energy(count: Expression) -> Expression:
    return count * blocks.squares().expression * e_a


def _sum_bytes(count: Expression) -> Expression:
    return _BYTES * (count + 1) * blocks.squares().expression


def _beside_convert_time(count: Expression) -> Expression:
    return pipelined.of_columns(count / (n_c * f_c))


def _beside_link_time(count: Expression) -> Expression:
    return pipelined.of_columns(count * b_out / W)


# --- for a number of readings ---------------------------------------------------------------------------------------


@formula("thermo.repeated.link.time", second, _SOURCE, verified_by=Oracle.PHASES)
def link_time() -> Expression:
    """All readings of the inverse of every block over the link, in one message a block.

    >>> round(link_time().evaluate(n=1000, m=1000, b_out=8, W=8e9, t_l=0, N_f=4), 6)
    0.004
    """
    return _link_time(N_f)


@formula("thermo.repeated.convert.time", second, _SOURCE, verified_by=Oracle.PHASES)
def convert_time() -> Expression:
    """All readings of every column of every block through the array's converters.

    >>> round(convert_time().evaluate(n=64, m=64, n_c=64, f_c=1e7, N_f=4), 9)
    2.56e-05
    """
    return _convert_time(N_f)


@formula("thermo.repeated.link.energy", joule, _SOURCE, verified_by=Oracle.PHASES)
def link_energy() -> Expression:
    """All readings over the link.

    >>> round(link_energy().evaluate(n=1000, m=1000, b_out=8, e_l=1e-12, N_f=4) * 1e6, 3)  # microjoules
    32.0
    """
    return _link_energy(N_f)


@formula("thermo.repeated.convert.energy", joule, _SOURCE, verified_by=Oracle.PHASES)
def convert_energy() -> Expression:
    """All readings through the converters; moving an offset is not counted.

    >>> round(convert_energy().evaluate(n=1000, m=1000, e_a=1e-12, N_f=4) * 1e6, 3)  # microjoules
    4.0
    """
    return _convert_energy(N_f)


@formula("thermo.repeated.sum.bytes", byte, _SOURCE, verified_by=Oracle.TENSORS)
def sum_bytes() -> Expression:
    """Memory traffic of adding readings up: each is read once, the mean is written.

    >>> sum_bytes().evaluate(n=64, m=64, N_f=4)
    81920.0
    """
    return _sum_bytes(N_f)


@formula("thermo.repeated.beside.convert.time", second, _SOURCE, verified_by=Oracle.SCHEDULE)
def beside_convert_time() -> Expression:
    """Conversions of the columns of one factor that run while the next column settles.

    >>> round(beside_convert_time().evaluate(n=64, m=64, n_c=64, f_c=1e6, t=5e-6, P=1, N_f=4), 9)
    0.000252
    """
    return _beside_convert_time(N_f)


@formula("thermo.repeated.beside.link.time", second, _SOURCE, verified_by=Oracle.SCHEDULE)
def beside_link_time() -> Expression:
    """Transfers of those columns that run while the next column settles.

    >>> round(beside_link_time().evaluate(n=64, m=64, b_out=8, W=512e6, t=5e-6, P=1, N_f=4), 9)
    0.000252
    """
    return _beside_link_time(N_f)


# --- as often as a factor needs -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading the columns of a factor takes where they are read as often as it needs.

    Attributes:
        count: Readings of one state.
        link: Seconds and joules on the link.
        convert: Seconds and joules of the converters.
        added: Memory traffic of the sum, bytes.
        beside: Seconds of conversions, and of transfers, that run while the next column settles.
    """

    count: Formula
    link: tuple[Formula, Formula]
    convert: tuple[Formula, Formula]
    added: Formula
    beside: tuple[Formula, Formula]


def _reading(kind: str, words: str, count: Callable[[], Formula]) -> Reading:
    """Register everything above with the readings that a factor needs in place of N_f."""

    def counted(base: Formula, of: Callable[[Expression], Expression]) -> Formula:
        def build() -> Expression:
            return of(count().expression)

        build.__doc__ = f"{base.meaning.rstrip('.')}, {words}."
        name = base.name.replace("repeated", f"repeated.{kind}")
        return formula(name, base.unit, base.source, composed_of=(base.name, count().name))(build)()

    return Reading(
        count(),
        (counted(link_time(), _link_time), counted(link_energy(), _link_energy)),
        (counted(convert_time(), _convert_time), counted(convert_energy(), _convert_energy)),
        counted(sum_bytes(), _sum_bytes),
        (
            counted(beside_convert_time(), _beside_convert_time),
            counted(beside_link_time(), _beside_link_time),
        ),
    )


#: Of a plain inverse.
PLAIN: Final = _reading("plain", "as often as a plain inverse needs", accuracy.count)
#: Of an inverse whose top mode is taken out and which is refined.
MITIGATED: Final = _reading("mitigated", "as often as a deflated and refined inverse needs", accuracy.mitigated_count)
