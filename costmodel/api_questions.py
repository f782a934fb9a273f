"""The questions of a notebook: what drives a result, where it flips, who wins, what it would take."""

from __future__ import annotations

from collections.abc import Sequence

from costmodel.defaults import ANALOG, DIGITAL, MODEL, Scenario
from costmodel.inputs.arguments import (
    Named,
    Settings,
    Values,
    at_least,
    known_scenario,
    refuse,
)
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.questions.case import BEST_DIGITAL, BEST_THERMODYNAMIC, DRAWS, Case
from costmodel.questions.crossover import Crossover
from costmodel.questions.crossover import crossover as _crossover
from costmodel.questions.regimes import Regimes
from costmodel.questions.regimes import regimes as _regimes
from costmodel.questions.require import Requirement
from costmodel.questions.require import require as _require
from costmodel.questions.sensitivity import SAMPLES, STEP, Sensitivity
from costmodel.questions.sensitivity import sensitivity as _sensitivity
from costmodel.workloads.workload import Workload


def sensitivity(
    model: Named | Workload = MODEL,
    digital: Named | DigitalCard = DIGITAL,
    analog: Named | AnalogCard = ANALOG,
    *,
    method: str = BEST_THERMODYNAMIC,
    of: str = STEP,
    over: str = BEST_DIGITAL,
    set: Values | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Sensitivity:
    """What drives a step or a speedup: Sobol indices over the inputs' ranges, and elasticities.

    Args:
        model: As :func:`costmodel.project` takes it; so are the cards, ``set`` and ``seed``.
        digital: The digital card.
        analog: The thermodynamic machine's card.
        method: A method, or the cheapest of a family, ``"thermo.best"`` or ``"kfac.best"``.
        of: ``"step"`` or ``"speedup"``.
        over: What the speedup is over.
        set: Values to change.
        samples: Base samples, a power of two.
        seed: Of the samples.

    Raises:
        InputError: Anything wrong with any of these.
    """
    return _sensitivity(_case(model, digital, analog, set, DRAWS, seed), method, of, over, samples)


def crossover(
    model: Named | Workload = MODEL,
    digital: Named | DigitalCard = DIGITAL,
    analog: Named | AnalogCard = ANALOG,
    *,
    over: str,
    method: str = BEST_THERMODYNAMIC,
    against: str = BEST_DIGITAL,
    low: float = 0.0,
    high: float = 0.0,
    set: Values | None = None,
    scenario: Scenario | str = Scenario.NOMINAL,
    draws: int = DRAWS,
    seed: int = 0,
) -> Crossover:
    """Every value of an input at which two methods cost the same, with its 90 % interval, or why there is none.

    Args:
        model: As :func:`costmodel.project` takes it; so are the cards, ``set``, ``draws`` and ``seed``.
        digital: The digital card.
        analog: The thermodynamic machine's card.
        over: The input: ``"width"``, ``"damping"``, ``"relaxation_time"``, or a path of ``set``.
        method: A method, or the cheapest of a family, ``"thermo.best"`` or ``"kfac.best"``.
        against: The other.
        low: Smallest value to look at, in SI units; 0 for the usual.
        high: Largest, likewise.
        set: Values to change.
        scenario: How the ranges of the analog arm are used.
        draws: How many draws intervals rest on.
        seed: Of the draws.

    Raises:
        InputError: Anything wrong with any of these.
    """
    return _crossover(_case(model, digital, analog, set, draws, seed, scenario), over, method, against, low, high)


def regimes(
    model: Named | Workload = MODEL,
    digital: Named | DigitalCard = DIGITAL,
    analog: Named | AnalogCard = ANALOG,
    *,
    across: str,
    up: str,
    method: str = BEST_THERMODYNAMIC,
    against: str = BEST_DIGITAL,
    set: Values | None = None,
    seed: int = 0,
) -> Regimes:
    """A map over two inputs: who wins among two methods or families, what bounds it, and whether it is accurate.

    Args:
        model: As :func:`costmodel.project` takes it; so are the cards, ``set`` and ``seed``.
        digital: The digital card.
        analog: The thermodynamic machine's card.
        across: The input of the columns, as :func:`crossover` takes it.
        up: The input of the rows.
        method: A method, or the cheapest of a family, ``"thermo.best"`` or ``"kfac.best"``.
        against: The other.
        set: Values to change.
        seed: Of the draws that accuracy is judged under.

    Raises:
        InputError: Anything wrong with any of these.
    """
    return _regimes(_case(model, digital, analog, set, DRAWS, seed), across, up, method, against)


def require(
    model: Named | Workload = MODEL,
    digital: Named | DigitalCard = DIGITAL,
    analog: Named | AnalogCard = ANALOG,
    *,
    speedup: float,
    method: str = BEST_THERMODYNAMIC,
    over: str = BEST_DIGITAL,
    set: Values | None = None,
    scenario: Scenario | str = Scenario.NOMINAL,
    draws: int = 200,
    seed: int = 0,
) -> Requirement:
    """What a wanted speedup would take: the cheapest change of one input and of two, or why none does.

    Args:
        model: As :func:`costmodel.project` takes it; so are the cards, ``set``, ``draws`` and ``seed``.
        digital: The digital card.
        analog: The thermodynamic machine's card.
        speedup: Wanted, as a factor.
        method: Whose.
        over: Over what.
        set: Values to change.
        scenario: How the ranges of the analog arm are used.
        draws: How many draws intervals rest on.
        seed: Of the draws.

    Raises:
        InputError: Anything wrong with any of these.
    """
    return _require(_case(model, digital, analog, set, draws, seed, scenario), speedup, method, over)


def _case(
    model: Named | Workload,
    digital: Named | DigitalCard,
    analog: Named | AnalogCard,
    given: Values | None,
    draws: int,
    seed: int,
    scenario: Scenario | str = Scenario.NOMINAL,
) -> Case:
    """The case of some arguments; settings of a question are added to those that are given."""
    refuse([*at_least(1, draws=draws), *at_least(0, seed=seed), *known_scenario(scenario)])

    def load(more: Sequence[str]) -> tuple[Workload, DigitalCard, AnalogCard]:
        """The model and both cards with further settings."""
        settings = Settings.of({**given, **_pairs(more)} if given else _pairs(more))
        return settings.load_case(model, digital, analog)

    return Case(load, draws, seed, Scenario(scenario))


def _pairs(settings: Sequence[str]) -> dict[str, str]:
    pairs = (each.partition("=") for each in settings)
    return {path: value for path, _, value in pairs}
