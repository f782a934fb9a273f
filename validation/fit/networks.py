"""Whole networks as a projection sees them, and the laws that only they can give.

A law of a pass, of rows, averages and updates, and what an operation takes in a step over a loop of its own calls, are
linear in their constants. So the column of a constant is what ``project`` itself says of the timed network on a card
where that constant is one and everything else is free: the fit and the projection cannot count differently.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np

from costmodel.defaults import ANALOG, MODEL, Scenario
from costmodel.formulas import first_order
from costmodel.inputs.loading import load_analog, load_workload
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.machines.curves import Curve
from costmodel.machines.laws import EXTRAPOLATION_SPREAD, LEAST_SPREAD, FittedLaw, InStep, Law
from costmodel.methods import METHODS, DigitalWork, FactorConstruction, Method, phases
from costmodel.projection.draws import Sample, quantities
from costmodel.projection.evaluation import Evaluation
from costmodel.quantities.estimate import Draws
from costmodel.workloads.workload import KfacSettings, Layer, Unfactored, Workload
from validation.fit.solve import Array, solve
from validation.measure.timings import ModelSizes

Laws = Mapping[str, FittedLaw]
Column = Mapping[str, FittedLaw]

#: With fewer timed networks nothing is left out of a fit that could say how far it is off.
LEAST_NETWORKS: Final = 3
#: Timed networks of this family train an embedding before their first layer, which therefore has an input gradient.
_EMBEDDED: Final = "gpt"
#: A phase that scatters by more is not predicted at all.
_MOST_SPREAD: Final = 0.5


@dataclass(frozen=True, slots=True)
class TimedNetwork:
    """What was timed of a network.

    Attributes:
        model: The network.
        seconds: Of every phase, and of the whole ``step``.
    """

    model: ModelSizes
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class NetworkFit:
    """Laws from timed networks.

    Attributes:
        laws: Those of passes, rows, averages and updates, and those of ``operations`` with what a step changes.
        step: Mean and standard deviation of log(step / sum of its phases, each timed alone): what phases leave to
            each other, caches above all.
        left_out: log(predicted / measured) of each phase and of the step, for every network left out in turn.
    """

    laws: dict[str, FittedLaw]
    step: tuple[float, float]
    left_out: dict[str, tuple[float, ...]]


def timed_method() -> Method:
    """K-FAC as ``measure`` times it: empirical Fisher, Cholesky inverses, and an update without momentum."""
    method = METHODS["kfac.cholesky"](FactorConstruction.EXPAND).without(phases.SAMPLED_BACKWARD)
    plain = phases.update(first_order.descent_update_bytes())
    return replace(method, phases=(*(each for each in method.phases if each.name != plain.name), plain))


def workload_of(model: ModelSizes) -> Workload:
    """A timed network as a model file would describe it, every phase once a step.

    What has no factors is one entry with its FLOPs and one with its parameters and tensors.
    """
    layers = tuple(
        Layer(
            f"layers.{index}",
            each.kind,
            each.d,
            each.g,
            bias=each.a > each.d,
            positions=float(each.rows),
            patches=each.kind == "convolution",
            input_gradient=index > 0 or model.model.startswith(_EMBEDDED),
        )
        for index, each in enumerate(model.layers)
    )
    rest = model.parameters - sum(each.parameters for each in layers)
    tensors = model.tensors - sum(1 + each.bias for each in layers)
    others = (
        Unfactored("attention", "attention", 0, model.attention_flops),
        *([Unfactored("rest", "other", rest, tensors=max(1, tensors))] if rest > 0 else []),
    )
    return Workload(model.model, model.model, "timed", 1, layers, others, _settings())


@cache
def _analog() -> AnalogCard:
    """Any machine: no phase of a digital method depends on it."""
    return load_analog(ANALOG)


@cache
def _settings() -> KfacSettings:
    """K-FAC's settings with every phase once a step."""
    return replace(load_workload(MODEL).kfac, factor_interval=1, refresh_interval=1)


