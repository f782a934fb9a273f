"""Energy of what happens on the arrays: an upper bound, every node at full scale while it runs.

The energy of a run is what one cell dissipates in the time of the run, for each cell of the block.

Couplings that are conductances dissipate x^T A x / R <= |x|^2 / R, at most (V / 2)^2 / R for each node, with
R = tau / C. Couplings that store energy (inductors, springs) dissipate by friction only, gamma C v^2 with
gamma = 2 / sqrt(kappa) per tau_o. Amplifiers and noise sources come on top; no published machine states theirs.
"""

from __future__ import annotations

from costmodel.formulas.formula import Formula
from costmodel.formulas.registry import formula
from costmodel.formulas.thermo import averaging, blocks, transient, underdamped
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import C, Expression, V, k, kappa, m, n, tau, tau_o
from costmodel.quantities.units import joule, watt

_SOURCE = "derived: docs/derivations.md, energy"


def _cell(time: Formula, power_of_an_array: Formula) -> Expression:
    """Most that one of an array's m cells dissipates in a run."""
    return sp.expand(time.expression * power_of_an_array.expression / m)


def run_of_every_block(time: Formula, power_of_an_array: Formula) -> Expression:
    """A run of every block: p cells each, for a time that may grow with the size p of the block."""
    return _over_blocks(_cell(time, power_of_an_array), first=1)


def run_of_every_column(time: Formula, power_of_an_array: Formula) -> Expression:
    """A run for every column of every block: p runs of p cells each."""
    return _over_blocks(_cell(time, power_of_an_array), first=2)


def runs_of_elimination(time: Formula, power_of_an_array: Formula) -> Expression:
    """Runs of block elimination, all on full arrays."""
    return blocks.remaining_rows().expression * (m * _cell(time, power_of_an_array)).subs(n, m)


def _over_blocks(of_a_cell: Expression, first: int) -> Expression:
    """Sum over blocks of p^first times the energy of a cell, a polynomial in p of degree 1 at most."""
    full = blocks.count().expression - 1
    sums = {1: n, 2: blocks.squares().expression, 3: full * m**3 + (n - full * m) ** 3}
    terms = sp.Poly(of_a_cell, sp.sympify(n)).terms()
    return sp.Add(*(coefficient * sums[first + degree] for (degree,), coefficient in terms))


@formula("thermo.energy.array.power", watt, _SOURCE, verified_by=Oracle.ENERGY)
def power() -> Expression:
    """Most that an overdamped array dissipates in its couplings: m (V / 2)^2 / R.

    >>> round(power().evaluate(m=1000, C=1e-9, V=1.0, tau=1e-6), 6)
    0.25
    """
    return m * C * V**2 / (4 * tau)


@formula("thermo.energy.underdamped.power", watt, _SOURCE, verified_by=Oracle.ENERGY)
def underdamped_power() -> Expression:
    """Most that an underdamped array dissipates by friction while every node swings at full scale.

    >>> round(underdamped_power().evaluate(m=1000, C=1e-9, V=1.0, tau_o=1e-6, kappa=100), 6)
    0.05
    """
    return m * C * V**2 / (2 * sp.sqrt(kappa) * tau_o)


@formula(
    "thermo.inverse.settle.energy",
    joule,
    _SOURCE,
    composed_of=("thermo.transient.covariance.time", "thermo.energy.array.power"),
)
def inverse_settle() -> Expression:
    """Burn-in of every block of a factor.

    >>> round(inverse_settle().evaluate(n=64, C=1e-12, V=1.0, kappa=100, epsilon=0.01) * 1e9, 3)  # nanojoules
    3.684
    """
    return run_of_every_block(transient.covariance_time(), power())


@formula(
    "thermo.inverse.sample.energy",
    joule,
    _SOURCE,
    composed_of=("thermo.average.covariance.time", "thermo.energy.array.power"),
)
def inverse_sample() -> Expression:
    """Sampling of every block of a factor: p (p + 1) kappa C V^2 / (4 epsilon^2) for a block of size p.

    >>> round(inverse_sample().evaluate(n=64, m=64, C=1e-12, V=1.0, kappa=100, epsilon=0.1) * 1e6, 3)  # microjoules
    10.4
    """
    return run_of_every_block(averaging.covariance_time(), power())


@formula(
    "thermo.inverse.underdamped.settle.energy",
    joule,
    _SOURCE,
    composed_of=("thermo.underdamped.covariance.time", "thermo.energy.underdamped.power"),
)
def inverse_underdamped_settle() -> Expression:
    """Burn-in of every block of a factor on underdamped cells; kappa drops out.

    >>> round(inverse_underdamped_settle().evaluate(n=64, C=1e-12, V=1.0, epsilon=0.01) * 1e12, 1)  # picojoules
    136.0
    """
    return run_of_every_block(underdamped.covariance_time(), underdamped_power())


