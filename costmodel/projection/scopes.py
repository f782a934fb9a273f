"""What formulas are evaluated for: the model as a whole, each layer shape, each factor; and how such units add up.

Arrays have two axes: shapes (or shapes twice over, for the factors A and G) and draws. A shape that occurs in many
layers is evaluated once, in an order fixed by the shapes themselves, so that two ways of writing one model give the
same bytes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from costmodel.formulas import Formula
from costmodel.formulas.code import Summand, add
from costmodel.machines.cards import RelaxationOf
from costmodel.machines.laws import Term
from costmodel.methods import Layers, Method, Scope
from costmodel.projection.cost import MATTERS, weakest_that_matters
from costmodel.projection.draws import Sample
from costmodel.projection.standing import Kind
from costmodel.projection.values import CURVED, evaluate, paths_behind, symbol_values, values_of
from costmodel.quantities.estimate import Draws, Status, weakest
from costmodel.workloads.workload import Shape, Workload


class Scopes:
    """Every formula of some methods, evaluated on one network under one set of draws.

    Attributes:
        sample: The draws.
        found: Every quantity by path.
        drawn: Draws of each, shape (draws,).
        draws: How many.
        shapes: Distinct layer shapes.
        multiplicity: Layers of each shape, shape (shapes,).
        values: Values of the symbols, by scope and letter.
        curved: Values of the symbols for the factors that stand for all of a shape.
        curvature: Which those are.
        share: Share of the layers of each shape that these scopes are of, a column; None where it is all of them.
    """

    share: Draws | None = None

    def __init__(
        self,
        workload: Workload,
        methods: Iterable[Method],
        sample: Sample,
        relaxation: RelaxationOf = RelaxationOf.LARGEST_EIGENVALUE,
    ) -> None:
        self.sample, self.found, self.drawn, self.draws = sample, sample.found, sample.drawn, sample.count
        counted = workload.shapes()
        self.shapes: tuple[Shape, ...] = tuple(shape for shape, _ in counted)
        self.multiplicity = np.array([count for _, count in counted], dtype=float)
        self._statuses: dict[str, Status] = {}
        self._weights: dict[tuple[Scope, bool, Layers], Draws] = {}
        methods = tuple(methods)
        deliveries = {method.delivers for method in methods if method.delivers is not None}
        values = symbol_values(workload, self.shapes, sample, relaxation, deliveries)
        self.values, self.curved, self.curvature = values.scopes, values.curved, values.curvature
        flat: dict[Scope, dict[Summand, None]] = {scope: {} for scope in Scope}
        curved: dict[Formula | None, dict[Summand, None]] = {None: {}}
        phases = dict.fromkeys(phase for method in methods for phase in method.phases)  # most belong to several
        for wanted in (wanted for phase in phases for wanted in phase.wanted()):
            if _is_curved(wanted.part, wanted.tolerance):
                curved.setdefault(_tolerance(wanted.part, wanted.tolerance), {})[wanted.part] = None
            else:
                flat[wanted.scope][wanted.part] = None
        self._evaluated = {scope: evaluate(list(each), self.values[scope]) for scope, each in flat.items()}
        self._curved: dict[tuple[Summand, Formula | None], Draws] = {}
        tolerances = values_of([each for each in curved if each is not None], self.curved)
        for tolerance, parts in curved.items():
            own = {} if tolerance is None else {"epsilon": tolerances[tolerance]}
            found = evaluate(list(parts), {**self.curved, **own})
            self._curved |= {(part, tolerance): value for part, value in found.items()}
        self._means: dict[tuple[Summand, Formula | None], Draws] = {}

    def part(self, kinds: frozenset[int]) -> Scopes:
        """The same of some kinds of layers alone; shapes without one stay in place, with no layers."""
        curvature = self.curvature
        chosen = np.isin(curvature.kind, sorted(kinds))
        shares = np.bincount(curvature.unit, weights=curvature.weight * chosen, minlength=len(self.shapes))
        count = np.round(self.multiplicity * shares)  # kinds are whole layers
        present = (count > 0)[curvature.unit]
        # Where a shape has no layer here, its mean is not asked for; it keeps its weights, so that it has one.
        weight = np.where(
            present, curvature.weight * chosen / np.where(present, shares[curvature.unit], 1.0), curvature.weight
        )
        found = copy.copy(self)
        found.share = (count / self.multiplicity)[:, None]
        found.multiplicity, found.curvature = count, replace(curvature, weight=weight)
        found._weights, found._means = {}, {}
        return found

    @property
    def whole_shapes(self) -> bool:
        """Whether of every shape there are all layers or none, so that means over those of a shape are of all."""
        return self.share is None or bool(np.all((self.share == 0) | (self.share == 1)))

    def by_kind(self, kinds: Sequence[Kind]) -> Scopes:
        """The same with kinds of layers in place of shapes."""
        shapes = len(self.shapes)
        of_layer = np.array([kind.unit for kind in kinds], dtype=np.intp)
        rows = {
            Scope.LAYER: (of_layer, shapes),
            Scope.FACTOR: (np.concatenate([of_layer, of_layer + shapes]), 2 * shapes),
        }

        def spread(scope: Scope, values: Mapping[Any, Draws]) -> dict[Any, Draws]:
            index, whole = rows.get(scope, (of_layer, 0))
            return {key: each[index] if len(each) == whole else each for key, each in values.items()}

        curvature = self.curvature
        of_kind = np.bincount(curvature.kind, weights=curvature.weight)
        found = copy.copy(self)
        found.shapes = tuple(self.shapes[kind.unit] for kind in kinds)
        found.multiplicity = np.array([len(kind.layers) for kind in kinds], dtype=float)
        found.values = {scope: spread(scope, values) for scope, values in self.values.items()}
        found._evaluated = {scope: spread(scope, values) for scope, values in self._evaluated.items()}
        weight = curvature.weight / of_kind[curvature.kind]
        found.curvature = replace(curvature, unit=curvature.kind, weight=weight)
        found._weights, found._means = {}, {}
        return found

    def longest(self, seconds: Draws) -> Draws:
        """The longest over the units of layers or factors that there are, shape (draws,)."""
        if self.share is None:
            return np.asanyarray(np.max(seconds, axis=0))
        there = np.tile(self.share > 0, (max(1, len(seconds) // len(self.share)), 1))
        return np.asanyarray(np.max(np.where(there, seconds, 0.0), axis=0))

    def evaluate(self, count: float | Formula, scope: Scope, tolerance: Formula | None = None) -> Draws:
        """Values of a count for each unit of a scope; ``tolerance`` stands for epsilon where there is one."""
        if isinstance(count, Formula):
            return np.asanyarray(add(self.summand(part, scope, tolerance) for part in count.summands))
        return np.full((1, 1), float(count))

    def summand(self, part: Summand, scope: Scope, tolerance: Formula | None = None) -> Draws:
        """Values of an additive part of a formula; where layers of a shape differ, their mean."""
        key = (part, _tolerance(part, tolerance))
        if key not in self._curved:
            return self._evaluated[scope][part]
        if key not in self._means:
            self._means[key] = self.curvature.mean(self._curved[key])
        return self._means[key]

    def standing(self, part: Summand, tolerance: Formula | None = None) -> Draws:
        """Values of an additive part of a formula for the factors that stand for all of a shape."""
        key = (part, _tolerance(part, tolerance))
        if key in self._curved:
            return self._curved[key]
        return self.curvature.spread(self._evaluated[Scope.FACTOR][part])

    def dimension(self, letter: str, scope: Scope) -> Draws:
        """Typical values of a symbol for each unit of a scope: the median of a rank that is drawn.

        A column; one for each draw where draws are of several points that differ in it.
        """
        drawn = self.values[scope].get(letter)
        values = self.curvature.mean(self.curved[letter]) if drawn is None else np.atleast_2d(drawn)
        # A mean of whole ranks is a half as often as not; its last digits, which depend on the order of a sum, must not
        # decide to which whole number a law rounds it.
        return np.asarray(np.round(self.sample.medians(values), 9))

    def pairs(self, scope: Scope) -> Draws:
        """Equal factor pairs of each unit, a column."""
        return np.asarray(self.values[scope]["pairs"], dtype=float)

    def weight(self, scope: Scope, *, pairs: bool, layers: Layers = Layers.ALL) -> Draws:
        """How many times each unit of a scope occurs, as a column; ``pairs`` counts equal pairs of a layer apart."""
        key = (scope, pairs, layers)
        if key not in self._weights:
            self._weights[key] = self._weight(scope, pairs, layers)
        return self._weights[key]

    def _weight(self, scope: Scope, pairs: bool, layers: Layers) -> Draws:
        if scope is Scope.MODEL:
            return np.ones((1, 1))
        weight = self.multiplicity * self._having(layers)
        if pairs:
            weight = weight * np.array([shape.pairs for shape in self.shapes])
        return np.tile(weight, 1 if scope is Scope.LAYER else 2)[:, None]

    def _having(self, layers: Layers) -> Draws:
        """One for shapes that a work belongs to, zero for others."""
        if layers is Layers.ALL:
            return np.ones(len(self.shapes))
        patches = np.array([shape.patches for shape in self.shapes])
        return np.asarray(patches if layers is Layers.CONVOLUTION else ~patches, dtype=float)

    def per_layer(self, seconds: Draws, scope: Scope, layers: Layers = Layers.ALL) -> Draws:
        """Seconds of one layer of each shape, A and G together; work of the model as a whole belongs to no layer."""
        shapes = len(self.shapes)
        if scope is Scope.MODEL:
            return np.zeros((shapes, self.draws))
        # A law that only counts calls has one number for all units.
        units = shapes if scope is Scope.LAYER else 2 * shapes
        whole = np.broadcast_to(seconds, (units, self.draws))
        each = whole if scope is Scope.LAYER else whole[:shapes] + whole[shapes:]
        return each if layers is Layers.ALL else each * self._having(layers)[:, None]

    def sum(self, weighted: Draws) -> Draws:
        """Sum over units, shape (draws,)."""
        return np.broadcast_to(np.sum(weighted, axis=0), (self.draws,))

    def status(self, terms: Iterable[Term], weight: Draws) -> Status:
        """The weakest status of the terms that matter in their sum over all units.

        Of many points nothing is said, since what matters differs from one to the next.
        """
        if self.sample.per_point:
            return Status.MEASURED
        terms = list(terms)
        # Of few terms the largest matters, and it takes time; nothing has to be summed to know their one status.
        alike = len({term.status for term in terms}) == 1 and len(terms) * MATTERS < 1
        if alike and np.any(weight) and any(np.all(term.seconds > 0) for term in terms):
            return terms[0].status
        return weakest_that_matters((self.sum(term.seconds * weight), term.status) for term in terms)

    def status_of(self, part: Formula | Summand) -> Status:
        """The weakest status among the quantities in a formula or a part of one; sizes are exact."""
        return weakest(self._symbol_status(letter) for letter in part.letters)

    def _symbol_status(self, letter: str) -> Status:
        if letter not in self._statuses:
            paths = paths_behind(letter, self.found)
            self._statuses[letter] = weakest(self.found[path].status for path in paths)
        return self._statuses[letter]


def _is_curved(part: Summand, tolerance: Formula | None) -> bool:
    """Whether its values differ between layers of a shape."""
    return not CURVED.isdisjoint(part.letters) or _tolerance(part, tolerance) is not None


def _tolerance(part: Summand, tolerance: Formula | None) -> Formula | None:
    """What stands for epsilon in a part; None where it holds none."""
    return tolerance if "epsilon" in part.letters else None
