"""Which layers a thermodynamic method solves on its machine, and which the digital device had better do.

A placement is fixed before a run, from what is known then: medians over draws of all that is uncertain, always the same
draws. It is one for all draws of a projection, which are worlds that the run may find itself in. Layers that nothing
known tells apart, those of one shape and role, are placed together.

Costs of layers nearly add up. What does not (arrays that share layers, calls that share a launch, works that overlap, a
refresh beside training) is evaluated as a projection evaluates it: placements grow by the layers that gain most on the
machine, and the best of them is improved layer by layer until nothing is left to gain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from costmodel.defaults import Scenario
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.methods import Method, Phase, Role
from costmodel.methods.split import split
from costmodel.projection.cost import total
from costmodel.projection.draws import Sample, quantities
from costmodel.projection.evaluation import Evaluation
from costmodel.projection.feasibility import feasibilities
from costmodel.projection.methods import methods_of
from costmodel.projection.overlap import overlapped
from costmodel.projection.standing import kinds
from costmodel.quantities.estimate import Draws, median, medians
from costmodel.workloads.workload import AnalogLayers, Workload

Kinds = frozenset[int]

#: Draws whose medians decide.
DRAWS: Final = 200
#: Sizes of the placements that grow by the layers that gain most: about as many.
_SIZES: Final = 8
#: Kinds of layers nearest to a tie that are tried on the other side, at most.
_FLIPS: Final = 8
#: Methods whose placements are compared where the best of all is wanted.
_ARMS: Final = 2
#: A step shorter by less than this share is none: sums in another order differ in their last digits.
_EQUAL: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Placement:
    """A thermodynamic method with its layers placed.

    Attributes:
        method: As it is evaluated.
        machine: Positions of the kinds of layers that the machine solves.
        layers: Names of the layers that the machine solves.
        of: Factored layers of the network.
        work_share: Share of the solver's work that those layers are, by the seconds that the digital device would take.
        missed: Layers of the network that the machine would not solve accurately.
        step: Median seconds of a step.
    """

    method: Method
    machine: Kinds
    layers: tuple[str, ...]
    of: int
    work_share: float
    missed: int
    step: float

    @property
    def analog(self) -> str:
        """Name of the method that the machine solves its layers by."""
        return self.method.name if self.method.split is None else self.method.split.analog.name

    @property
    def digital(self) -> str | None:
        """Name of the method that the device does the others by; None where there are none."""
        return None if self.method.split is None else self.method.split.digital.name


class Placing:
    """Placements of the methods of one network on its hardware.

    Args:
        workload: The network.
        digital: The digital device.
        analog: The thermodynamic machine.
        scenario: How ranges of the machine are used.
        names: Thermodynamic methods that may be placed; all without it.
        sample: What is known before the run, where that is not the scenario's draws: those of a point.
    """

    def __init__(
        self,
        workload: Workload,
        digital: DigitalCard,
        analog: AnalogCard,
        scenario: Scenario = Scenario.NOMINAL,
        *,
        names: Collection[str] = (),
        sample: Sample | None = None,
    ) -> None:
        self._workload, self._analog = workload, analog
        methods = [method for method in methods_of(workload) if _may_be_placed(method, names)]
        if sample is None:
            sample = Sample.of(quantities(workload, digital, analog), DRAWS, 0, scenario)
        self._drawn = sample.drawn
        self._evaluation = Evaluation(workload, digital, analog, methods, sample)
        self.kinds = kinds(workload, self._evaluation.shapes)
        self._all = frozenset(range(len(self.kinds)))
        self._layers = np.array([len(kind.layers) for kind in self.kinds], dtype=float)
        self._apart = self._evaluation.by_kind(self.kinds)
        self._each: dict[Phase, Draws] = {}
        self._medians: dict[Phase, float] = {}
        self._pairs: dict[tuple[str, str], tuple[Draws, Draws]] = {}
        self._found: dict[tuple[str, str, Kinds], Placement] = {}
        self._phases = {method.name: dict.fromkeys(method.phases) for method in methods}  # sets with an order
        self._members = [method for method in methods if method.role is Role.DIGITAL_KFAC]
        self.able = [method for method in methods if self._can_run(method)]
        self._feasibility = feasibilities(self.able, analog, self._evaluation)

    def _can_run(self, method: Method) -> bool:
        """Whether it is a thermodynamic method and the card gives what it needs."""
        lacking = method.needs is not None and getattr(self._analog, method.needs) is None
        return method.role is Role.THERMODYNAMIC and not lacking

    def step(self, method: Method) -> float:
        """Median seconds of a step."""
        costs = overlapped(method, self._evaluation.method(method), self._workload, self._drawn)
        return median(total(costs.phases.values()).total)

    def allowed(self, method: Method) -> Kinds:
        """Kinds of layers that the machine may solve, as the model asks for it."""
        asked = self._workload.kfac.analog_layers
        return self.accurate(method) if asked is AnalogLayers.ACCURATE else self._all

    def accurate(self, method: Method) -> Kinds:
        """Kinds of layers that the machine solves as accurately as training needs them."""
        missed = np.flatnonzero(~np.array(self._feasibility[method.name].met))
        return self._all - set(self._evaluation.kind[missed].tolist())

    def named(self, names: Iterable[str]) -> Kinds:
        """Kinds that some layers belong to, which the model lists."""
        wanted = set(names)
        return frozenset(index for index, kind in enumerate(self.kinds) if wanted.issuperset(kind.layers))

    def best(self, method: Method, allowed: Kinds) -> Placement:
        """The placement with the shortest step, of those whose machine solves nothing but kinds that are allowed."""
        member = min(self._members, key=lambda each: self._added(method, each, allowed))
        partners = {each.name: each for each in (member, self.quickest)}.values()
        best = min((self._grown(method, each, allowed) for each in partners), key=lambda placement: placement.step)
        while True:
            here = self.fixed(method, best.machine)
            other = self._improved(method, here, allowed)
            if other.step >= best.step * (1 - _EQUAL):
                return best
            best = other

    def fixed(self, method: Method, machine: Kinds) -> Placement:
        """A given placement, with what is best for the layers that are left."""
        found = [self._placement(method, member, machine) for member in self._members]
        return min(found, key=lambda placement: placement.step)

    def least(self, method: Method, allowed: Kinds) -> float:
        """Seconds of a step with the best placement and member, were costs of layers to add up."""
        return min(self._added(method, member, allowed) for member in self._members)

    def _added(self, method: Method, member: Method, allowed: Kinds) -> float:
        """Seconds of a step where every layer is where it takes least, were costs of layers to add up."""
        of_member = self._phases[member.name]
        shared = [phase for phase in method.phases if phase in of_member]
        ours, theirs = self._of_kinds(method, member)
        may = np.isin(np.arange(len(self.kinds)), sorted(allowed))
        apart = float(np.where(may, np.minimum(ours, theirs), theirs).sum())
        return apart + sum(self._alike(phase) for phase in shared)

    def _alike(self, phase: Phase) -> float:
        """Median seconds of a phase that both sides of a placement have."""
        if phase not in self._medians:
            self._medians[phase] = median(self._apart.phase(phase).total)
        return self._medians[phase]

    @cached_property
    def quickest(self) -> Method:
        """The digital member with the shortest step."""
        return min(self._members, key=self.step)

    def _grown(self, method: Method, member: Method, allowed: Kinds) -> Placement:
        """The best of placements that grow by what gains most."""
        found = [self._placement(method, member, each) for each in _growing(self._gains(method, member, allowed))]
        return min(found, key=lambda placement: placement.step)

    def _improved(self, method: Method, best: Placement, allowed: Kinds) -> Placement:
        """A placement with kinds of layers put on the other side, one by one, as long as that gains."""
        while allowed:
            # Where nothing is left to the device, any member may be best for what is left to it first.
            members = self._members if best.method.split is None else [best.method.split.digital]
            others = (
                self._placement(method, member, best.machine ^ {kind})
                for member in members
                for kind in self._doubtful(method, member, allowed)
            )
            other = min(others, key=lambda placement: placement.step)
            if other.step >= best.step * (1 - _EQUAL):
                break
            best = other
        return best

    def _doubtful(self, method: Method, member: Method, allowed: Kinds) -> list[int]:
        """Kinds of layers nearest to a tie."""
        gains = self._gains(method, member, allowed)
        return sorted(gains, key=lambda kind: abs(gains[kind]))[:_FLIPS]

    def _gains(self, method: Method, member: Method, allowed: Kinds) -> dict[int, float]:
        """Seconds that each kind of layers takes less on the machine than on the device, by itself."""
        ours, theirs = self._of_kinds(method, member)
        return {kind: float(theirs[kind] - ours[kind]) for kind in sorted(allowed)}

    def _placement(self, method: Method, member: Method, machine: Kinds) -> Placement:
        key = (method.name, member.name, machine)
        if key not in self._found:
            self._found[key] = self._placement_of(method, member, machine)
        return self._found[key]

    def _placement_of(self, method: Method, member: Method, machine: Kinds) -> Placement:
        built = split(method, member, machine, self._all - machine)
        layers = tuple(name for kind in sorted(machine) for name in self.kinds[kind].layers)
        _, theirs = self._of_kinds(method, member)
        share = float(theirs[sorted(machine)].sum() / theirs.sum()) if theirs.any() else 0.0
        missed = sum(len(self.kinds[kind].layers) for kind in self._all - self.accurate(method))
        return Placement(built, machine, layers, len(self._workload.layers), share, missed, self.step(built))

    def _of_kinds(self, method: Method, member: Method) -> tuple[Draws, Draws]:
        """Median seconds of each kind of layers, on the machine and on the device, of what the two do apart."""
        key = (method.name, member.name)
        if key not in self._pairs:
            ours, theirs = self._phases[method.name], self._phases[member.name]
            alone = [phase for phase in method.phases if phase not in theirs]
            self._pairs[key] = self._sum(alone), self._sum(phase for phase in member.phases if phase not in ours)
        return self._pairs[key]

    def _sum(self, phases: Iterable[Phase]) -> Draws:
        """What each kind has of some phases, shape (kinds,); what does not add up is shared in proportion."""
        found = np.zeros(len(self.kinds))
        for phase in phases:
            if phase not in self._each:
                cost = self._apart.phase(phase)
                each = medians(cost.by_shape) * self._layers
                self._each[phase] = each * (median(cost.total) / each.sum()) if each.any() else each
            found = found + self._each[phase]
        return found


def _may_be_placed(method: Method, names: Collection[str]) -> bool:
    """Whether it is one side of a placement: a digital member, or a thermodynamic method that is wanted."""
    wanted = method.role is Role.THERMODYNAMIC and (not names or method.name in names)
    return wanted or method.role is Role.DIGITAL_KFAC


def _growing(gain: Mapping[int, float]) -> list[Kinds]:
    """Nothing, ever more of what gains most, all that gains by itself, and everything."""
    order = sorted(gain, key=lambda kind: -gain[kind])
    gaining = sum(each > 0 for each in gain.values())
    sizes = {0, gaining, len(order), *np.linspace(0, len(order), _SIZES).astype(int).tolist()}
    return [frozenset(order[:size]) for size in sorted(sizes)]


def placements(
    workload: Workload,
    digital: DigitalCard,
    analog: AnalogCard,
    scenario: Scenario = Scenario.NOMINAL,
    names: Collection[str] = (),
    sample: Sample | None = None,
) -> dict[str, Placement]:
    """Placements that the model asks for, of thermodynamic methods that the machine can run, by name.

    Of all of them unless some are named; none where all layers are on the machine. ``sample`` is what is known before
    the run, where that is not the scenario's draws.
    """
    asked = workload.kfac.analog_layers
    if asked is AnalogLayers.ALL:
        return {}
    placing = Placing(workload, digital, analog, scenario, names=names, sample=sample)
    if isinstance(asked, tuple):
        machine = placing.named(asked)
        return {method.name: placing.fixed(method, machine) for method in placing.able}
    return {method.name: placing.best(method, placing.allowed(method)) for method in placing.able}


def placed(methods: Iterable[Method], found: Mapping[str, Placement]) -> list[Method]:
    """Methods, those that have a placement with it."""
    return [found[method.name].method if method.name in found else method for method in methods]


#: The method whose arm and layers are those that make a step shortest while every layer on the machine is accurate.
PLACED: Final = "thermo.placed"
#: A step that is not shorter by this factor is not worth a method of its own.
WORTH: Final = 1.01


def best_placed(
    workload: Workload, digital: DigitalCard, analog: AnalogCard, scenario: Scenario = Scenario.NOMINAL
) -> Placement | None:
    """The shortest step of all thermodynamic methods that leave layers to the device, every other solved accurately.

    Returns:
        None where it is not shorter by :data:`WORTH` than the best digital step and every accurate one without a
        placement. Only methods that would be shortest if costs of layers added up are evaluated.
    """
    placing = Placing(workload, digital, analog, scenario)
    if not placing.able:
        return None
    best, rival = _best_and_rival(placing)
    if best is None or best.step >= rival.step / WORTH or best.method.split is None:
        return None
    return _named_placed(best)


def placed_at(workload: Workload, digital: DigitalCard, analog: AnalogCard, sample: Sample) -> Placement:
    """The shortest accurate step of all placements under draws, be it that of everything on either side.

    Where no layer is worth sending it is the best digital method, so that it is there at every point of a question.
    """
    best, rival = _best_and_rival(Placing(workload, digital, analog, sample=sample))
    return _named_placed(rival if best is None or best.step >= rival.step else best)


def _best_and_rival(placing: Placing) -> tuple[Placement | None, Placement]:
    """The best placement of the methods that promise one, and of those that need none."""
    every = frozenset(range(len(placing.kinds)))
    accurate = {method.name: placing.accurate(method) for method in placing.able}
    whole = [method for method in placing.able if accurate[method.name] == every]
    rivals = [placing.fixed(placing.able[0], frozenset()), *(placing.fixed(method, every) for method in whole)]
    rival = min(rivals, key=lambda placement: placement.step)
    least = {method: placing.least(method, accurate[method.name]) for method in placing.able}
    promising = [method for method, step in least.items() if step < rival.step / WORTH]
    promising.sort(key=lambda method: least[method])
    found = [placing.best(method, accurate[method.name]) for method in promising[:_ARMS]]
    return min(found, key=lambda placement: placement.step, default=None), rival


def _named_placed(best: Placement) -> Placement:
    title = f"{best.method.title}, every layer where it takes least"
    return replace(best, method=replace(best.method, name=PLACED, title=title))
