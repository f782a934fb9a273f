"""Analog products inside a digital iteration: all columns of an inverse by Chebyshev's iteration, once a refresh.

As in mixed-precision in-memory computing (Le Gallo et al., Nature Electronics 2018): the array holds the factor, cut
into tiles, and multiplies; vectors live on the digital side, which adds them up. Chebyshev's iteration needs no inner
product, so that rounded products cannot mislead it. Every product of every column crosses the link both ways.
"""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.thermo import blocks
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import (
    Expression,
    W,
    b_in,
    b_out,
    e_a,
    e_d,
    e_l,
    epsilon,
    epsilon_p,
    kappa,
    n,
    t_l,
    t_p,
    t_w,
)
from costmodel.quantities.units import byte, flop, joule, one, second

_SOURCE = "derived: docs/derivations.md, analog products"
_REFINED = "derived: docs/derivations.md, refined products"
#: float32 blocks of n by n that an iteration reads and writes: three updates of two operands each.
_BYTES = 36
#: Kernels of those updates.
LAUNCHES = 3


@formula("thermo.products.iterations", one, _SOURCE, verified_by=Oracle.ERROR_REACHED)
def iterations() -> Expression:
    """Products of each column until no direction of the inverse is off by more than epsilon, on any spectrum.

    The residual after I steps is at most 1 / T_I((kappa + 1) / (kappa - 1)) <= 2 exp(-2 I / sqrt(kappa)).

    >>> iterations().evaluate(kappa=100, epsilon=0.1)
    15.0
    """
    return sp.ceiling(sp.sqrt(kappa) * sp.log(2 / epsilon) / 2)


@formula("thermo.products.systems", one, _SOURCE, verified_by=Oracle.PHASES)
def systems() -> Expression:
    """Products of one iteration that do not wait for each other: every column with every tile.

    >>> systems().evaluate(n=96, m=64)
    384.0
    """
    return n * blocks.count().expression ** 2


@formula("thermo.products.time", second, _SOURCE, verified_by=Oracle.PHASES)
def time() -> Expression:
    """Products of all iterations, tile by tile, conversions included.

    >>> round(time().evaluate(n=64, m=64, kappa=100, epsilon=0.1, t_p=1e-7) * 1e6, 3)  # microseconds
    96.0
    """
    return systems().expression * iterations().expression * t_p


@formula("thermo.products.upload.time", second, _SOURCE, verified_by=Oracle.PHASES)
def upload_time() -> Expression:
    """All couplings over the link in one message.

    >>> round(upload_time().evaluate(n=1000, b_in=8, W=8e9, t_l=0), 6)
    0.001
    """
    return t_l + n**2 * b_in / W


@formula("thermo.products.write.time", second, _SOURCE, verified_by=Oracle.PHASES)
def write_time() -> Expression:
    """Writing every row of every tile.

    >>> round(write_time().evaluate(n=96, m=64, t_w=1e-6), 6)
    0.000192
    """
    return n * blocks.count().expression * t_w


@formula("thermo.products.link.time", second, _SOURCE, verified_by=Oracle.PHASES)
def link_time() -> Expression:
    """All columns to the array and back in every iteration, tiles added up beside them.

    >>> round(link_time().evaluate(n=1000, kappa=100, epsilon=0.1, b_in=8, b_out=8, W=8e9, t_l=0), 6)
    0.03
    """
    return iterations().expression * (2 * t_l + n**2 * (b_in + b_out) / W)


@formula("thermo.products.vectors.bytes", byte, _SOURCE, verified_by=Oracle.TENSORS)
def vectors_bytes() -> Expression:
    """Memory traffic of the digital updates of all iterations: three of two operands each.

    >>> vectors_bytes().evaluate(n=10, kappa=100, epsilon=0.1)
    54000.0
    """
    return _BYTES * n**2 * iterations().expression


@formula("thermo.products.upload.energy", joule, _SOURCE, verified_by=Oracle.PHASES)
def upload_energy() -> Expression:
    """Couplings over the link.

    >>> round(upload_energy().evaluate(n=1000, b_in=8, e_l=1e-12) * 1e6, 3)  # microjoules
    8.0
    """
    return n**2 * b_in * e_l


@formula("thermo.products.write.energy", joule, _SOURCE, verified_by=Oracle.PHASES)
def write_energy() -> Expression:
    """Couplings written, each by one conversion.

    >>> round(write_energy().evaluate(n=1000, e_d=1e-12) * 1e6, 3)  # microjoules
    1.0
    """
    return n**2 * e_d


@formula("thermo.products.link.energy", joule, _SOURCE, verified_by=Oracle.PHASES)
def link_energy() -> Expression:
    """Columns over the link and back in every iteration.

    >>> round(link_energy().evaluate(n=1000, kappa=100, epsilon=0.1, b_in=8, b_out=8, e_l=1e-12) * 1e6, 3)
    240.0
    """
    return iterations().expression * n**2 * (b_in + b_out) * e_l


@formula("thermo.products.convert.energy", joule, _SOURCE, verified_by=Oracle.PHASES)
def convert_energy() -> Expression:
    """Conversions in and out of every tile; what the array itself dissipates is not known.

    >>> round(convert_energy().evaluate(n=1000, m=500, kappa=100, epsilon=0.1, e_a=1e-12, e_d=1e-12) * 1e6, 3)
    60.0
    """
    return iterations().expression * n**2 * blocks.count().expression * (e_a + e_d)


# --- passes around digital residuals ----------------------------------------------------------------------------------


@formula("thermo.products.passes", one, _REFINED, verified_by=Oracle.ERROR_REACHED)
def passes() -> Expression:
    """Passes that leave epsilon where every pass leaves epsilon_p of what it is given.

    >>> passes().evaluate(epsilon=0.01, epsilon_p=0.2)
    3.0
    """
    return sp.ceiling(sp.log(epsilon) / sp.log(epsilon_p))


@formula("thermo.products.residual.flops", flop, _REFINED, verified_by=Oracle.PHASES)
def residual_flops() -> Expression:
    """The residual 1 - A X between two passes, one digital product.

    >>> residual_flops().evaluate(n=10)
    2000.0
    """
    return 2 * n**3
