"""Settling too briefly: a filter on modes that acts as more damping, and what of a gradient it leaves out.

After y relaxation times of the slowest mode (lambda = gamma), mode i lacks exp(-y lambda_i / gamma). A gradient has
less at the damping than the inverse as a matrix has, so its error is smaller than the slowest mode's.
"""

from __future__ import annotations

from costmodel.formulas.accuracy import chain
from costmodel.formulas.accuracy.moments import SOURCE
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, q, y
from costmodel.quantities.units import one


def _scale() -> Expression:
    """Interpolates Gamma(1 + q)^(1 / (1 - q)), 1 at q = 0 and exp(Euler's constant - 1) at q = 1, to 3 %."""
    return sp.exp((sp.EulerGamma - 1) * q)


@formula("accuracy.settling.missing", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def missing() -> Expression:
    """Share of a gradient that one inverse leaves out after y relaxation times of its slowest mode.

    The mean of exp(-y lambda / gamma) over a power law with damping share q, between its limits for small and large y.

    >>> round(missing().evaluate(y=2, q=0.5), 4)  # exp(-2) = 0.1353 for the slowest mode
    0.0836
    """
    return sp.exp(-y) * (1 + _scale() * y) ** (q - 1)


@formula("accuracy.settling.error", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def error() -> Expression:
    """Error of the preconditioned gradient when both factors settle for y relaxation times of their slowest modes.

    >>> round(error().evaluate(y=2, q=0.5), 4)
    0.1603
    """
    return 1 - (1 - missing().expression) ** 2


@formula("accuracy.settling.tolerance", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def tolerance() -> Expression:
    """What each array may leave of its slowest mode: the epsilon of a settling time, so that a gradient has epsilon_t.

    With no mode slower than the damping's, 1 - sqrt(1 - epsilon_t) is always enough.

    >>> round(tolerance().evaluate(epsilon_t=0.75), 9)
    0.5
    """
    return chain.missing().expression


@formula("accuracy.settling.spectrum_tolerance", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def spectrum_tolerance() -> Expression:
    """The same for a known share of damping: one Newton step of y + (1 - q) ln(1 + c y) from the y of the bound.

    >>> round(spectrum_tolerance().evaluate(epsilon_t=0.75, q=0.5), 4)
    0.5967
    """
    bound = -sp.log(chain.missing().expression)
    grown = 1 + _scale() * bound
    step = (1 - q) * sp.log(grown) / (1 + (1 - q) * _scale() / grown)
    return sp.exp(step - bound)
