"""Method 1 on a machine without correlators: every sample is converted, sent and multiplied out digitally.

Samples are one relaxation time of the slowest mode apart. Closer ones would add conversions and FLOPs as coth grows,
for at most 1 - 1 / coth(1), a quarter, of the time; farther ones add time for at most the same share of samples.
"""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.thermo import blocks, energy, sampling
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Delta, Expression, W, b_out, e_a, e_l, f_c, kappa, m, n, n_c, t_l, tau
from costmodel.quantities.units import flop, joule, second

_SOURCE = "derived: docs/derivations.md, accumulation of the covariance"


def _each() -> Expression:
    """Samples of a block of p cells over p + 1."""
    return sampling.covariance_samples().expression.subs(Delta, kappa * tau).subs(n, 0)


def _values() -> Expression:
    """Values converted: p (p + 1) for each block."""
    return (blocks.squares().expression + n) * _each()


@formula("thermo.accumulated.sample.time", second, _SOURCE, verified_by=Oracle.PHASES)
def sample_time() -> Expression:
    """Running time of the samples of every block, kappa tau apart.

    >>> round(sample_time().evaluate(n=63, m=64, kappa=100, tau=1e-9, epsilon=0.1) * 1e6, 3)  # microseconds
    840.343
    """
    return (n + blocks.count().expression) * _each() * kappa * tau


@formula("thermo.accumulated.convert.time", second, _SOURCE, verified_by=Oracle.PHASES)
def convert_time() -> Expression:
    """Every sample of every block through the converters of its array.

    >>> round(convert_time().evaluate(n=63, m=63, epsilon=0.1, n_c=63, f_c=1e8) * 1e6, 3)
    84.034
    """
    return _values() / (n_c * f_c)


@formula("thermo.accumulated.link.time", second, _SOURCE, verified_by=Oracle.PHASES)
def link_time() -> Expression:
    """Every sample over the link, one message a block.

    >>> round(link_time().evaluate(n=63, m=63, epsilon=0.1, b_out=8, W=1e12, t_l=0) * 1e6, 3)
    4.235
    """
    return blocks.count().expression * t_l + _values() * b_out / W


@formula("thermo.accumulated.flops", flop, _SOURCE, verified_by=Oracle.PHASES)
def flops() -> Expression:
    """Products of all samples summed: 2 p^2 for each sample of a block of p cells.

    >>> round(flops().evaluate(n=63, m=63, epsilon=0.1))
    66706394
    """
    full = blocks.count().expression - 1
    last = n - full * m
    return 2 * _each() * (full * m**2 * (m + 1) + last**2 * (last + 1))


@formula("thermo.accumulated.convert.energy", joule, _SOURCE, verified_by=Oracle.PHASES)
def convert_energy() -> Expression:
    """Conversions of every sample.

    >>> round(convert_energy().evaluate(n=63, m=63, epsilon=0.1, e_a=1e-12) * 1e6, 4)
    0.5294
    """
    return _values() * e_a


@formula("thermo.accumulated.link.energy", joule, _SOURCE, verified_by=Oracle.PHASES)
def link_energy() -> Expression:
    """Bits of every sample over the link.

    >>> round(link_energy().evaluate(n=63, m=63, epsilon=0.1, b_out=8, e_l=1e-12) * 1e6, 4)
    4.2353
    """
    return _values() * b_out * e_l


@formula(
    "thermo.accumulated.sample.energy",
    joule,
    _SOURCE,
    composed_of=("thermo.average.covariance.time", "thermo.energy.array.power"),
)
def sample_energy() -> Expression:
    """Energy of running the arrays meanwhile: coth(1) times that of an array whose correlators run all the time.

    >>> round(sample_energy().evaluate(n=64, m=64, C=1e-12, V=1.0, kappa=100, epsilon=0.1) * 1e6, 3)
    13.656
    """
    return energy.inverse_sample().expression / sp.tanh(1)
