"""Counts times rates, for every shape of a network and every draw at once.

Arrays have two axes: shapes (or shapes twice over, for the factors A and G) and draws. A shape that occurs in many
layers is evaluated once, in an order fixed by the shapes themselves, so that two ways of writing one model give the
same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import sympy as sp

from costmodel.defaults import Scenario
from costmodel.formulas import Formula
from costmodel.machines.cards import AnalogCard, DigitalCard, Primitive, StandIn
from costmodel.machines.laws import FittedLaw
from costmodel.methods import AnalogWork, Cadence, DigitalWork, Method, Phase, Resource, Scope
from costmodel.projection.analog import law_factor, law_status
from costmodel.projection.cost import Cost, add, slowest, total, weakest_that_matters
from costmodel.projection.draws import draw_all, quantities
from costmodel.projection.values import PATHS, evaluate, symbol_values
from costmodel.quantities.estimate import Draws, Quantity, Status, standard_normal, weakest
from costmodel.quantities.symbols import Expression
from costmodel.workloads.workload import Shape, Workload

#: Outside the sizes a law was fitted on, its logarithm spreads by this much (one standard deviation) for each factor e.
#: Assumed: it makes a prediction at 7 times the fitted size uncertain by a factor 1.6 either way.
EXTRAPOLATION_SPREAD: Final = 0.15


@dataclass(frozen=True, slots=True)
class _Term:
    """One additive part of a time: seconds of one unit of its scope, and what it rests on."""

    seconds: Draws
    status: Status


class Evaluation:
    """One network on one digital device and one analog machine, under one set of draws.

    Attributes:
        found: Every quantity by path, as drawn.
        shapes: Distinct layer shapes.
        multiplicity: Layers of each shape, shape (shapes,).
    """

    def __init__(
        self,
        workload: Workload,
        digital: DigitalCard,
        analog: AnalogCard,
        methods: Iterable[Method],
        draws: int,
        seed: int,
        scenario: Scenario,
    ) -> None:
        self._workload, self._digital, self._analog = workload, digital, analog
        self._count, self._seed = draws, seed
        self.found: dict[str, Quantity] = quantities(workload, digital, analog)
        self._drawn = draw_all(self.found, draws, seed, scenario)
        counted = workload.shapes()
        self.shapes: tuple[Shape, ...] = tuple(shape for shape, _ in counted)
        self.multiplicity = np.array([count for _, count in counted], dtype=float)
        self._costs: dict[Phase, Cost] = {}  # most phases belong to several methods
        self._statuses: dict[Expression, Status] = {}
        self._values = symbol_values(workload, self.shapes, self._drawn)
        self._evaluated = {scope: evaluate(each, self._values[scope]) for scope, each in _expressions(methods).items()}

    def quantity(self, path: str) -> Draws:
        """Draws of a quantity, shape (draws,)."""
        return self._drawn[path]

    def method(self, method: Method) -> dict[str, Cost]:
        """Cost of each phase of a method, by phase name."""
        for phase in method.phases:
            if phase not in self._costs:
                self._costs[phase] = self._phase(phase)
        return {phase.name: self._costs[phase] for phase in method.phases}

    def energy(self, method: Method, times: Mapping[str, Cost]) -> dict[str, Cost]:
        """Joules of each phase of a method in one step: analog work, and digital work where the card gives a power.

        Phases of which nothing is known are left out.
        """
        power = self._drawn.get("digital.power")
        joules = {}
        for phase in method.phases:
            parts = [self._joules(work, phase.cadence) for work in phase.works if isinstance(work, AnalogWork)]
            if power is not None and not parts:
                parts = [self._at_power(times[phase.name], power)]
            elif power is not None:
                share = self._runs_per_step(phase.cadence)
                digital = (work for work in phase.works if isinstance(work, DigitalWork))
                parts += [self._at_power(self._work(work), power * share) for work in digital]
            if parts:
                joules[phase.name] = total(parts)
        return joules

    def _at_power(self, time: Cost, power: Draws) -> Cost:
        status = weakest((time.status, self.found["digital.power"].status))
        return Cost(time.total * power, time.by_shape * power, status)

    def factors(self, expressions: Sequence[Expression], more: Mapping[str, Draws]) -> dict[Expression, Draws]:
        """Values of expressions for the factors A of all shapes, then G, with some symbols given here."""
        return evaluate(expressions, {**self._values[Scope.FACTOR], **more})

    def factor_counts(self) -> Draws:
        """How many factors each of those stands for, as a column."""
        return self._weight(Scope.FACTOR, pairs=True)

    # --- phases ------------------------------------------------------------------------------------------------

    def _phase(self, phase: Phase) -> Cost:
        share = self._runs_per_step(phase.cadence)
        parts = [self._work(work) for work in phase.works]
        parts = [Cost(part.total * share, part.by_shape * share, part.status) for part in parts]
        cost = slowest(parts) if phase.pipelined else total(parts)
        floor = self._drawn.get("model.host_time")
        if phase.name == "forward_backward" and floor is not None and np.median(floor) > np.median(cost.total):
            status = self.found["model.host_time"].status
            return Cost(np.maximum(cost.total, floor), cost.by_shape, status)
        return cost

    def _runs_per_step(self, cadence: Cadence) -> float | Draws:
        kfac = self._workload.kfac
        match cadence:
            case Cadence.STEP:
                return 1.0
            case Cadence.FACTOR_UPDATE:
                return 1.0 / kfac.factor_interval
            case Cadence.REFRESH:
                return 1.0 / kfac.refresh_interval
            case Cadence.RELOAD:
                resident = np.minimum(1.0, self._drawn["analog.arrays"] / self._blocks())
                return resident / kfac.refresh_interval + (1.0 - resident)

    def _blocks(self) -> Draws:
        """Array-sized blocks of the whole network."""
        values = self._values[Scope.FACTOR]
        blocks = np.ceil(values["n"] / values["m"])
        return np.asarray(np.sum(blocks * self._weight(Scope.FACTOR, pairs=True), axis=0))

    def _work(self, work: DigitalWork | AnalogWork) -> Cost:
        if isinstance(work, AnalogWork):
            return self._analog_work(work)
        terms = self._digital_terms(work)
        weight = self._weight(work.scope, pairs=False)
        seconds = add(term.seconds for term in terms)
        return Cost(self._sum(seconds * weight), self._per_layer(seconds, work.scope), self._status(terms, weight))

    def _per_layer(self, seconds: Draws, scope: Scope) -> Draws:
        """Seconds of one layer of each shape, A and G together; work of the model as a whole belongs to no layer."""
        shapes = len(self.shapes)
        if scope is Scope.MODEL:
            return np.zeros((shapes, self._count))
        # A law that only counts calls has one number for all units.
        units = shapes if scope is Scope.LAYER else 2 * shapes
        whole = np.broadcast_to(seconds, (units, self._count))
        return whole if scope is Scope.LAYER else whole[:shapes] + whole[shapes:]

    def _weight(self, scope: Scope, pairs: bool) -> Draws:
        """How many times each unit of a scope occurs, as a column; ``pairs`` counts equal pairs of a layer apart."""
        if scope is Scope.MODEL:
            return np.ones((1, 1))
        weight = self.multiplicity * (np.array([shape.pairs for shape in self.shapes]) if pairs else 1.0)
        return np.tile(weight, 1 if scope is Scope.LAYER else 2)[:, None]

    def _sum(self, weighted: Draws) -> Draws:
        """Sum over shapes, shape (draws,)."""
        return np.broadcast_to(np.sum(weighted, axis=0), (self._count,))

    def _status(self, terms: Iterable[_Term], weight: Draws) -> Status:
        return weakest_that_matters((self._sum(term.seconds * weight), term.status) for term in terms)

    # --- digital -----------------------------------------------------------------------------------------------

    def _digital_terms(self, work: DigitalWork) -> list[_Term]:
        """Launch x calls + elements x element_time + bytes / bandwidth + FLOPs / rate, each a term of its own."""
        pairs = self._values[work.scope]["pairs"]
        stand_in = self._digital.stand_in(work.primitive)
        primitive = stand_in.primitive if stand_in else work.primitive
        fitted = self._digital.laws[primitive].fitted
        if fitted is not None:
            return self._fitted_terms(work, primitive, fitted, stand_in)
        law = self._digital.laws[primitive].quantities()
        counts = {
            "launch": self._evaluate(work.calls, work.scope) / (self._batch(work.scope) if work.batched else 1.0),
            "element_time": None if work.elements is None else self._evaluate(work.elements, work.scope) * pairs,
            "bandwidth": None if work.bytes is None else self._evaluate(work.bytes, work.scope) * pairs,
            "rate": None if work.flops is None else self._evaluate(work.flops, work.scope) * pairs,
        }
        terms = [_Term(np.zeros((1, 1)), Status.MEASURED)]
        for name, quantity in law.items():
            count = counts[name]
            if count is None:
                continue
            constant = self._drawn[f"digital.primitives.{primitive}.{name}"]
            seconds = count / constant if name in {"bandwidth", "rate"} else count * constant
            seconds = seconds * (stand_in.share(name) if stand_in else 1.0)
            excess = self._extrapolation(quantity, work.scope)
            widened = seconds * np.exp(EXTRAPOLATION_SPREAD * np.log(excess) * self._unexplained(work))
            outside = np.any((excess > 1) & (widened > 0))
            statuses = [quantity.status, *self._count_statuses(work)]
            statuses += [Status.EXTRAPOLATED] * bool(outside) + [Status.ASSUMED] * (stand_in is not None)
            terms.append(_Term(widened, weakest(statuses)))
        return terms

    def _fitted_terms(
        self, work: DigitalWork, primitive: Primitive, law: FittedLaw, stand_in: StandIn | None
    ) -> list[_Term]:
        """Sizes inside and outside the data of a law fitted to timings, each part with its status."""
        sizes = np.full((1, 1), law.domain[1]) if work.scope is Scope.MODEL else self._size(work.scope)
        per_unit = np.array([law.per_unit(size, int(size)) for size in sizes[:, 0]])[:, None]
        pairs = self._values[work.scope]["pairs"]
        launch, element = (stand_in.share(term) if stand_in else 1.0 for term in ("launch", "element_time"))
        calls = self._evaluate(work.calls, work.scope) / (self._batch(work.scope) if work.batched else 1.0)
        seconds = launch * law.launch * calls + law.item * pairs
        for count, cost in ((work.elements, element * law.element), (work.flops, per_unit)):
            if count is not None:
                seconds = seconds + self._evaluate(count, work.scope) * pairs * cost
        scatter = self._digital.laws[primitive].scatter
        assert scatter is not None  # a fitted law comes with one
        excess = self._extrapolation(scatter, work.scope)
        widened = np.exp(law.growth * np.log(excess) * self._unexplained(work))
        seconds = seconds * self._drawn[f"digital.primitives.{primitive}.scatter"] * widened
        statuses = [scatter.status, *self._count_statuses(work), *([Status.ASSUMED] if stand_in else [])]
        beyond = weakest([*statuses, Status.EXTRAPOLATED])
        return [_Term(seconds * (excess == 1), weakest(statuses)), _Term(seconds * (excess > 1), beyond)]

    def _size(self, scope: Scope) -> Draws:
        """The matrix size a law is looked up at: n of a factor, the larger dimension of a layer."""
        values = self._values[scope]
        return values["n"] if scope is Scope.FACTOR else np.maximum(values["a"], values["g"])

    def _count_statuses(self, work: DigitalWork) -> list[Status]:
        """Statuses of what the counts rest on beside exact sizes: iterations on kappa, sketches on their rank."""
        counts = (work.calls, work.flops, work.elements, work.bytes)
        return [self._status_of(count.expression) for count in counts if isinstance(count, Formula)]

    def _batch(self, scope: Scope) -> Draws:
        """Units of the same size in the whole network, for each unit of a scope, as a column."""
        weight = self._weight(scope, pairs=False)
        if scope is not Scope.FACTOR:
            return weight
        _, group = np.unique(self._values[scope]["n"][:, 0], return_inverse=True)
        sizes = np.asarray(np.bincount(group, weights=weight[:, 0]), dtype=float)
        return sizes[group][:, None]

    def _extrapolation(self, quantity: Quantity, scope: Scope) -> Draws:
        """How many times a unit's size lies outside the sizes a law was fitted on; 1 inside."""
        if quantity.domain is None or scope is Scope.MODEL:
            return np.ones((1, 1))
        size = self._size(scope)
        smallest, largest = quantity.domain
        return np.maximum(1.0, np.maximum(size / largest, smallest / size))

    def _unexplained(self, work: DigitalWork) -> Draws:
        return standard_normal(f"digital.primitives.{work.primitive}.extrapolation", self._count, self._seed)

    # --- analog ------------------------------------------------------------------------------------------------

    def _analog_work(self, work: AnalogWork) -> Cost:
        factor, known = self._law_factor(work)
        terms = [
            _Term(self._evaluated[Scope.FACTOR][term] * factor, weakest((self._status_of(term), known)))
            for term in sp.Add.make_args(work.time.expression)
        ]
        weight = self._weight(Scope.FACTOR, pairs=True)
        seconds = add(term.seconds for term in terms)
        status = self._status(terms, weight)
        whole = self._sum(seconds * weight)
        if work.resource is Resource.ARRAYS:
            jobs = seconds if work.systems is None else seconds / self._evaluate(work.systems, Scope.FACTOR)
            jobs = self._per_layer(jobs, Scope.FACTOR) if work.chained else jobs
            # List scheduling can do no better than this, and greedy comes close when jobs are many.
            whole = np.maximum(whole / self._drawn["analog.arrays"], np.max(jobs, axis=0))
        pairs = np.array([shape.pairs for shape in self.shapes], dtype=float)[:, None]
        return Cost(whole, self._per_layer(seconds, Scope.FACTOR) * pairs, status)

    def _joules(self, work: AnalogWork, cadence: Cadence) -> Cost:
        """Energy of analog work; how it is scheduled over arrays does not change it."""
        if work.energy is None:
            zero = np.zeros((len(self.shapes), self._count))
            return Cost(zero[0], zero, Status.MEASURED)
        share = self._runs_per_step(cadence)
        factor, known = self._law_factor(work)
        joules = self._evaluated[Scope.FACTOR][work.energy.expression] * factor * share
        pairs = np.array([shape.pairs for shape in self.shapes], dtype=float)[:, None]
        whole = self._sum(joules * self._weight(Scope.FACTOR, pairs=True))
        status = weakest((self._status_of(work.energy.expression), known))
        return Cost(whole, self._per_layer(joules, Scope.FACTOR) * pairs, status)

    def _law_factor(self, work: AnalogWork) -> tuple[Draws, Status]:
        """What the machine's solver makes of the law of analog work, and how far that can be trusted."""
        values, factors = self._values[Scope.FACTOR], self._analog.solver
        return law_factor(work, factors, self._drawn, values), law_status(work, factors, values)

    def _status_of(self, term: Expression) -> Status:
        """The weakest status among the quantities in an expression; sizes are exact."""
        if term not in self._statuses:
            self._statuses[term] = weakest(self._symbol_status(str(symbol.name)) for symbol in term.free_symbols)
        return self._statuses[term]

    def _symbol_status(self, letter: str) -> Status:
        paths = PATHS.get(letter, ())
        return weakest(self.found[path].status for path in paths if path in self.found)

    def _evaluate(self, count: float | Formula, scope: Scope) -> Draws:
        if isinstance(count, Formula):
            return self._evaluated[scope][count.expression]
        return np.full((1, 1), float(count))


def _expressions(methods: Iterable[Method]) -> dict[Scope, list[Expression]]:
    """Every expression the methods' work is made of, by scope; times term by term, so that each has its own status."""
    found: dict[Scope, dict[Expression, None]] = {scope: {} for scope in Scope}
    for method in methods:
        for phase in method.phases:
            for work in phase.works:
                match work:
                    case AnalogWork():
                        found[Scope.FACTOR] |= dict.fromkeys(sp.Add.make_args(work.time.expression))
                        more = (work.energy, work.systems)
                        found[Scope.FACTOR] |= dict.fromkeys(each.expression for each in more if each is not None)
                    case DigitalWork():
                        counts = (work.calls, work.flops, work.elements, work.bytes)
                        used = [count.expression for count in counts if isinstance(count, Formula)]
                        found[work.scope] |= dict.fromkeys(used)
    return {scope: list(expressions) for scope, expressions in found.items()}
