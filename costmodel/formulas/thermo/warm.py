"""Columns that start from the inverse of the last refresh in place of rest: what is left to settle, and the price.

Settling is linear: what a run leaves of a start X is F (A^-1 - X), with F = exp(-A t / tau), and F A^-1 from rest. A
start that is the last inverse is off by what the inverse moved, and by what the last run left.
"""

from __future__ import annotations

from fractions import Fraction

from costmodel.formulas.extremes import larger
from costmodel.formulas.registry import formula
from costmodel.formulas.thermo import blocks, traffic_energy, transient, underdamped
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import (
    Expression,
    W,
    b_in,
    beta_f,
    d_r,
    epsilon,
    i_f,
    i_r,
    m,
    n,
    t_w,
)
from costmodel.quantities.units import byte, flop, joule, one, second

_SOURCE = "derived: docs/derivations.md, warm starts"
#: Steps between refreshes and factor updates, and decay, that the drift of a model is stated at.
STATED = {"i_r": 100, "i_f": 10, "beta_f": Fraction(19, 20)}
#: Power of the lag with which factors move, fitted to trained networks.
_POWER = Fraction(1, 2)
#: Launches of the products with a random vector, of their ratio, and of the scaled copy.
LAUNCHES = 4


def _moved() -> Expression:
    """Share of the running average that is new, times how far what is new has moved."""
    new = 1 - beta_f ** larger(1, i_r / i_f)
    lag = i_f / (1 - beta_f) + i_r / 2
    return new * lag**_POWER


@formula("thermo.warm.drift", one, _SOURCE, verified_by=Oracle.DRIFTS)
def drift() -> Expression:
    """Error that a start from the last inverse leaves over that of a start at rest, by the intervals between.

    What moves alike in equal parts leaves a product of what each leaves in common.

    >>> [round(drift().evaluate(d_r=0.3, i_r=steps, i_f=10, beta_f=0.95), 3) for steps in (10, 100, 1000)]
    [0.039, 0.3, 0.772]
    """
    stated = _moved().subs({i_r: STATED["i_r"], i_f: STATED["i_f"], beta_f: sp.Rational(STATED["beta_f"])})
    return 1 - (1 - d_r) ** (_moved() / stated)


def left() -> Expression:
    """What a run may leave of a start, so that epsilon of the inverse is left: epsilon / (epsilon + drift)."""
    return epsilon / (epsilon + drift().expression)


@formula("thermo.warm.mean.time", second, _SOURCE, verified_by=Oracle.MOTION)
def mean_time() -> Expression:
    """Time of a column from the last inverse until epsilon is left, refresh after refresh: ln(1 + d / epsilon).

    >>> values = {"tau": 1e-6, "kappa": 100, "epsilon": 0.2, "i_r": 100, "i_f": 10, "beta_f": 0.95}
    >>> [round(mean_time().evaluate(d_r=moved, **values) * 1e6, 2) for moved in (0.1, 0.8)]  # 160.94 from rest
    [40.55, 160.94]
    """
    return transient.mean_time().expression.subs(epsilon, left())


@formula("thermo.warm.underdamped.mean.time", second, _SOURCE, verified_by=Oracle.MOTION)
def underdamped_mean_time() -> Expression:
    """The same on underdamped cells, whose free motion from a start without speed is that of the deficit from rest.

    >>> values = {"tau_o": 1e-6, "kappa": 100, "epsilon": 0.2, "i_r": 100, "i_f": 10, "beta_f": 0.95, "d_r": 0.1}
    >>> round(underdamped_mean_time().evaluate(**values) * 1e6, 2)
    11.89
    """
    return underdamped.mean_time().expression.subs(epsilon, left())


# --- what it takes to put it there ------------------------------------------------------------------------------------


@formula("thermo.warm.start.link.time", second, _SOURCE, verified_by=Oracle.PHASES)
def link_time() -> Expression:
    """Starts of every column of every block over the link, in the message of the couplings.

    >>> round(link_time().evaluate(n=1024, m=1024, b_in=16, W=50e9), 9)
    0.000335544
    """
    return blocks.squares().expression * b_in / W


@formula("thermo.warm.start.time", second, _SOURCE, verified_by=Oracle.PHASES)
def start_time() -> Expression:
    """Putting every column onto its nodes, a conversion each, at once: as long as a row of couplings.

    >>> round(start_time().evaluate(n=64, t_w=10e-9), 9)
    6.4e-07
    """
    return n * t_w


@formula("thermo.warm.start.link.energy", joule, _SOURCE, verified_by=Oracle.ENERGY)
def link_energy() -> Expression:
    """Starts over the link: as much as couplings.

    >>> round(link_energy().evaluate(n=1024, m=1024, b_in=16, e_l=5e-12) * 1e6, 2)  # microjoules
    83.89
    """
    return traffic_energy.upload().expression


@formula("thermo.warm.start.energy", joule, _SOURCE, verified_by=Oracle.ENERGY)
def start_energy() -> Expression:
    """Starts converted, a value for every node and column: as many as couplings.

    >>> round(start_energy().evaluate(n=1024, m=1024, e_d=0.3e-12) * 1e6, 3)  # microjoules
    0.315
    """
    return traffic_energy.write().expression


@formula("thermo.warm.fit.flops", flop, _SOURCE, verified_by=Oracle.PHASES)
def fit_flops() -> Expression:
    """Fitting the last inverse of each block: one product of it, and of the block, with a random vector.

    >>> fit_flops().evaluate(n=64, m=64)
    16384.0
    """
    return 4 * blocks.squares().expression


@formula("thermo.warm.fit.bytes", byte, _SOURCE, verified_by=Oracle.TENSORS)
def fit_bytes() -> Expression:
    """Memory traffic of that, float32: both read once, and the inverse read and written once more where it is scaled.

    >>> fit_bytes().evaluate(n=64, m=64)
    65536.0
    """
    return 16 * blocks.squares().expression


@formula("thermo.warm.correction.flops", flop, _SOURCE, verified_by=Oracle.COUNTED)
def correction_flops() -> Expression:
    """Residuals 1 - A X of every block, which an array that cannot be put anywhere would settle corrections for.

    >>> correction_flops().evaluate(n=64, m=64)
    524288.0
    """
    full = blocks.count().expression - 1
    return 2 * (full * m**3 + (n - full * m) ** 3)
