"""Component mismatch: couplings that are off by a fixed fraction, an error that no amount of time removes."""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, delta, epsilon, kappa
from costmodel.quantities.units import one

_SOURCE = "derived: docs/derivations.md, mismatch"


@formula("thermo.mismatch.norm", one, _SOURCE, verified_by=Oracle.LIMITS)
def norm() -> Expression:
    """Spectral norm of the error of couplings with independent relative deviations, at most: 2 delta.

    Entries of variance delta^2 A_ij^2 have a norm near twice the largest row norm of their deviations, and no row of a
    matrix with lambda_max = 1 is longer than 1. For a diagonal matrix, whose rows do not average, it is delta times the
    largest of n deviates instead.

    >>> norm().evaluate(delta=0.01)
    0.02
    """
    return 2 * delta


@formula("thermo.mismatch.error", one, _SOURCE, verified_by=Oracle.LIMITS)
def error() -> Expression:
    """Systematic relative error of the inverse, to first order: 2 kappa delta.

    >>> round(error().evaluate(delta=0.001, kappa=100), 3)
    0.2
    """
    return kappa * norm().expression


@formula("thermo.mismatch.tolerance", one, _SOURCE, verified_by=Oracle.LIMITS)
def tolerance() -> Expression:
    """Mismatch that keeps the inverse within a relative error of epsilon.

    >>> round(tolerance().evaluate(epsilon=0.1, kappa=100), 6)
    0.000455
    """
    return epsilon / (2 * kappa * (1 + epsilon))
