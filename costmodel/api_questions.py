"""The questions of a notebook: what drives a result, where it flips, what it would take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral

from costmodel.defaults import ANALOG, DIGITAL, MODEL
from costmodel.inputs.arguments import Named, Settings, Values, all_at_once, refuse
from costmodel.inputs.faults import Fault
from costmodel.inputs.together import faults_together
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.questions.case import BEST_DIGITAL, BEST_THERMODYNAMIC, DRAWS, Case
from costmodel.questions.crossover import Crossover
from costmodel.questions.crossover import crossover as _crossover
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
    set: Values | None = None,
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
        set: Values to change.
        draws: How many draws intervals rest on.
        seed: Of the draws.

    Raises:
        InputError: Anything wrong with any of these.
    """
    return _crossover(_case(model, digital, analog, set, draws, seed), over, method, against)


def require(
    model: Named | Workload = MODEL,
    digital: Named | DigitalCard = DIGITAL,
    analog: Named | AnalogCard = ANALOG,
    *,
    speedup: float,
    method: str = BEST_THERMODYNAMIC,
    over: str = BEST_DIGITAL,
    set: Values | None = None,
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
        draws: How many draws intervals rest on.
        seed: Of the draws.

    Raises:
        InputError: Anything wrong with any of these.
    """
    return _require(_case(model, digital, analog, set, draws, seed), speedup, method, over)


def _case(
    model: Named | Workload,
    digital: Named | DigitalCard,
    analog: Named | AnalogCard,
    given: Values | None,
    draws: int,
    seed: int,
) -> Case:
    """The case of some arguments; settings of a question are added to those that are given."""
    refuse([*_whole("draws", draws, 1), *_whole("seed", seed, 0)])

    def load(more: Sequence[str]) -> tuple[Workload, DigitalCard, AnalogCard]:
        settings = Settings.of({**given, **_pairs(more)} if given else _pairs(more))
        workload, digital_card, analog_card, solver, _ = all_at_once(
            lambda: settings.load(model, (Workload,), ("model",), "model"),
            lambda: settings.load(digital, (DigitalCard,), ("digital",), "digital"),
            lambda: settings.load(analog, (AnalogCard,), ("analog",), "analog"),
            settings.solver,
            lambda: refuse(settings.faults),
        )
        refuse(faults_together(workload, digital_card))
        return workload, digital_card, analog_card if solver is None else replace(analog_card, solver=solver)

    return Case(load, draws, seed)


def _pairs(settings: Sequence[str]) -> dict[str, str]:
    pairs = (each.partition("=") for each in settings)
    return {path: value for path, _, value in pairs}


def _whole(name: str, number: object, least: int) -> list[Fault]:
    if isinstance(number, Integral) and not isinstance(number, bool) and int(number) >= least:
        return []
    return [Fault(name, 0, 0, "", f"{number!r} is not a whole number of at least {least}")]
