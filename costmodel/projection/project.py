"""A projection: what each method costs on a network and its hardware, how they compare, and what to make of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from costmodel.defaults import DRAWS, Scenario
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.methods import Method, Phase, Role
from costmodel.projection.cost import Cost, Gathered, total
from costmodel.projection.draws import Sample, quantities
from costmodel.projection.evaluation import Evaluation
from costmodel.projection.feasibility import Feasibility, Reach, feasibilities
from costmodel.projection.memory import Memory, memories
from costmodel.projection.methods import methods_of
from costmodel.projection.overlap import Overlapped, overlapped
from costmodel.projection.placing import PLACED, WORTH, Placement, best_placed, placed, placements
from costmodel.projection.standing import standings
from costmodel.quantities.estimate import Draws, Estimate, Quantity, median, medians, weakest
from costmodel.workloads.workload import AnalogLayers, Layer, Workload

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class MethodProjection:
    """One method.

    Attributes:
        name: Dotted name.
        title: One line.
        step_time: Seconds of one step, periodic work spread over its interval.
        phases: Seconds that each phase adds to one step, the same way.
        beside_training: Seconds of a refresh that run beside training and add nothing; None where nothing may.
        bound: The phase that takes most of a step.
        time_to_target: Seconds of the training run, where its number of steps is known.
        energy: Joules of one step, of the phases whose energy is known; None where that is none of them.
        phase_energy: Joules of each such phase.
        waiting_energy: Of these, what devices draw while they wait for the machine; None where nobody says.
        memory: What it keeps on a device.
        labels: What each phase is doing, in words.
        placement: Which layers the machine solves where it does not solve all; None of any other method.
    """

    name: str
    title: str
    step_time: Estimate
    phases: Mapping[str, Estimate]
    beside_training: Estimate | None
    bound: str
    time_to_target: Estimate | None
    energy: Estimate | None
    phase_energy: Mapping[str, Estimate]
    waiting_energy: Estimate | None
    memory: Memory
    labels: Mapping[str, str]
    placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class LayerProjection:
    """One factored layer: its shape and the median seconds that each method spends on it in one step."""

    layer: Layer
    rows: float
    step_time: Mapping[str, float]


@dataclass(frozen=True, slots=True, repr=False)
class Projection:
    """The answer of ``project``.

    Attributes:
        workload: The network.
        digital: The digital device.
        analog: The thermodynamic machine.
        scenario: How ranges were used.
        draws: Number of draws.
        seed: Their seed.
        methods: Each method by name.
        best_digital: Name of the cheapest digital K-FAC member, ``kfac.best``.
        speedup: For each method its speedup over ``kfac.best``, over ``adam`` a step, and ``adam_to_target``.
        energy_gain: Joules of ``best_digital`` over those of each method; empty where the card gives no power.
        free_solver: Speedup over ``kfac.best`` of a solver that takes no time at all.
        feasibility: For each thermodynamic method, whether the machine reaches the accuracy its time is projected for.
        layers: Factored layers in the order of the file.
        assumptions: Every number drawn or cited, by the path that ``--set`` takes.
    """

    workload: Workload
    digital: DigitalCard
    analog: AnalogCard
    scenario: Scenario
    draws: int
    seed: int
    methods: Mapping[str, MethodProjection]
    best_digital: str
    speedup: Mapping[str, Mapping[str, Estimate]]
    energy_gain: Mapping[str, Estimate]
    free_solver: Estimate
    feasibility: Mapping[str, Feasibility]
    layers: tuple[LayerProjection, ...]
    assumptions: Mapping[str, Quantity]

    @property
    def best_thermodynamic(self) -> str:
        """Name of the cheapest thermodynamic method that the machine can run, accurate enough or not."""
        if PLACED in self.methods:  # which is accurate, and shorter than what is
            return PLACED
        able = [name for name, found in self.feasibility.items() if found.reach is not Reach.CANNOT_RUN]
        return min(able, key=lambda name: self.methods[name].step_time.median)

    def as_dict(self) -> dict[str, Any]:
        """The JSON contract, schema 2; docs/json.md describes it."""
        from costmodel.views.project import ProjectReport

        return ProjectReport(self).as_dict()

    def table(self) -> pd.DataFrame:
        """Methods by row: seconds a step and speedups, each with its 90 % interval and status."""
        from costmodel.views.frames import methods_frame

        return methods_frame(self)

    def phases_table(self) -> pd.DataFrame:
        """One row for each method and phase: seconds and share of a step, joules where known."""
        from costmodel.views.frames import phases_frame

        return phases_frame(self)

    def layers_table(self) -> pd.DataFrame:
        """One row for each factored layer and method: shape, and median seconds of a step."""
        from costmodel.views.frames import layers_frame

        return layers_frame(self)

    def assumptions_table(self) -> pd.DataFrame:
        """One row for each number the answer rests on: path, value, range, unit, status and source."""
        from costmodel.views.frames import assumptions_frame

        return assumptions_frame(self)

    def verdict(self) -> str:
        """One plain sentence: does it pay off, by how much, and why."""
        from costmodel.views.verdict import verdict

        return verdict(self)

    def __repr__(self) -> str:
        head = f"{self.workload.name} on {self.digital.name} and {self.analog.name}, {self.scenario} scenario"
        return f"Projection of {head}, {self.draws} draws\n{self.verdict()}"

    def _repr_html_(self) -> str:
        from costmodel.views.project import ProjectReport

        return ProjectReport(self).html()


def project(
    workload: Workload,
    digital: DigitalCard,
    analog: AnalogCard,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    scenario: Scenario | str = Scenario.NOMINAL,
) -> Projection:
    """Project the cost of every method on a network and its hardware.

    Args:
        workload: From :func:`costmodel.load_workload`.
        digital: From :func:`costmodel.load_card`.
        analog: From :func:`costmodel.load_card`.
        draws: How many draws the intervals rest on.
        seed: Equal seed and input give equal output.
        scenario: ``"conservative"``, ``"nominal"`` or ``"optimistic"``.

    Raises:
        ValueError: ``draws`` is below 1, ``seed`` is negative or the scenario is unknown.
    """
    if draws < 1:
        raise ValueError(f"draws must be at least 1, not {draws}")
    if seed < 0:
        raise ValueError(f"seed must not be negative, not {seed}")
    scenario = Scenario(scenario)
    sample = Sample.of(quantities(workload, digital, analog), draws, seed, scenario)
    costed = _costed(workload, digital, analog, sample, scenario)
    schedules = {method.name: overlapped(method, costed.seconds[method.name], workload) for method in costed.methods}
    steps = {name: total(schedule.phases.values()) for name, schedule in schedules.items()}
    best = min(costed.of(Role.DIGITAL_KFAC), key=lambda method: median(steps[method.name].total))
    (baseline,) = (method.name for method in costed.of(Role.BASELINE))
    targets = _times_to_target(workload, sample, costed.methods, steps)
    waiting = {name: _waiting(costed.waits[name], costed.seconds[name], schedules[name]) for name in schedules}
    energies = {name: _with_waiting(costed.joules[name], waiting[name]) for name in schedules}
    kept = memories(costed.methods, workload, digital)
    return Projection(
        workload=workload,
        digital=digital,
        analog=analog,
        scenario=scenario,
        draws=draws,
        seed=seed,
        methods={
            method.name: _method(
                method,
                schedules[method.name],
                steps[method.name],
                targets.get(method.name),
                energies[method.name],
                waiting[method.name],
                kept[method.name],
                costed.placements.get(method.name),
            )
            for method in costed.methods
        },
        best_digital=best.name,
        speedup={name: _speedups(name, best.name, baseline, steps, targets) for name in steps},
        energy_gain=_energy_gains(best.name, energies, digital),
        free_solver=_free_solver(best, schedules[best.name].phases, steps[best.name]),
        feasibility=feasibilities(costed.of(Role.THERMODYNAMIC), analog, costed.evaluation),
        layers=_layers(workload, costed.evaluation, steps),
        assumptions=sample.found,
    )


#: Units of a network times draws that are evaluated at once. More would fill the memory: a layer shape holds about two
#: hundred numbers for each draw.
_CELLS: Final = 160_000

Costs = dict[str, dict[str, Cost]]


@dataclass(frozen=True, slots=True)
class _Costed:
    """Methods and what their phases cost, nothing running beside anything.

    Attributes:
        methods: Every method that is projected, placed ones among them.
        placements: Which layers the machine solves, by placed method.
        evaluation: Of the first stretch of draws; layers and accuracy are looked up in it.
        seconds: Of each phase of each method.
        joules: Of what works in it.
        waits: Joules of devices that wait in it.
    """

    methods: list[Method]
    placements: Mapping[str, Placement]
    evaluation: Evaluation
    seconds: Costs
    joules: Costs
    waits: Costs

    def of(self, role: Role) -> list[Method]:
        """Methods of a role."""
        return [method for method in self.methods if method.role is role]


def _costed(
    workload: Workload, digital: DigitalCard, analog: AnalogCard, sample: Sample, scenario: Scenario
) -> _Costed:
    """Every method of a workload, and the placed one where the machine may gain by it."""
    found = placements(workload, digital, analog, scenario)
    methods = placed(methods_of(workload), found)
    evaluation, *costs = _evaluated(workload, digital, analog, methods, sample)
    if workload.kfac.analog_layers is AnalogLayers.ALL and _may_gain(methods, costs[0]):
        further = best_placed(workload, digital, analog, scenario)
        if further is not None:
            found, methods = {PLACED: further}, [*methods, further.method]
            _, *more = _evaluated(workload, digital, analog, [further.method], sample)
            costs = [each | its for each, its in zip(costs, more, strict=True)]
    return _Costed(methods, found, evaluation, *costs)


def _evaluated(
    workload: Workload, digital: DigitalCard, analog: AnalogCard, methods: list[Method], sample: Sample
) -> tuple[Evaluation, Costs, Costs, Costs]:
    """Seconds and joules of every phase of every method; of a large network or of many draws a stretch at a time.

    Returns:
        The evaluation of the first stretch, which layers and accuracy are looked up in; seconds, joules of what works,
        and joules of devices that wait, nothing running beside anything.
    """
    units = 2 * len(standings(workload, tuple(shape for shape, _ in workload.shapes())))
    stretches = sample.stretches(max(1, _CELLS // units))
    evaluations = (Evaluation(workload, digital, analog, methods, stretch) for stretch in stretches)
    first = next(evaluations)  # there is at least one draw
    seconds: dict[Phase, Gathered] = {}
    joules: dict[Phase, Gathered] = {}
    waits: dict[Phase, Gathered] = {}
    for evaluation in chain((first,), evaluations):
        # Most phases belong to several methods: each is kept once.
        for found, costs in ((seconds, evaluation.method), (joules, evaluation.energy), (waits, evaluation.waiting)):
            each = {phase: cost for method in methods for phase, cost in _by_phase(method, costs(method)).items()}
            for phase, cost in each.items():
                found.setdefault(phase, Gathered(sample.whole)).take(cost)
    return first, _of_methods(methods, seconds), _of_methods(methods, joules), _of_methods(methods, waits)


def _waiting(waits: Mapping[str, Cost], alone: Mapping[str, Cost], schedule: Overlapped) -> dict[str, Cost]:
    """Joules of waiting for what of a phase is left where the rest of it runs beside training."""
    found = {}
    for name, cost in waits.items():
        whole, left = alone[name].total, schedule.phases[name].total
        share = np.divide(left, whole, out=np.zeros(np.broadcast_shapes(left.shape, whole.shape)), where=whole > 0)
        found[name] = Cost(cost.total * share, cost.by_shape, cost.status)
    return found


def _with_waiting(energies: Mapping[str, Cost], waiting: Mapping[str, Cost]) -> dict[str, Cost]:
    """Joules of each phase, those of devices that wait in it among them."""
    return {name: total([cost, waiting[name]]) if name in waiting else cost for name, cost in energies.items()}


def _by_phase(method: Method, costs: Mapping[str, Cost]) -> dict[Phase, Cost]:
    return {phase: costs[phase.name] for phase in method.phases if phase.name in costs}


def _of_methods(methods: list[Method], found: Mapping[Phase, Gathered]) -> Costs:
    return {
        method.name: {phase.name: found[phase].cost for phase in method.phases if phase in found} for method in methods
    }


def _method(
    method: Method,
    schedule: Overlapped,
    step: Cost,
    target: Cost | None,
    energies: Mapping[str, Cost],
    waiting: Mapping[str, Cost],
    kept: Memory,
    placement: Placement | None,
) -> MethodProjection:
    estimates = {phase: _estimate(cost) for phase, cost in schedule.phases.items()}
    return MethodProjection(
        name=method.name,
        title=method.title,
        step_time=_estimate(step),
        phases=estimates,
        beside_training=None if schedule.beside is None else _estimate(schedule.beside),
        bound=max(estimates, key=lambda phase: estimates[phase].median),
        time_to_target=None if target is None else _estimate(target),
        energy=_estimate(total(energies.values())) if energies else None,
        phase_energy={phase: _estimate(cost) for phase, cost in energies.items()},
        waiting_energy=_estimate(total(waiting.values())) if waiting else None,
        memory=kept,
        labels={phase.name: phase.part.label for phase in method.phases},
        placement=placement,
    )


def _estimate(cost: Cost) -> Estimate:
    return Estimate.of(cost.total, cost.status)


def _times_to_target(
    workload: Workload, sample: Sample, methods: Iterable[Method], steps: Mapping[str, Cost]
) -> dict[str, Cost]:
    """Seconds to the target of the baseline and of K-FAC on any hardware; other methods' step counts are not known."""
    training = workload.training
    if training is None:
        return {}
    adam = sample.drawn["model.training.adam_steps"]
    second_order = adam * sample.drawn["model.training.kfac_step_ratio"]
    known = weakest((training.adam_steps.status, training.kfac_step_ratio.status))
    targets = {}
    for method in methods:
        name, step = method.name, steps[method.name]
        if method.role is Role.BASELINE:
            targets[name] = Cost(step.total * adam, step.by_shape, weakest((step.status, training.adam_steps.status)))
        elif method.role in {Role.DIGITAL_KFAC, Role.THERMODYNAMIC}:
            targets[name] = Cost(step.total * second_order, step.by_shape, weakest((step.status, known)))
    return targets


