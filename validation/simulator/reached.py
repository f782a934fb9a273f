"""What trials say of the laws of a projection: the error each reached, after how long, and what the law asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from costmodel.defaults import Scenario
from costmodel.formulas import Formula
from costmodel.formulas.accuracy import sampling
from costmodel.formulas.accuracy.chain import together
from costmodel.formulas.accuracy.moments import Moments, inverse_square, solution_gain
from costmodel.formulas.thermo.noise import solution_ratio
from costmodel.machines.solver import LawFactor, SolverLaw
from costmodel.methods import AnalogWork, FactorConstruction, thermo
from costmodel.projection.analog import law_factor, solver_quantities
from costmodel.projection.draws import draw_all
from costmodel.projection.values import values_of
from costmodel.quantities.estimate import Draws
from solver import Regime
from solver.durations import relaxation, samples_for_covariance
from validation.simulator.directions import SPACING
from validation.simulator.lines import Line
from validation.simulator.measure import NOISE
from validation.simulator.spectra import FAMILIES, spectrum_moments

#: Which law a trial is one of: that of overdamped cells, that of underdamped ones.
_LAWS: Final = {
    "gradient_settling": (SolverLaw.SETTLE_MEAN, SolverLaw.UNDERDAMPED_SETTLE_MEAN),
    "gradient_burn_in": (SolverLaw.SETTLE_COVARIANCE, SolverLaw.UNDERDAMPED_SETTLE_COVARIANCE),
    "gradient_averaging": (SolverLaw.AVERAGE_MEAN, SolverLaw.UNDERDAMPED_AVERAGE_MEAN),
    "gradient_sampling": (SolverLaw.AVERAGE_COVARIANCE, SolverLaw.UNDERDAMPED_AVERAGE_COVARIANCE),
}
#: What the error of a gradient allows an average to be off, as the methods of a projection have it. Settling takes the
#: error that each of two factors may make as it is.
_TOLERANCES: Final[Mapping[SolverLaw, Callable[[], Formula]]] = {
    SolverLaw.AVERAGE_MEAN: sampling.mean_tolerance,
    SolverLaw.AVERAGE_COVARIANCE: sampling.covariance_tolerance,
    SolverLaw.UNDERDAMPED_AVERAGE_MEAN: sampling.mean_tolerance,
    SolverLaw.UNDERDAMPED_AVERAGE_COVARIANCE: sampling.underdamped_tolerance,
}
#: Methods whose runs the trials are: of a whole factor, no mode of which is treated apart.
PLAIN: Final = (
    thermo.inverse_from_covariance,
    thermo.inverse_from_covariance_underdamped,
    thermo.linear_systems,
    thermo.linear_systems_underdamped,
)
DRAWS: Final = 2000


@dataclass(frozen=True, slots=True)
class Reached:
    """A trial as the law of a projection sees it.

    Attributes:
        law: Which.
        family: Of its spectrum, which a projection does not know.
        n: Size of the matrix, one block.
        kappa: Its condition number.
        moments: Of its spectrum, which a projection has from its law of curvature.
        epsilon: Relative error of a gradient preconditioned by this factor alone, after ``time``.
        time: In units of tau.
        log_se: Standard error of the logarithm of the time that the error is worth.
        held_out: Whether no fit may read it.
        noise: Variance of a node over the square of the full scale, which holds the solutions.
    """

    law: SolverLaw
    family: str
    n: float
    kappa: float
    moments: Moments
    epsilon: float
    time: float
    log_se: float
    held_out: bool
    noise: float = NOISE


def reached(records: Sequence[Line]) -> list[Reached]:
    """The trials that a law of a projection speaks of.

    Those of settling ask for an error and find a time. The others run for a time and find an error, whose square falls
    as one over the time, so that the standard error of its logarithm counts twice.
    """
    return [_reached(record) for record in records if record["law"] in _LAWS]


def _reached(record: Line) -> Reached:
    regime = Regime(record["regime"])
    law = _LAWS[record["law"]][regime is Regime.UNDERDAMPED]
    value, knob, relax = record["value"], record["knob"], relaxation(record["kappa"], regime)
    error, time, share = value, knob * relax, 2.0
    if law not in _TOLERANCES:
        error, time, share = knob, value, 1.0
    elif record["law"] == "gradient_sampling":
        time = samples_for_covariance(record["n"], knob, SPACING, regime) * SPACING * relax
    return Reached(
        law,
        record["spectrum"],
        record["n"],
        record["kappa"],
        spectrum_moments(FAMILIES[record["spectrum"]](record["n"], record["kappa"])),
        error,
        time,
        share * record["log_se"],
        bool(record["held_out"]),
        NOISE / record.get("swing", 1.0) ** 2,
    )


def law_times(trials: Sequence[Reached]) -> Draws:
    """What a projection's own formulas ask for the errors that trials reached, factor 1, in units of tau."""
    found = np.empty(len(trials))
    for law, which in _by_law(trials).items():
        found[which] = _unscaled(_works()[law], _values([trials[i] for i in which]))[:, 0]
    return found


