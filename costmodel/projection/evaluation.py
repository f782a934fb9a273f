"""Every phase of every method on one network and its hardware: counts times rates, draw by draw."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from costmodel.formulas import Formula, schedule
from costmodel.formulas.code import Summand, add
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.machines.laws import Term, beside
from costmodel.machines.solver import SolverLaw
from costmodel.methods import (
    AnalogWork,
    Cadence,
    DigitalWork,
    Kinds,
    MessageWork,
    Method,
    Phase,
    Resource,
    Runs,
    Scope,
)
from costmodel.methods.distribution import Place, place
from costmodel.projection.analog import law_factor, law_status
from costmodel.projection.cost import Cost, slowest, total
from costmodel.projection.digital import DigitalArm
from costmodel.projection.draws import Sample
from costmodel.projection.scopes import Scopes
from costmodel.projection.standing import Kind
from costmodel.projection.values import values_of
from costmodel.quantities.estimate import Draws, Status, median, weakest
from costmodel.workloads.workload import Shape, Workload


class Evaluation:
    """One network on one digital device and one analog machine, under one set of draws.

    Attributes:
        found: Every quantity by path, as drawn.
    """

    def __init__(
        self,
        workload: Workload,
        digital: DigitalCard,
        analog: AnalogCard,
        methods: Iterable[Method],
        sample: Sample,
    ) -> None:
        self._workload, self._analog = workload, analog
        self.found, self._drawn = sample.found, sample.drawn
        self._scopes = Scopes(workload, methods, sample, analog.relaxation_of)
        self._digital = digital
        # Some layers alone, where an arm leaves others to the device.
        self._parts: dict[Kinds, tuple[Scopes, DigitalArm]] = {
            None: (self._scopes, DigitalArm(digital, self._scopes, workload))
        }
        # Most phases belong to several methods, and much work to several phases.
        self._works: dict[tuple[DigitalWork | AnalogWork | MessageWork, Place, Runs | None], Cost] = {}
        self._costs: dict[Phase, Cost] = {}
        self._energies: dict[Phase, Cost | None] = {}
        self._laws: dict[SolverLaw | None, tuple[Draws, Status]] = {}

    def by_kind(self, kinds: Sequence[Kind]) -> Evaluation:
        """The same with kinds of layers in place of shapes."""
        found = copy.copy(self)
        found._scopes = self._scopes.by_kind(kinds)
        found._parts = {None: (found._scopes, DigitalArm(self._digital, found._scopes, self._workload))}
        found._works, found._costs, found._energies, found._laws = {}, {}, {}, {}
        return found

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Distinct layer shapes."""
        return self._scopes.shapes

    def quantity(self, path: str) -> Draws:
        """Draws of a quantity, shape (draws,)."""
        return self._drawn[path]

    def method(self, method: Method) -> dict[str, Cost]:
        """Cost of each phase of a method, by phase name."""
        return {phase.name: self.phase(phase) for phase in method.phases}

    def phase(self, phase: Phase) -> Cost:
        """Cost of a phase in one step."""
        if phase not in self._costs:
            self._costs[phase] = self._phase(phase)
        return self._costs[phase]

    def energy(self, method: Method) -> dict[str, Cost]:
        """Joules of each phase of a method in one step: analog work, and digital work where the card gives a power.

        Phases of which nothing is known are left out.
        """
        times = self.method(method)
        for phase in method.phases:
            if phase not in self._energies:
                self._energies[phase] = self._phase_energy(phase, times[phase.name])
        known = {phase.name: self._energies[phase] for phase in method.phases}
        return {name: energy for name, energy in known.items() if energy is not None}

    def waiting(self, method: Method) -> dict[str, Cost]:
        """Joules that devices draw in one step while they wait for the machine, by phase; nothing beside anything.

        A phase's digital work keeps a device busy for part of it. None where the card does not say what waiting takes.
        """
        if "digital.idle_power" not in self._drawn:
            return {}
        return {
            phase.name: self._while_waiting(phase, time)
            for phase, time in zip(method.phases, self.method(method).values(), strict=True)
            if any(isinstance(work, AnalogWork) for work in phase.works)
        }

    def _while_waiting(self, phase: Phase, time: Cost) -> Cost:
        share = self._runs_per_step(phase)
        digital = (work for work in phase.works if isinstance(work, DigitalWork))
        busy = np.sum([self._work(work, place(phase)).total for work in digital] or [np.zeros(1)], axis=0) * share
        joules = schedule.waiting_energy().evaluate(
            p=self._workload.devices,
            P_d=self._drawn["digital.idle_power"],
            t_i=np.maximum(time.total - busy, 0.0),
        )
        status = weakest((time.status, self.found["digital.idle_power"].status))
        return Cost(np.asarray(joules), self._no_layers(), status)

    def _phase_energy(self, phase: Phase, time: Cost) -> Cost | None:
        power = self._drawn.get("digital.power")
        if power is not None:
            power = power * self._workload.devices
        parts = [self._joules(work, phase) for work in phase.works if isinstance(work, AnalogWork)]
        if power is not None and not parts:
            parts = [self._at_power(time, power)]
        elif power is not None:
            share = self._runs_per_step(phase)
            digital = (work for work in phase.works if isinstance(work, DigitalWork))
            parts += [self._at_power(self._work(work, place(phase)), power * share) for work in digital]
        return total(parts) if parts else None

    def _at_power(self, time: Cost, power: Draws) -> Cost:
        status = weakest((time.status, self.found["digital.power"].status))
        return Cost(time.total * power, self._no_layers(), status)

    def _no_layers(self) -> Draws:
        """Joules are given for a network alone."""
        return np.zeros((0, self._scopes.draws))

    def factors(self, formulas: Sequence[Formula], more: Mapping[str, Draws]) -> dict[Formula, Draws]:
        """Values of formulas for the factors that stand for all, A then G, with some symbols given here."""
        return values_of(formulas, {**self._scopes.curved, **more})

    def status(self, formula: Formula) -> Status:
        """The weakest status among the quantities in a formula."""
        return self._scopes.status_of(formula)

    def symbol(self, letter: str) -> Draws:
        """Values of a symbol for those factors."""
        return self._scopes.curved[letter]

    @property
    def kind(self) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Position of the kind of layers of each layer that stands for others."""
        return self._scopes.curvature.kind

    def layer_counts(self, kinds: Kinds = None) -> Draws:
        """How many layers of some kinds each of those stands for, shape (standing,); the groups of a layer are one."""
        curvature = self._scopes.curvature
        counts = np.asarray(self._scopes.multiplicity[curvature.unit] * curvature.weight)
        return counts if kinds is None else counts * np.isin(curvature.kind, sorted(kinds))

    # --- phases ------------------------------------------------------------------------------------------------

    def _phase(self, phase: Phase) -> Cost:
        share = self._runs_per_step(phase)
        parts = [self._work(work, place(phase), phase.beside) for work in phase.works]
        if not np.isscalar(share) or share != 1.0:
            parts = [Cost(part.total * share, part.by_shape * share, part.status) for part in parts]
        cost = slowest(parts) if phase.pipelined else total(parts)
        cost = self._queued(phase, cost, share)
        floor = self._drawn.get("model.host_time")
        if not phase.fed_by_host or floor is None:
            return cost
        binds = median(floor) > median(cost.total)
        status = self.found["model.host_time"].status if binds else cost.status
        return Cost(np.maximum(cost.total, floor), cost.by_shape, status)

    def _queued(self, phase: Phase, cost: Cost, share: float | Draws) -> Cost:
        """The cost of a phase whose calls the host queues while the device works."""
        works = (work for work in phase.works if isinstance(work, DigitalWork))
        hosts = (self._part(work.kinds)[1].host(work, place(phase)) for work in works)
        host = add([np.zeros(1), *hosts]) * share
        return Cost(beside(cost.total, host), cost.by_shape, cost.status) if np.any(host) else cost

    def _runs_per_step(self, phase: Phase) -> float | Draws:
        if phase.interval is not None:
            return 1.0 / phase.interval
        match phase.cadence:
            case Cadence.STEP:
                return 1.0
            case Cadence.FACTOR_UPDATE:
                return 1.0 / self._interval("factor_interval")
            case Cadence.REFRESH:
                return 1.0 / self._interval("refresh_interval")
            case Cadence.RELOAD:
                kinds = next((work.kinds for work in phase.works if isinstance(work, AnalogWork)), None)
                resident = np.minimum(1.0, self._workload.machines * self._drawn["analog.arrays"] / self._blocks(kinds))
                return resident / self._interval("refresh_interval") + (1.0 - resident)

    def _interval(self, name: str) -> float | Draws:
        """Steps between two runs: the workload's, or that of each point where they differ in it."""
        steps: float | Draws = getattr(self._workload.kfac, name)
        return self._drawn.get(f"model.kfac.{name}", steps)

    def _part(self, kinds: Kinds) -> tuple[Scopes, DigitalArm]:
        """Scopes of some kinds of layers, and the device's work on them."""
        if kinds not in self._parts:
            assert kinds is not None  # all of them are there from the start
            scopes = self._scopes.part(kinds)
            self._parts[kinds] = scopes, DigitalArm(self._digital, scopes, self._workload, self._parts[None][1])
        return self._parts[kinds]

    def _blocks(self, kinds: Kinds) -> Draws:
        """Array-sized blocks of all layers of some kinds."""
        scopes, _ = self._part(kinds)
        values = scopes.values[Scope.FACTOR]
        blocks = np.ceil(values["n"] / values["m"])
        return np.asanyarray(np.sum(blocks * scopes.weight(Scope.FACTOR, pairs=True), axis=0))

    def _work(self, work: DigitalWork | AnalogWork | MessageWork, where: Place, beside: Runs | None = None) -> Cost:
        key = (work, where, beside)
        if key not in self._works:
            scopes, arm = self._part(work.kinds)
            if isinstance(work, AnalogWork):
                found = self._analog_work(work, beside, scopes)
            else:
                found = arm.message(work) if isinstance(work, MessageWork) else arm.cost(work, where)
            # The mean over the layers of a shape, of which only some have this work.
            self._works[key] = found if scopes.share is None else replace(found, by_shape=found.by_shape * scopes.share)
        return self._works[key]

    # --- analog ------------------------------------------------------------------------------------------------

    def _analog_work(self, work: AnalogWork, beside: Runs | None, scopes: Scopes) -> Cost:
        factor, known = self._law_factor(work)
        terms = [
            Term(
                self._with_law(part, factor, work.tolerance, scopes),
                weakest((self._status(part, work.tolerance), known)),
            )
            for part in work.time.summands
        ]
        weight = scopes.weight(Scope.FACTOR, pairs=True)
        seconds = add(term.seconds for term in terms)
        if beside is not None and self._analog.readout_overlaps_settling:
            seconds = np.maximum(seconds - self._read_beside(work, beside, scopes), 0.0)
        status = scopes.status(terms, weight)
        machines = self._workload.machines
        whole = scopes.sum(seconds * weight)
        if work.resource is Resource.LINK and machines > 1:
            whole = np.maximum(whole / machines, scopes.longest(seconds))
        if work.resource is Resource.ARRAYS:
            jobs = seconds if work.systems is None else seconds / scopes.evaluate(work.systems, Scope.FACTOR)
            jobs = scopes.per_layer(jobs, Scope.FACTOR) if work.chained else jobs
            # List scheduling can do no better than this, and greedy comes close when jobs are many.
            whole = np.maximum(whole / (machines * self._drawn["analog.arrays"]), scopes.longest(jobs))
        pairs = np.array([shape.pairs for shape in self.shapes], dtype=float)[:, None]
        return Cost(whole, scopes.per_layer(seconds, Scope.FACTOR) * pairs, status)

    def _read_beside(self, reading: AnalogWork, runs: Runs, scopes: Scopes) -> Draws:
        """What of a reading goes on beside the runs it reads, for each factor of each shape."""
        taken: Draws = np.zeros((1, 1))
        for work in runs.works:
            factor, _ = self._law_factor(work)
            parts = (scopes.standing(part, work.tolerance) * factor for part in work.time.summands)
            taken = taken + add(parts)
        arrays, machines = self._drawn["analog.arrays"][None, :], self._workload.machines
        factors = np.sum(scopes.weight(Scope.FACTOR, pairs=True))
        of_link = reading.resource is Resource.LINK
        each = taken / self.factors([runs.count], {})[runs.count]
        known = {
            "t": each / arrays if of_link else each,  # the link serves all arrays of a machine
            "P": np.maximum(1.0, machines * arrays / factors),
        }
        formula = runs.link if of_link else runs.convert
        return scopes.curvature.mean(self.factors([formula], known)[formula])

    def _joules(self, work: AnalogWork, phase: Phase) -> Cost:
        """Energy of analog work; how it is scheduled over arrays does not change it."""
        if work.energy is None:
            return Cost(np.zeros(self._scopes.draws), self._no_layers(), Status.MEASURED)
        share = self._runs_per_step(phase)
        factor, known = self._law_factor(work)
        scopes, _ = self._part(work.kinds)
        joules = add(self._with_law(part, factor, work.tolerance, scopes) for part in work.energy.summands) * share
        whole = scopes.sum(joules * scopes.weight(Scope.FACTOR, pairs=True))
        status = weakest((self._status(work.energy, work.tolerance), known))
        return Cost(whole, self._no_layers(), status)

    def _law_factor(self, work: AnalogWork) -> tuple[Draws, Status]:
        """What the machine's solver makes of the law of analog work, and how far that can be trusted."""
        if work.law not in self._laws:
            values, factors = self._scopes.curved, self._analog.solver
            self._laws[work.law] = law_factor(work, factors, self._drawn), law_status(work, factors, values)
        return self._laws[work.law]

    def _status(self, part: Formula | Summand, tolerance: Formula | None) -> Status:
        """The weakest status among the quantities in a part of a formula and in what stands for epsilon there."""
        own = self._scopes.status_of(part)
        return own if tolerance is None else weakest((own, self._scopes.status_of(tolerance)))

    def _with_law(self, part: Summand, factor: Draws, tolerance: Formula | None, scopes: Scopes) -> Draws:
        """A part of the time or the energy of analog work, for each factor of each shape."""
        if factor.size == 1:
            found = scopes.summand(part, Scope.FACTOR, tolerance)
            return found if factor[0, 0] == 1 else found * factor
        return scopes.curvature.mean(scopes.standing(part, tolerance) * factor)
