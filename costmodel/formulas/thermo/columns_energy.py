"""Energy of settling and averaging the columns of an inverse: an upper bound, every node at full scale."""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.thermo import columns, energy, transient, underdamped
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, e_d, n
from costmodel.quantities.units import joule

_SOURCE = "derived: docs/derivations.md, energy"


@formula(
    "thermo.columns.settle.energy",
    joule,
    _SOURCE,
    composed_of=("thermo.transient.mean.time", "thermo.energy.array.power"),
)
def settle() -> Expression:
    """Settling of every column of every block.

    >>> round(settle().evaluate(n=64, m=64, C=1e-12, V=1.0, kappa=100, epsilon=0.01) * 1e9, 3)  # nanojoules
    471.569
    """
    return energy.run_of_every_column(transient.mean_time(), energy.power())


@formula(
    "thermo.columns.average.energy",
    joule,
    _SOURCE,
    composed_of=("thermo.average.columns.time", "thermo.energy.array.power"),
)
def average() -> Expression:
    """Averaging of every column of every block: with nu = kT / (C V^2) it is kT p^2 (p + 1) / (4 epsilon^2) a block.

    >>> round(average().evaluate(n=64, m=64, C=1e-12, V=1.0, nu=4e-9, epsilon=0.01) * 1e12, 3)  # picojoules
    2.662
    """
    return energy.run_of_every_column(columns.average_column_time(), energy.power())


@formula(
    "thermo.columns.underdamped.settle.energy",
    joule,
    _SOURCE,
    composed_of=("thermo.underdamped.mean.time", "thermo.energy.underdamped.power"),
)
def underdamped_settle() -> Expression:
    """Settling of every column of every block on underdamped cells; kappa drops out.

    >>> round(underdamped_settle().evaluate(n=64, m=64, C=1e-12, V=1.0, epsilon=0.01) * 1e9, 4)  # nanojoules
    13.5953
    """
    return energy.run_of_every_column(underdamped.mean_time(), energy.underdamped_power())


@formula(
    "thermo.columns.underdamped.average.energy",
    joule,
    _SOURCE,
    composed_of=("thermo.underdamped.average.columns.time", "thermo.energy.underdamped.power"),
)
def underdamped_average() -> Expression:
    """Averaging of every column of every block on underdamped cells.

    >>> values = {"n": 64, "m": 64, "C": 1e-12, "V": 1.0, "kappa": 100, "nu": 4e-9, "epsilon": 0.01}
    >>> round(underdamped_average().evaluate(**values) * 1e12, 4)  # picojoules
    0.1065
    """
    return energy.run_of_every_column(columns.underdamped_average_column_time(), energy.underdamped_power())


@formula("thermo.columns.drive.energy", joule, _SOURCE, verified_by=Oracle.ENERGY)
def drive() -> Expression:
    """Drives: one node at full scale for each column, one conversion each.

    >>> drive().evaluate(n=64, e_d=1e-12)
    6.4e-11
    """
    return n * e_d
