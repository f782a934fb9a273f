"""What formulas are evaluated for: the model as a whole, each layer shape, each factor; and how such units add up.

Arrays have two axes: shapes (or shapes twice over, for the factors A and G) and draws. A shape that occurs in many
layers is evaluated once, in an order fixed by the shapes themselves, so that two ways of writing one model give the
same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from costmodel.formulas import Formula
from costmodel.machines.laws import Term
from costmodel.methods import Layers, Method, Scope
from costmodel.projection.cost import weakest_that_matters
from costmodel.projection.draws import Sample
from costmodel.projection.values import CURVED, evaluate, paths_behind, symbol_values
from costmodel.quantities.estimate import Draws, Status, weakest
from costmodel.quantities.symbols import Expression
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
    """

    def __init__(
        self,
        workload: Workload,
        methods: Iterable[Method],
        sample: Sample,
    ) -> None:
        self.sample, self.found, self.drawn, self.draws = sample, sample.found, sample.drawn, sample.count
        counted = workload.shapes()
        self.shapes: tuple[Shape, ...] = tuple(shape for shape, _ in counted)
        self.multiplicity = np.array([count for _, count in counted], dtype=float)
        values = symbol_values(workload, self.shapes, sample)
        self.values, self.curved, self.curvature = values.scopes, values.curved, values.curvature
        self._statuses: dict[Expression, Status] = {}
        wanted: dict[Scope, dict[Expression, None]] = {scope: {} for scope in Scope}
        curved: dict[Expression, None] = {}
        for method in methods:
            for scope, expression in method.expressions():
                (curved if _is_curved(expression) else wanted[scope])[expression] = None
        self._evaluated = {scope: evaluate(list(each), self.values[scope]) for scope, each in wanted.items()}
        self._curved = evaluate(list(curved), self.curved)
        self._means: dict[Expression, Draws] = {}

    def evaluate(self, count: float | Formula, scope: Scope) -> Draws:
        """Values of a count for each unit of a scope."""
        if isinstance(count, Formula):
            return self.expression(count.expression, scope)
        return np.full((1, 1), float(count))

    def expression(self, term: Expression, scope: Scope) -> Draws:
        """Values of a part of a formula; where layers of a shape differ, their mean."""
        if term not in self._curved:
            return self._evaluated[scope][term]
        if term not in self._means:
            self._means[term] = self.curvature.mean(self._curved[term])
        return self._means[term]

    def standing(self, term: Expression) -> Draws:
        """Values of a part of a formula of factors for those that stand for all of a shape."""
        if term in self._curved:
            return self._curved[term]
        return self.curvature.spread(self._evaluated[Scope.FACTOR][term])

    def dimension(self, letter: str, scope: Scope) -> Draws:
        """Typical values of a symbol for each unit of a scope, a column: the median of one that is drawn, a rank say."""
        drawn = self.values[scope].get(letter)
        values = self.curvature.mean(self.curved[letter]) if drawn is None else np.atleast_2d(drawn)
        return np.asarray(np.median(values, axis=1, keepdims=True))

    def pairs(self, scope: Scope) -> Draws:
        """Equal factor pairs of each unit, a column."""
        return np.asarray(self.values[scope]["pairs"], dtype=float)

    def weight(self, scope: Scope, *, pairs: bool, layers: Layers = Layers.ALL) -> Draws:
        """How many times each unit of a scope occurs, as a column; ``pairs`` counts equal pairs of a layer apart."""
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
        return each * self._having(layers)[:, None]

    def sum(self, weighted: Draws) -> Draws:
        """Sum over units, shape (draws,)."""
        return np.broadcast_to(np.sum(weighted, axis=0), (self.draws,))

    def status(self, terms: Iterable[Term], weight: Draws) -> Status:
        """The weakest status of the terms that matter in their sum over all units."""
        return weakest_that_matters((self.sum(term.seconds * weight), term.status) for term in terms)

    def status_of(self, term: Expression) -> Status:
        """The weakest status among the quantities in an expression; sizes are exact."""
        if term not in self._statuses:
            self._statuses[term] = weakest(self._symbol_status(str(symbol.name)) for symbol in term.free_symbols)
        return self._statuses[term]

    def _symbol_status(self, letter: str) -> Status:
        return weakest(self.found[path].status for path in paths_behind(letter, self.found))


def _is_curved(expression: Expression) -> bool:
    return any(str(symbol.name) in CURVED for symbol in expression.free_symbols)
