"""Digital work times a card's laws: the seconds of every call of an operation on one network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import numpy as np

from costmodel.formulas import Formula
from costmodel.formulas.code import add
from costmodel.machines.cards import DigitalCard
from costmodel.machines.laws import Context, FittedLaw, Law, Term, Work
from costmodel.machines.operations import OPERATIONS, Part
from costmodel.machines.precision import OUTPUTS, Precision, law_name, precision_of
from costmodel.methods import DigitalWork, Layers, MessageWork, Scope
from costmodel.methods.distribution import Place
from costmodel.projection.cost import Cost
from costmodel.projection.placement import busiest
from costmodel.projection.scopes import Scopes
from costmodel.projection.values import CURVED
from costmodel.quantities.estimate import Draws, Status, weakest
from costmodel.workloads.workload import Workload

#: A float32 element.
_ELEMENT_BYTES: Final = 4.0


class DigitalArm:
    """One digital device under one set of draws.

    Args:
        card: The device.
        scopes: What its work is done for.
        workload: The network.
        whole: The same for all layers, where these are some of them: a law takes as long for a layer of either.
    """

    def __init__(self, card: DigitalCard, scopes: Scopes, workload: Workload, whole: DigitalArm | None = None) -> None:
        self._card, self._scopes, self._workload, self._whole = card, scopes, workload, whole
        self._known: dict[tuple[DigitalWork, Part, Place], list[Term]] = {}

    def cost(self, work: DigitalWork, place: Place = Place.ALL) -> Cost:
        """Seconds of one run of some work, over the whole network and for one layer of each shape.

        Work that is dealt out to devices takes as long as the busiest of them.
        """
        scopes = self._scopes
        precision = self._precision(work)
        parts = self._card.resolve(work.operation, precision)
        if parts is None:
            name = law_name(work.operation, precision)
            raise ValueError(f"card {self._card.name} has no law for {name}, nor one that may stand in")
        terms = [term for part in parts for term in self._terms(work, part, place)]
        weight = scopes.weight(work.scope, pairs=False, layers=work.layers)
        if not terms or not weight.any():
            return Cost(np.zeros(scopes.draws), np.zeros((len(scopes.shapes), scopes.draws)), Status.MEASURED)
        seconds = add(term.seconds for term in terms)
        whole = scopes.sum(seconds * weight)
        groups = self._groups(place)
        if groups > 1 and work.scope is not Scope.MODEL:
            units = np.broadcast_to(seconds, (len(weight), scopes.draws))
            jobs, counts = self._jobs(units, weight[:, 0], work.scope)
            whole = busiest(jobs, counts, groups, scopes.sample.per_point or scopes.draws)
        return Cost(whole, scopes.per_layer(seconds, work.scope, work.layers), scopes.status(terms, weight))

    def _groups(self, place: Place) -> int:
        """Devices, or groups of them that do the same, which layers are dealt out to."""
        if place is Place.ALL:
            return 1
        devices = self._workload.devices
        return devices if place is Place.OWNER else round(1 / self._workload.gradient_worker_fraction)

    def _jobs(self, seconds: Draws, weight: Draws, scope: Scope) -> tuple[Draws, Draws]:
        """What is dealt out as one: a factor, or both of a layer where one device holds its inverses."""
        alone = round(self._workload.gradient_worker_fraction * self._workload.devices) == 1
        if scope is Scope.FACTOR and alone:
            half = len(seconds) // 2
            return seconds[:half] + seconds[half:], weight[:half]
        return seconds, weight

    def message(self, work: MessageWork) -> Cost:
        """Seconds that each device's link is busy with what it sends."""
        scopes = self._scopes
        terms = []
        if work.messages is not None:
            latency = scopes.evaluate(work.messages, work.scope) * scopes.drawn["digital.interconnect_latency"]
            terms.append(Term(latency, scopes.found["digital.interconnect_latency"].status))
        if work.words is not None:
            sent = _ELEMENT_BYTES * scopes.evaluate(work.words, work.scope)
            data = sent * scopes.pairs(work.scope) / scopes.drawn["digital.interconnect_bandwidth"]
            terms.append(Term(data, scopes.found["digital.interconnect_bandwidth"].status))
        weight = scopes.weight(work.scope, pairs=False)
        seconds = add(term.seconds for term in terms)
        whole = scopes.sum(seconds * weight)
        return Cost(whole, scopes.per_layer(seconds, work.scope), scopes.status(terms, weight))

    def host(self, work: DigitalWork, place: Place = Place.ALL) -> Draws:
        """Seconds in which a device's host queues the calls of one run of some work, shape (draws,)."""
        found = np.zeros(self._scopes.draws)
        weight = self._scopes.weight(work.scope, pairs=False, layers=work.layers)
        calls = self._scopes.sum(self._launches(work, place) * weight) / self._groups(place)
        for part in self._card.resolve(work.operation, self._precision(work)) or ():
            law = self._card.laws[part.operation]
            if isinstance(law, FittedLaw) and law.host is not None:
                scatter = self._scopes.drawn[f"digital.operations.{part.operation}.scatter"]
                found = found + law.host.seconds(calls * part.launch) * scatter
        return found

    def _precision(self, work: DigitalWork) -> Precision:
        return precision_of(work.operation, self._workload.precision, self._workload.kfac.precision)

    def _terms(self, work: DigitalWork, part: Part, place: Place) -> list[Term]:
        """A law's terms for each unit of the work's scope; those of all layers where these are the same."""
        if self._whole is not None and not work.batched and (self._scopes.whole_shapes or not _is_curved(work)):
            return self._whole._terms(replace(work, kinds=None), part, place)
        key = (work, part, place)
        if key not in self._known:
            self._known[key] = self._terms_of(work, part, place)
        return self._known[key]

    def _terms_of(self, work: DigitalWork, part: Part, place: Place) -> list[Term]:
        """A law's terms, their statuses lowered by what the counts rest on."""
        law: Law = self._card.laws[part.operation]
        prefix = f"digital.operations.{part.operation}."
        drawn = {name: self._scopes.drawn[prefix + name] for name in law.quantities()}
        context = Context(drawn, self._unexplained(part.operation), in_step=True)
        step = self._scopes.drawn.get("digital.step", np.ones(1))
        counts = [self._scopes.status_of(count) for count in _formulas(work)]
        below = weakest([*counts, *([Status.ASSUMED] if part.assumed else [])])
        terms = law.terms(self._work(work, part, place), part, context)
        return [Term(term.seconds * step, weakest([term.status, below])) for term in terms]

    def _work(self, work: DigitalWork, part: Part, place: Place) -> Work:
        scopes, operation = self._scopes, OPERATIONS[work.operation]
        pairs = scopes.pairs(work.scope)
        calls = scopes.evaluate(work.calls, work.scope, work.tolerance)
        launches = self._launches(work, place)
        if operation.flops(2, 2):
            assert work.flops is not None  # checked when the work was made
            units = scopes.evaluate(work.flops, work.scope, work.tolerance)
        else:
            assert work.bytes is not None
            units = scopes.evaluate(work.bytes, work.scope, work.tolerance) / _ELEMENT_BYTES
            if work.operation in OUTPUTS:
                units = units * (self._workload.precision.activation_bytes / _ELEMENT_BYTES)
        elements = None if work.elements is None else scopes.evaluate(work.elements, work.scope) * pairs
        size, sides = self._sizes(work)
        law_of = OPERATIONS[part.operation.partition(".")[0]]
        return Work(law_of, launches, calls * pairs, pairs, units * pairs, elements, size, sides)

    def _launches(self, work: DigitalWork, place: Place) -> Draws:
        """Calls for each unit of a scope; one for all matrices of a size on a device where they are batched."""
        calls = self._scopes.evaluate(work.calls, work.scope, work.tolerance)
        batch = np.maximum(self._batch(work.scope) / self._groups(place), 1.0) if work.batched else 1.0
        return calls / batch

    def _sizes(self, work: DigitalWork) -> tuple[Draws | None, tuple[Draws, Draws] | None]:
        """Working size of each unit: harmonic mean of the dimensions; and its columns n and rows m."""
        if not work.sizes:
            return None, None
        columns = [self._scopes.dimension(str(each), work.scope) for each in work.sizes]
        columns = [np.broadcast_to(each, np.broadcast_shapes(*(c.shape for c in columns))) for each in columns]
        return 3.0 / add(1.0 / each for each in columns), (columns[0], columns[2])

    def _batch(self, scope: Scope) -> Draws:
        """Units of the same size in the whole network, for each unit of a scope, as a column."""
        weight = self._scopes.weight(scope, pairs=False, layers=Layers.ALL)
        if scope is not Scope.FACTOR:
            return weight
        _, group = np.unique(self._scopes.values[scope]["n"][:, 0], return_inverse=True)
        sizes = np.asarray(np.bincount(group, weights=weight[:, 0]), dtype=float)
        return sizes[group][:, None]

    def _unexplained(self, operation: str) -> Draws:
        return self._scopes.sample.standard_normal(f"digital.operations.{operation}.extrapolation")


def _is_curved(work: DigitalWork) -> bool:
    """Whether layers of one shape differ in it."""
    letters = {letter for formula in _formulas(work) for letter in formula.letters} | set(map(str, work.sizes))
    return work.tolerance is not None or not CURVED.isdisjoint(letters)


def _formulas(work: DigitalWork) -> Iterable[Formula]:
    """What the counts rest on beside exact sizes: iterations on kappa, sketches on their rank."""
    counts = (work.calls, work.flops, work.elements, work.bytes, work.tolerance)
    return (count for count in counts if isinstance(count, Formula))