def project_step(
    card: DigitalCard, model: ModelSizes, draws: int, seed: int = 0, method: Method | None = None
) -> dict[str, Draws]:
    """Draws of every phase of a timed step, and of the whole ``step``, by the code that ``project`` runs.

    Without a method the step is that of :func:`timed_method`.
    """
    method = method or timed_method()
    workload = workload_of(model)
    sample = Sample.of(quantities(workload, card, _analog()), draws, seed, Scenario.NOMINAL)
    evaluation = Evaluation(workload, card, _analog(), [method], sample)
    found = {name: cost.total for name, cost in evaluation.method(method).items()}
    return {**found, "step": np.sum(list(found.values()), axis=0)}


def fit_networks(timed: Sequence[TimedNetwork], operations: Laws) -> NetworkFit:
    """Laws of what only networks show.

    Args:
        timed: At least :data:`LEAST_NETWORKS`.
        operations: Laws of single operations, timed alone.
    """
    laws: dict[str, FittedLaw] = {}
    errors: dict[str, tuple[float, ...]] = {}
    predicted, alone = np.zeros(len(timed)), np.zeros(len(timed))
    for phase, columns in _columns(len(timed), operations).items():
        design = np.array([[column_seconds(column, each.model, phase) for column in columns] for each in timed])
        seconds = np.array([each.seconds[phase] for each in timed])
        coefficients = solve(design, seconds).coefficients
        left_out = _left_out(design, seconds)
        errors[phase] = tuple(np.log(left_out / seconds))
        predicted, alone = predicted + left_out, alone + seconds
        laws |= _laws(phase, columns, coefficients, _spread(design, seconds, coefficients), timed)
    steps = np.log([each.seconds["step"] for each in timed])
    ratio = steps - np.log(alone)
    errors["step"] = tuple(np.log(predicted) + ratio.mean() - steps)
    return NetworkFit(laws, (float(ratio.mean()), float(ratio.std(ddof=1))), errors)


def _columns(networks: int, operations: Laws) -> dict[str, list[Column]]:
    """What the constants of each phase are multiplied by; fewer where few networks were timed."""
    product = replace(operations["gemm_tall"], launch=0.0, item=0.0, element=0.0)
    passes: list[Column] = [
        {"linear_pass": product},
        {"linear_pass": LAUNCH, "convolution_pass": LAUNCH},
        {"convolution_pass": UNIT},
        {"other_pass": UNIT},
        {"linear_outputs": UNIT},
        {"convolution_outputs": UNIT},
    ]
    if networks <= len(passes):
        every = dict.fromkeys(("linear_pass", "convolution_pass", "other_pass"), product)
        passes = [every, passes[1]]
    found: dict[str, list[Column]] = {
        "forward_backward": passes,
        "rows": [{"rows": UNIT}, {"patches": UNIT}, {"rows": LAUNCH, "patches": LAUNCH}],
        "running_average": [{"running_average": UNIT}, {"running_average": LAUNCH}],
        "update": [{"update": UNIT}, {"update": LAUNCH}],
    }
    if networks <= len(found["rows"]):
        found["rows"] = [{"rows": UNIT, "patches": UNIT}]
    for phase, names in IN_STEP.items():
        found[phase] = [{name: operations[name] for name in names}, dict.fromkeys(names, LAUNCH)]
    return found


#: Phases made of operations that are timed alone as well.
IN_STEP: Final = {
    "factors": ("gemm_symmetric",),
    "inversion": ("cholesky", "cholesky_inverse"),
    "precondition": ("precondition",),
}


def _law(launch: float, unit: float) -> FittedLaw:
    return FittedLaw(launch, 0.0, 0.0, Curve((1.0,), (unit,), unit), spread=0.0, growth=0.0)


#: A second a call; a second a unit of work; nothing.
LAUNCH: Final = _law(1.0, 0.0)
UNIT: Final = _law(0.0, 1.0)
FREE: Final = _law(0.0, 0.0)


