"""How often a settled column is read, so that rounding of what is read is no reason to leave a layer to the device.

N_f readings to nearest of one held value, the j-th offset by (j + 1/2) / N_f - 1/2 of a step, have a mean that is the
value rounded to steps N_f times as fine: sum_j floor(y + j / N_f) = floor(N_f y), Hermite's identity. Readings without
offsets would all be the same. So the errors are those of a converter with N_f times the levels.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from costmodel.formulas.accuracy import chain, iterations, readings, tiled
from costmodel.formulas.accuracy.moments import SOURCE
from costmodel.formulas.extremes import larger, smaller
from costmodel.formulas.registry import formula
from costmodel.formulas.thermo import blocks, deflation
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, N_f, T_r, b_out, d_e, epsilon_n, kappa, m, n, q, s_2, s_x
from costmodel.quantities.units import bit, one

#: Readings of one state at most: six bits more. Assumed; a converter's steps would have to be equal to a 64th of one.
MOST: Final = 64
#: Of the squared budget, what rounding of what is read may take: as much as is planned to be left to settling at least.
_PART = Fraction(1, 2)
#: Of that, by the square, what is lost may have one of these, and what is random the rest: whichever is read less.
_SPLITS: Final = (Fraction(1, 100), Fraction(1, 2), Fraction(9, 10))
#: Of the error at which a Newton-Schulz step no longer helps, or pivots lose hold: just below.
_BELOW = Fraction(99, 100)
#: Keeps an inverse without entries off the diagonal from a division by nothing.
_LEAST = Fraction(1, 10**6)


@formula("accuracy.repeated.bits", bit, SOURCE, verified_by=Oracle.LIMITS)
def bits() -> Expression:
    """Bits of the converter with N_f times the steps, whose readings the mean of N_f offset ones is.

    >>> round(bits().evaluate(b_out=8, N_f=4), 3)  # 508 levels on each side of zero
    9.992
    """
    return 1 + sp.log(1 + N_f * _levels(), 2)


def _levels() -> Expression:
    return 2 ** (b_out - 1) - 1


@formula("accuracy.repeated.tolerance", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def tolerance() -> Expression:
    """Error of a gradient by rounding of what is read of one inverse: half of the squared budget of a layer for both.

    >>> round(tolerance().evaluate(T_r=0.1), 5)
    0.04997
    """
    return chain.independent().expression.subs(epsilon_n, T_r * sp.sqrt(_PART))


@formula("accuracy.repeated.refined.tolerance", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def refined_tolerance() -> Expression:
    """The same before a Newton-Schulz step: where its residual is below 1 it squares, else the error stays.

    >>> values = {"T_r": 0.1, "s_x": 16, "s_2": 4, "n": 256}  # sqrt(0.04997 / 0.5), and 0.99 / (2 * 4)
    >>> round(refined_tolerance().evaluate(**values), 5)
    0.12375
    """
    squared = sp.sqrt(tolerance().expression / sp.sqrt(s_x * s_2 / n))
    return larger(tolerance().expression, smaller(squared, _BELOW / (2 * sp.sqrt(s_x))))


def _split(asked: Expression, lost: Fraction) -> Expression:
    """Readings for a share of the square of what is asked to what is lost, and the rest to what is random."""
    random = readings.inverse_error().expression / (asked * sp.sqrt(1 - lost))
    of_all = iterations.low_rank_error().expression / (asked * sp.sqrt(lost))  # were everything lost
    steps = d_e * larger(_LEAST, 1 - q) * (_levels() / n) ** 2
    kept = sp.sqrt(sp.log(2 * larger(1, of_all)) / (2 * sp.pi**2 * steps))
    return sp.Piecewise((random, sp.Le(of_all, 1)), (larger(random, kept), True), evaluate=False)


def _accurate(asked: Expression) -> Expression:
    """Readings until what is random and what is lost of a whole inverse are within what is asked; no whole number."""
    return smaller(*(_split(asked, lost) for lost in _SPLITS))


def _count(asked: Expression, seen: Expression) -> Expression:
    """Readings of blocks: until pivots hold, or until errors are as small as pivots that lose hold ask for.

    ``seen`` is the condition number of what arrays see.
    """
    moved = (seen * m / n) ** 2 / (_levels() * sp.sqrt(12))
    held = moved / (tiled.MOVED * _BELOW) * smaller(1, blocks.count().expression - 1)
    least = smaller(larger(_accurate(asked), held), _accurate(asked / seen))
    return smaller(MOST, larger(1, sp.ceiling(least)))


@formula("accuracy.repeated.count", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def count() -> Expression:
    """Offset readings of every column, so that rounding of what is read takes half of the squared budget at most.

    >>> values = {"n": 1024, "b_out": 8, "kappa": 100, "s_x": 400, "s_r": 3, "d_e": 20, "q": 0.6, "m": 1024}
    >>> count().evaluate(T_r=0.3, **values)
    3.0
    """
    return _count(tolerance().expression, kappa)


@formula("accuracy.repeated.mitigated.count", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def mitigated_count() -> Expression:
    """The same where the top mode is taken out of what arrays see, and a Newton-Schulz step follows.

    >>> values = {"n": 1024, "b_out": 8, "kappa": 100, "s_x": 400, "s_r": 3, "d_e": 20, "q": 0.6, "m": 64, "eta": 9}
    >>> mitigated_count().evaluate(T_r=0.3, s_2=2, **values)
    3.0
    """
    return _count(refined_tolerance().expression, deflation.condition_number().expression)