def _speedups(
    name: str, best: str, baseline: str, steps: Mapping[str, Cost], targets: Mapping[str, Cost]
) -> dict[str, Estimate]:
    """Ratios draw by draw, so that what both sides share cancels."""
    speedups = {"kfac.best": _ratio(steps[best], steps[name]), "adam": _ratio(steps[baseline], steps[name])}
    if name in targets:
        speedups["adam_to_target"] = _ratio(targets[baseline], targets[name])
    return speedups


def _energy_gains(best: str, energies: Mapping[str, Mapping[str, Cost]], digital: DigitalCard) -> dict[str, Estimate]:
    """Energy of the best digital K-FAC over that of each method; digital phases have one where the card has a power."""
    if digital.power is None:
        return {}
    joules = {name: total(costs.values()) for name, costs in energies.items()}
    return {name: _ratio(joules[best], each) for name, each in joules.items()}


def _ratio(slow: Cost, fast: Cost) -> Estimate:
    return Estimate.of(slow.total / fast.total, weakest((slow.status, fast.status)))


def _may_gain(methods: Iterable[Method], costs: Costs) -> bool:
    """Whether a solver that takes no time at all would make a step enough shorter for a placement to be worth it."""
    digital = [method for method in methods if method.role is Role.DIGITAL_KFAC]
    step = min(median(total(costs[method.name].values()).total) for method in digital)
    rest = [costs[digital[0].name][phase.name] for phase in digital[0].phases if not phase.part.solver]
    return step >= WORTH * median(total(rest).total)


def _free_solver(method: Method, phases: Mapping[str, Cost], step: Cost) -> Estimate:
    """Amdahl's bound: digital K-FAC over digital K-FAC without what a solver could take over."""
    rest: Draws = np.sum([phases[phase.name].total for phase in method.phases if not phase.part.solver], axis=0)
    return Estimate.of(step.total / rest, step.status)


def _layers(workload: Workload, evaluation: Evaluation, steps: Mapping[str, Cost]) -> tuple[LayerProjection, ...]:
    index = {shape: position for position, shape in enumerate(evaluation.shapes)}
    middle = {name: medians(cost.by_shape).tolist() for name, cost in steps.items()}
    by_shape = [dict(zip(middle, each, strict=True)) for each in zip(*middle.values(), strict=True)]
    return tuple(
        LayerProjection(layer, layer.rows(workload.batch_size), by_shape[index[layer.shape]])
        for layer in workload.layers
    )
