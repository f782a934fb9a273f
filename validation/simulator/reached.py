"""What trials say of the laws of a projection: the error each reached, after how long, and what the law asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from costmodel.defaults import Scenario
from costmodel.machines.solver import LawFactor, SolverLaw
from costmodel.methods import METHODS, AnalogWork, FactorConstruction
from costmodel.projection.analog import law_factor, solver_quantities
from costmodel.projection.draws import draw_all
from costmodel.projection.values import values_of
from costmodel.quantities.estimate import Draws
from solver import Regime
from solver.durations import relaxation, samples_for_covariance
from validation.simulator.lines import Line
from validation.simulator.measure import NOISE, SPACING

#: Which law a trial is one of: that of overdamped cells, that of underdamped ones. Right-hand sides are gradients, the
#: variance of whose modes is a factor's eigenvalues; even ones average sooner, by kappa^-2 in place of kappa^-1.3.
_LAWS: Final = {
    "gradient_settling": (SolverLaw.SETTLE_MEAN, SolverLaw.UNDERDAMPED_SETTLE_MEAN),
    "burn_in": (SolverLaw.SETTLE_COVARIANCE, SolverLaw.UNDERDAMPED_SETTLE_COVARIANCE),
    "gradient_averaging": (SolverLaw.AVERAGE_MEAN, SolverLaw.UNDERDAMPED_AVERAGE_MEAN),
    "sampling": (SolverLaw.AVERAGE_COVARIANCE, SolverLaw.UNDERDAMPED_AVERAGE_COVARIANCE),
}
DRAWS: Final = 2000


@dataclass(frozen=True, slots=True)
class Reached:
    """A trial as the law of a projection sees it.

    Attributes:
        law: Which.
        family: Of its spectrum, which a projection does not know.
        n: Size of the matrix, one block.
        kappa: Its condition number.
        epsilon: Relative error after ``time``.
        time: In units of tau.
        log_se: Standard error of the logarithm of the time that the error is worth.
        held_out: Whether no fit may read it.
    """

    law: SolverLaw
    family: str
    n: float
    kappa: float
    epsilon: float
    time: float
    log_se: float
    held_out: bool


def reached(records: Sequence[Line]) -> list[Reached]:
    """The trials that a law of a projection speaks of.

    A settling trial asks for an error and finds a time. The others run for a time and find an error, whose square falls
    as one over the time, so that the standard error of its logarithm counts twice.
    """
    return [_reached(record) for record in records if record["law"] in _LAWS]


def _reached(record: Line) -> Reached:
    regime = Regime(record["regime"])
    law = _LAWS[record["law"]][regime is Regime.UNDERDAMPED]
    value, knob, relax = record["value"], record["knob"], relaxation(record["kappa"], regime)
    error, time, share = value, knob * relax, 2.0
    if record["law"] in {"gradient_settling", "burn_in"}:
        error, time, share = knob, value, 1.0
    elif record["law"] == "sampling":
        time = samples_for_covariance(record["n"], knob, SPACING, regime) * SPACING * relax
    return Reached(
        law,
        record["spectrum"],
        record["n"],
        record["kappa"],
        error,
        time,
        share * record["log_se"],
        bool(record["held_out"]),
    )


def law_times(trials: Sequence[Reached]) -> Draws:
    """What a projection's own formulas ask for the errors that trials reached, factor 1, in units of tau."""
    works = _works()
    return np.array([_unscaled(works[each.law], _values(each))[0, 0] for each in trials])


def projected_times(trials: Sequence[Reached], factors: Mapping[SolverLaw, LawFactor], seed: int = 0) -> Draws:
    """The same as a projection draws them, shape (trials, draws): a formula times the factor of its law."""
    works = _works()
    drawn = draw_all(solver_quantities(factors), DRAWS, seed, Scenario.NOMINAL)
    rows = []
    for each in trials:
        work, values = works[each.law], _values(each)
        rows.append((_unscaled(work, values) * law_factor(work, factors, drawn, values))[0])
    return np.array(rows)


def _unscaled(work: AnalogWork, values: Mapping[str, Draws]) -> Draws:
    return values_of([work.time], values)[work.time]


def _values(trial: Reached) -> dict[str, Draws]:
    """Symbols of a factor that one array holds, one right-hand side, times in units of tau."""
    values = {"n": trial.n, "m": trial.n, "kappa": trial.kappa, "epsilon": trial.epsilon}
    values |= {"k": 1.0, "tau": 1.0, "tau_o": 1.0, "nu": NOISE}
    return {letter: np.array([[value]]) for letter, value in values.items()}


def _works() -> dict[SolverLaw, AnalogWork]:
    """The work of a projection that consists of runs of each law alone: block elimination needs none on one array."""
    some = _values(Reached(SolverLaw.SETTLE_MEAN, "", 8.0, 10.0, 0.1, 1.0, 0.0, held_out=False))
    found = {}
    for build in METHODS.values():
        for phase in build(FactorConstruction.EXPAND).phases:
            for work in phase.works:
                if isinstance(work, AnalogWork) and work.law is not None and _unscaled(work, some)[0, 0] > 0:
                    found[work.law] = work
    return found
