"""What a Newton-Schulz step makes of an inverse that is off: errors of a gradient by one inverse, squared.

``epsilon`` is the error before. Where the step's residual is no longer below 1 it does not help, and the error stays.
"""

from __future__ import annotations

from fractions import Fraction

from costmodel.formulas.accuracy import couplings as plain
from costmodel.formulas.extremes import larger, smaller
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, epsilon, n, s_2, s_x
from costmodel.quantities.units import one

#: Keeps what is no longer definite from a division by nothing; the error stays there anyway.
_LEAST = Fraction(1, 10**6)
_SOURCE = "derived: docs/derivations.md, refinement of an inverse"


@formula("accuracy.refined.couplings", one, _SOURCE, verified_by=Oracle.REAL_SPECTRA)
def couplings() -> Expression:
    """Where couplings are off by E: the residual is E (A + E)^-1, and A^-1 E A^-1 E A^-1 is left.

    Its mean, sigma^2 tr(A^-1) A^-2 at most, has the size of its scatter, epsilon^2, and goes the same way in both
    inverses of a layer: sqrt(3) epsilon^2 each. Higher orders, up to the loss of definiteness at a half, are a fit.

    >>> [round(couplings().evaluate(epsilon=error), 4) for error in (0.01, 0.1, 0.4)]
    [0.0002, 0.0184, 0.4]
    """
    higher = larger(_LEAST, 1 - (epsilon / plain.DEFINITE) ** 2) ** sp.Rational(3, 2)
    return smaller(epsilon, sp.sqrt(3) * epsilon**2 / higher)


@formula("accuracy.refined.readings", one, _SOURCE, verified_by=Oracle.REAL_SPECTRA)
def readings() -> Expression:
    """Where what is read is off by a white D: D A D is left; the residual has a norm of 2 epsilon sqrt(s_x).

    >>> [round(readings().evaluate(epsilon=error, s_x=16, s_2=4, n=256), 4) for error in (0.1, 0.2)]
    [0.005, 0.2]
    """
    left = epsilon**2 * sp.sqrt(s_x * s_2 / n)
    return sp.Piecewise((left, 2 * epsilon * sp.sqrt(s_x) < 1), (epsilon, True))