def projected_times(trials: Sequence[Reached], factors: Mapping[SolverLaw, LawFactor], seed: int = 0) -> Draws:
    """The same as a projection draws them, shape (trials, draws): a formula times the factor of its law."""
    drawn = draw_all(solver_quantities(factors), DRAWS, seed, Scenario.NOMINAL)
    found = np.empty((len(trials), DRAWS))
    for law, which in _by_law(trials).items():
        work, values = _works()[law], _values([trials[i] for i in which])
        found[which] = _unscaled(work, values) * law_factor(work, factors, drawn)
    return found


def _by_law(trials: Sequence[Reached]) -> dict[SolverLaw, list[int]]:
    found: dict[SolverLaw, list[int]] = {}
    for i, each in enumerate(trials):
        found.setdefault(each.law, []).append(i)
    return found


def _unscaled(work: AnalogWork, values: Mapping[str, Draws]) -> Draws:
    return values_of([work.time], values)[work.time]


def _values(trials: Sequence[Reached]) -> dict[str, Draws]:
    """Symbols of factors that one array holds, one right-hand side, times in units of tau; trials of one law."""
    rows = {
        "n": [each.n for each in trials],
        "m": [each.n for each in trials],
        "kappa": [each.kappa for each in trials],
        "s_r": [each.moments.stable_rank for each in trials],
        "d_e": [each.moments.effective_dimension for each in trials],
        "q": [each.moments.damping_share for each in trials],
        "epsilon": [each.epsilon for each in trials],
        "nu": [each.noise for each in trials],
    }
    values = {letter: np.array(column, dtype=float)[:, None] for letter, column in rows.items()}
    ones = np.ones((len(trials), 1))
    values |= {"k": ones, "h": ones, "tau": ones, "tau_o": ones}
    tolerance = _TOLERANCES.get(trials[0].law)
    if tolerance is None:
        return values
    gains = {"mu_2": inverse_square(), "s_x": solution_gain()}
    found = values_of([*gains.values()], values)
    # Tolerances share the error of a gradient between two factors: this one, and another that is off as much.
    values |= {letter: found[gain] for letter, gain in gains.items()}
    values["epsilon_n"] = together(values["epsilon"], values["epsilon"])
    planned = values_of([tolerance(), solution_ratio()], values)
    return values | {"epsilon": planned[tolerance()], "nu": planned[solution_ratio()]}


@cache
def _works() -> dict[SolverLaw, AnalogWork]:
    """The work of a projection that consists of runs of each law alone: block elimination needs none on one array."""
    ones = dict.fromkeys(("n", "m", "k", "tau", "tau_o", "nu"), np.ones((1, 1)))
    some = ones | {"kappa": np.array([[10.0]]), "epsilon": np.array([[0.1]])}
    phases = (phase for build in PLAIN for phase in build(FactorConstruction.EXPAND).phases)
    works = (work for phase in phases for work in phase.works if isinstance(work, AnalogWork))
    return {work.law: work for work in works if work.law is not None and _unscaled(work, some)[0, 0] > 0}
