"""Who sums the products of Method 1: analog correlators, one on each pair of cells, or the digital side.

Digital sums need every sample converted and multiplied out, n^2 multiply-adds for each of (n + 1) / epsilon^2 samples:
cubic in n with a factor 2 / epsilon^2, against n^3 for a Cholesky inverse. Method 1 without correlators has no gain.
"""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.thermo import sampling
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, n
from costmodel.quantities.units import flop, one

_SOURCE = "derived: docs/derivations.md, accumulation of the covariance"


@formula("thermo.accumulation.digital.flops", flop, _SOURCE, verified_by=Oracle.PHASES)
def digital_flops() -> Expression:
    """Products of independent samples summed digitally.

    >>> round(digital_flops().evaluate(n=1000, epsilon=0.1))
    200200000000
    """
    return 2 * n**2 * sampling.covariance_independent_samples().expression


@formula("thermo.accumulation.digital.conversions", one, _SOURCE, verified_by=Oracle.PHASES)
def digital_conversions() -> Expression:
    """Conversions of those samples.

    >>> round(digital_conversions().evaluate(n=1000, epsilon=0.1))
    100100000
    """
    return n * sampling.covariance_independent_samples().expression


@formula("thermo.accumulation.analog.conversions", one, _SOURCE, verified_by=Oracle.PHASES)
def analog_conversions() -> Expression:
    """Conversions when correlators hold the averages: each pair of cells once, both triangles read.

    >>> analog_conversions().evaluate(n=1000)
    1000000.0
    """
    return n**2


@formula("thermo.accumulation.analog.correlators", one, _SOURCE, verified_by=Oracle.PHASES)
def analog_correlators() -> Expression:
    """Multipliers with an integrator that an array of n cells needs, one for each pair of cells and each cell.

    >>> analog_correlators().evaluate(n=64)
    2080.0
    """
    return n * (n + 1) / 2
