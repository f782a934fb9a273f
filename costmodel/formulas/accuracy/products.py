"""Inverses from rounded products: what is off in them is A^-1 W with W white, as noise of columns is."""

from __future__ import annotations

from fractions import Fraction

from costmodel.formulas.accuracy.moments import SOURCE
from costmodel.formulas.extremes import smaller
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, b_in, b_out, epsilon, mu_2, s_x
from costmodel.quantities.units import one

#: Steps of a converter that an inverse is off by, relative (Frobenius): what rounds the vectors that go in, or what
#: comes out. Fitted to Chebyshev's iteration on trained factors.
_STEPS = Fraction(6, 5)
#: Of the product of both errors of an inverse, in its own norm and in a gradient, what a step or a pass leaves.
_LEFT = 3


def _gain() -> Expression:
    """Error of a gradient over that of the inverse in its own norm."""
    return sp.sqrt((mu_2 + s_x) / (2 * s_x))


@formula("accuracy.products.error", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def error() -> Expression:
    """Error of a gradient by one inverse whose products are rounded, on their way in and out.

    >>> round(error().evaluate(b_in=8, b_out=8, mu_2=7.0, s_x=1.0), 4)
    0.0267
    """
    each = (1 / (2 ** (bits - 1) - 1) ** 2 for bits in (b_in, b_out))
    return _STEPS * _gain() * sp.sqrt(sp.Add(*each))


@formula("accuracy.products.refined", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def refined() -> Expression:
    """What of that error, epsilon, a Newton-Schulz step or a second pass leaves: it is multiplied by the inverse's own.

    >>> round(refined().evaluate(epsilon=0.04, mu_2=7.0, s_x=1.0), 4)
    0.0024
    """
    return smaller(epsilon, _LEFT * epsilon**2 / _gain())
