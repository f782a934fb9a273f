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
    return {_path(law): found.factor for law, found in factors.items()}


def law_factor(work: AnalogWork, factors: Mapping[SolverLaw, LawFactor], drawn: Mapping[str, Draws]) -> Draws:
    """What the time and the energy of analog work are multiplied by in every draw, shape (1, draws).

    Args:
        work: Its law says which factor applies; 1 where it rests on none or the machine has none for it.
        factors: Of the machine.
        drawn: Every quantity by path, shape (draws,).
    """
    if work.law is None or work.law not in factors:
        return np.ones((1, 1))
    return drawn[_path(work.law)][None, :]


def _path(law: SolverLaw) -> str:
    return f"{ROOT}.{law}.factor"


def law_status(work: AnalogWork, factors: Mapping[SolverLaw, LawFactor], values: Mapping[str, Draws]) -> Status:
    """How far that factor can be trusted: extrapolated where a block's median size or kappa is outside the trials."""
    if work.law is None or work.law not in factors:
        return Status.MEASURED
    found = factors[work.law]
    blocks = np.broadcast_arrays(values["m"], values["kappa"])
    covered = all(found.covers(median(size), median(kappa)) for size, kappa in zip(*blocks, strict=True))
    return weakest([found.factor.status, *([] if covered else [Status.EXTRAPOLATED])])