def column_seconds(column: Column, model: ModelSizes, phase: str, method: Method | None = None) -> float:
    """A phase of a network where only one column costs anything."""
    works = (work for each in (method or timed_method()).phases for work in each.works if isinstance(work, DigitalWork))
    free: dict[str, Law] = {work.operation: FREE for work in works if work.operation != "spd_inverse"}
    laws = free | dict.fromkeys(("cholesky", "cholesky_inverse"), FREE) | dict(column)
    exact = {name: replace(law, spread=0.0, growth=0.0) for name, law in laws.items() if isinstance(law, FittedLaw)}
    return float(project_step(DigitalCard("", "", "", exact), model, draws=1, method=method)[phase][0])


def _left_out(design: Array, seconds: Array) -> Array:
    """What the other networks say of each network."""
    found = np.zeros(len(seconds))
    for index in range(len(seconds)):
        kept = np.arange(len(seconds)) != index
        found[index] = design[index] @ solve(design[kept], seconds[kept]).coefficients
    return np.maximum(found, 1e-12)


def _spread(design: Array, seconds: Array, coefficients: Array) -> float:
    """Standard error of log(predicted / measured), corrected for the constants that were fitted.

    Leaving networks out says more than this, since the one network of a kind decides on a constant alone: on both
    shipped machines networks held out err as this says, and half as much as leaving one out does.
    """
    residuals = np.log(np.maximum(design @ coefficients, 1e-12) / seconds)
    free = max(1, len(seconds) - int(np.count_nonzero(coefficients)))
    return min(_MOST_SPREAD, max(LEAST_SPREAD, math.sqrt(float(residuals @ residuals) / free)))


def _laws(
    phase: str, columns: Sequence[Column], coefficients: Array, spread: float, timed: Sequence[TimedNetwork]
) -> dict[str, FittedLaw]:
    """The laws that the coefficients of a phase stand for."""
    if phase in IN_STEP:
        factor, launch = map(float, coefficients)
        names = IN_STEP[phase]
        step = InStep(factor, launch, spread)
        return {name: replace(columns[0][name], in_step=step, together=phase) for name in names}
    found: dict[str, FittedLaw] = {}
    for column, coefficient in zip(columns, map(float, coefficients), strict=True):
        for name, law in column.items():
            found[name] = plus(found.get(name, FREE), law, coefficient)
    source = f"steps of {len(timed)} networks, {phase.replace('_', ' ')}"
    domain, growth = working_sizes(timed, passes=phase == "forward_backward"), EXTRAPOLATION_SPREAD
    made = {
        name: replace(law, domain=domain, spread=spread, growth=growth, together=phase, source=source)
        for name, law in found.items()
    }
    return {name: law for name, law in made.items() if law.launch or any(law.work.values)}


def working_sizes(timed: Sequence[TimedNetwork], *, passes: bool) -> tuple[float, float]:
    """Smallest and largest working size of the layers of timed networks, as work on passes or on factors has them."""
    layers = [layer for each in timed for layer in each.model.layers]
    sides = [(each.g, each.d, each.rows) if passes else (each.a, each.a, each.g) for each in layers]
    sizes = [3.0 / sum(1.0 / side for side in each) for each in sides]
    return min(sizes), max(sizes)


def plus(law: FittedLaw, more: FittedLaw, times: float) -> FittedLaw:
    """A law with a multiple of another added; one of them has a flat curve or none."""
    curve = more.work.times(times)
    if len(law.work.sizes) > 1 or len(curve.sizes) == 1:
        curve = law.work.plus(curve) if len(curve.sizes) > 1 else _raised(law.work, curve.values[0])
    penalties = {**law.penalties, **{name: each.times(times) for name, each in more.penalties.items()}}
    return replace(law, launch=law.launch + times * more.launch, work=curve, penalties=penalties)


def _raised(curve: Curve, by: float) -> Curve:
    return Curve(curve.sizes, tuple(value + by for value in curve.values), curve.limit + by)
