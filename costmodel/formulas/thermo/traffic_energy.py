"""Energy of moving values: bits over the link, couplings and inputs written, results converted."""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.thermo import blocks
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, b_in, b_out, e_a, e_d, e_l, k, m, n
from costmodel.quantities.units import joule

_SOURCE = "derived: docs/derivations.md, energy"


@formula("thermo.upload.energy", joule, _SOURCE, verified_by=Oracle.ENERGY)
def upload() -> Expression:
    """Couplings of every block over the link; a copy on another array listens to the same transfer.

    >>> round(upload().evaluate(n=1024, m=1024, b_in=16, e_l=5e-12) * 1e6, 2)  # microjoules
    83.89
    """
    return blocks.squares().expression * b_in * e_l


@formula("thermo.array.write.energy", joule, _SOURCE, verified_by=Oracle.ENERGY)
def write() -> Expression:
    """Couplings of every block written, each by one conversion.

    >>> round(write().evaluate(n=1024, m=1024, e_d=0.3e-12) * 1e6, 3)  # microjoules
    0.315
    """
    return blocks.squares().expression * e_d


@formula("thermo.inverse.readout.energy", joule, _SOURCE, verified_by=Oracle.ENERGY)
def inverse_readout() -> Expression:
    """Inverse of every block back over the link.

    >>> round(inverse_readout().evaluate(n=1024, m=1024, b_out=16, e_l=5e-12) * 1e6, 2)  # microjoules
    83.89
    """
    return blocks.squares().expression * b_out * e_l


@formula("thermo.inverse.convert.energy", joule, _SOURCE, verified_by=Oracle.ENERGY)
def inverse_convert() -> Expression:
    """Averaged correlations through the converters.

    >>> round(inverse_convert().evaluate(n=1024, m=1024, e_a=1e-9) * 1e3, 3)  # millijoules
    1.049
    """
    return blocks.squares().expression * e_a


@formula("thermo.solve.input.energy", joule, _SOURCE, verified_by=Oracle.ENERGY)
def solve_input() -> Expression:
    """Right-hand sides over the link and onto the nodes.

    >>> round(solve_input().evaluate(n=1024, k=1024, b_in=16, e_l=5e-12, e_d=1e-12) * 1e6, 2)  # microjoules
    84.93
    """
    return n * k * (b_in * e_l + e_d)


@formula("thermo.solve.readout.energy", joule, _SOURCE, verified_by=Oracle.ENERGY)
def solve_readout() -> Expression:
    """Solutions back over the link.

    >>> round(solve_readout().evaluate(n=1024, k=1024, b_out=16, e_l=5e-12) * 1e6, 2)  # microjoules
    83.89
    """
    return n * k * b_out * e_l


@formula("thermo.solve.convert.energy", joule, _SOURCE, verified_by=Oracle.ENERGY)
def solve_convert() -> Expression:
    """Solutions through the converters.

    >>> round(solve_convert().evaluate(n=1024, k=1024, e_a=1e-9) * 1e3, 3)  # millijoules
    1.049
    """
    return n * k * e_a


@formula("thermo.solve.eliminate.traffic.energy", joule, _SOURCE, verified_by=Oracle.ENERGY)
def eliminate() -> Expression:
    """Values of the solves that block elimination needs: to the array and onto its nodes, converted and back.

    >>> eliminate().evaluate(n=64, m=64, b_in=16, b_out=16, e_l=5e-12, e_a=1e-9, e_d=1e-12)
    0.0
    """
    return m * blocks.remaining_rows().expression * ((b_in + b_out) * e_l + e_a + e_d)
