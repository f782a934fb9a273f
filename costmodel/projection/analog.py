"""How long the runs of analog work last: their formula times what simulated spectra need of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from costmodel.machines.solver import LawFactor, SolverLaw
from costmodel.methods import AnalogWork
from costmodel.quantities.estimate import Draws, Quantity, Status, median, weakest

ROOT = "solver"


def solver_quantities(factors: Mapping[SolverLaw, LawFactor]) -> dict[str, Quantity]:
    """What is drawn for the laws of a solver, by path: ``solver.settle_mean.factor``."""
    return {
        f"{ROOT}.{law}.{name}": quantity
        for law, found in factors.items()
        for name, quantity in found.quantities().items()
    }


def law_factor(
    work: AnalogWork,
    factors: Mapping[SolverLaw, LawFactor],
    drawn: Mapping[str, Draws],
    values: Mapping[str, Draws],
) -> Draws:
    """What the time and the energy of analog work are multiplied by, for every factor and draw.

    Args:
        work: Its law says which factor applies; 1 where it rests on none or the machine has none for it.
        factors: Of the machine.
        drawn: Every quantity by path, shape (draws,).
        values: Symbols of the factors: ``m``, the rows of a block.
    """
    if work.law is None or work.law not in factors:
        return np.ones((1, 1))
    found = factors[work.law]
    own = {name: drawn[f"{ROOT}.{work.law}.{name}"] for name in found.quantities()}
    return found.at(own, values["m"])


def law_status(work: AnalogWork, factors: Mapping[SolverLaw, LawFactor], values: Mapping[str, Draws]) -> Status:
    """How far that factor can be trusted: extrapolated where a block's median size or kappa is outside the trials."""
    if work.law is None or work.law not in factors:
        return Status.MEASURED
    found = factors[work.law]
    blocks = np.broadcast_arrays(values["m"], values["kappa"])
    covered = all(found.covers(median(size), median(kappa)) for size, kappa in zip(*blocks, strict=True))
    statuses = [each.status for each in found.quantities().values()]
    return weakest([*statuses, *([] if covered else [Status.EXTRAPOLATED])])