@formula(
    "thermo.inverse.underdamped.sample.energy",
    joule,
    _SOURCE,
    composed_of=("thermo.underdamped.average.covariance.time", "thermo.energy.underdamped.power"),
)
def inverse_underdamped_sample() -> Expression:
    """Sampling of every block of a factor on underdamped cells; kappa drops out.

    >>> round(inverse_underdamped_sample().evaluate(n=64, m=64, C=1e-12, V=1.0, epsilon=0.1) * 1e6, 3)  # microjoules
    0.52
    """
    return run_of_every_block(underdamped.average_covariance_time(), underdamped_power())


@formula(
    "thermo.solve.settle.energy",
    joule,
    _SOURCE,
    composed_of=("thermo.transient.mean.time", "thermo.energy.array.power"),
)
def solve_settle() -> Expression:
    """Settling of every right-hand side in every block.

    >>> round(solve_settle().evaluate(n=64, k=10, C=1e-12, V=1.0, kappa=100, epsilon=0.01) * 1e9, 3)  # nanojoules
    73.683
    """
    return k * run_of_every_block(transient.mean_time(), power())


@formula(
    "thermo.solve.average.energy", joule, _SOURCE, composed_of=("thermo.average.mean.time", "thermo.energy.array.power")
)
def solve_average() -> Expression:
    """Averaging of every right-hand side in every block: with nu = kT / (C V^2) it is kT p^2 kappa^2 / (2 epsilon^2).

    >>> values = {"n": 64, "m": 64, "k": 10, "C": 1e-12, "V": 1.0, "kappa": 100, "nu": 4e-9, "epsilon": 0.01}
    >>> round(solve_average().evaluate(**values) * 1e9, 3)  # nanojoules
    8.192
    """
    return k * run_of_every_block(averaging.mean_time(), power())


@formula(
    "thermo.solve.eliminate.settle.energy",
    joule,
    _SOURCE,
    composed_of=("thermo.transient.mean.time", "thermo.energy.array.power"),
)
def solve_eliminate_settle() -> Expression:
    """Settling of the solves that block elimination itself needs.

    >>> solve_eliminate_settle().evaluate(n=64, m=64, C=1e-12, V=1.0, kappa=100, epsilon=0.01)
    0.0
    """
    return runs_of_elimination(transient.mean_time(), power())


@formula(
    "thermo.solve.eliminate.average.energy",
    joule,
    _SOURCE,
    composed_of=("thermo.average.mean.time", "thermo.energy.array.power"),
)
def solve_eliminate_average() -> Expression:
    """Averaging of those solves.

    >>> solve_eliminate_average().evaluate(n=64, m=64, C=1e-12, V=1.0, kappa=100, nu=4e-9, epsilon=0.01)
    0.0
    """
    return runs_of_elimination(averaging.mean_time(), power())


@formula(
    "thermo.solve.underdamped.settle.energy",
    joule,
    _SOURCE,
    composed_of=("thermo.underdamped.mean.time", "thermo.energy.underdamped.power"),
)
def solve_underdamped_settle() -> Expression:
    """Settling of every right-hand side in every block on underdamped cells; kappa drops out.

    >>> round(solve_underdamped_settle().evaluate(n=64, k=10, C=1e-12, V=1.0, epsilon=0.01) * 1e9, 4)  # nanojoules
    2.1243
    """
    return k * run_of_every_block(underdamped.mean_time(), underdamped_power())


@formula(
    "thermo.solve.underdamped.average.energy",
    joule,
    _SOURCE,
    composed_of=("thermo.underdamped.average.mean.time", "thermo.energy.underdamped.power"),
)
def solve_underdamped_average() -> Expression:
    """Averaging of every right-hand side in every block on underdamped cells.

    >>> values = {"n": 64, "m": 64, "k": 10, "C": 1e-12, "V": 1.0, "kappa": 100, "nu": 4e-9, "epsilon": 0.01}
    >>> round(solve_underdamped_average().evaluate(**values) * 1e9, 4)  # nanojoules
    0.3277
    """
    return k * run_of_every_block(underdamped.average_mean_time(), underdamped_power())


@formula(
    "thermo.solve.underdamped.eliminate.settle.energy",
    joule,
    _SOURCE,
    composed_of=("thermo.underdamped.mean.time", "thermo.energy.underdamped.power"),
)
def solve_underdamped_eliminate_settle() -> Expression:
    """Settling of the solves that block elimination itself needs, on underdamped cells.

    >>> solve_underdamped_eliminate_settle().evaluate(n=64, m=64, C=1e-12, V=1.0, epsilon=0.01)
    0.0
    """
    return runs_of_elimination(underdamped.mean_time(), underdamped_power())


@formula(
    "thermo.solve.underdamped.eliminate.average.energy",
    joule,
    _SOURCE,
    composed_of=("thermo.underdamped.average.mean.time", "thermo.energy.underdamped.power"),
)
def solve_underdamped_eliminate_average() -> Expression:
    """Averaging of those solves, on underdamped cells.

    >>> solve_underdamped_eliminate_average().evaluate(n=64, m=64, C=1e-12, V=1.0, kappa=100, nu=4e-9, epsilon=0.01)
    0.0
    """
    return runs_of_elimination(underdamped.average_mean_time(), underdamped_power())
