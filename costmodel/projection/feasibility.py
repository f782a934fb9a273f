"""Whether a machine reaches the accuracy that a projection asks of it: errors that no amount of time removes.

Settling and averaging are given the time they need. Rounding and component mismatch are not a matter of time: a layer
of which they take more than training tolerates, each measured by its own tolerance, is not solved on this machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from costmodel.formulas import Formula
from costmodel.formulas.accuracy import couplings
from costmodel.machines.cards import AnalogCard
from costmodel.methods import Delivery, Kinds, Method
from costmodel.projection import flaws, mitigation
from costmodel.projection.evaluation import Evaluation
from costmodel.projection.values import TOLERANCES
from costmodel.quantities.estimate import Estimate, Status, medians, weakest

#: Share of the layers that counts as all of them: one layer in a hundred can be solved digitally, unnoticed.
NEARLY_ALL: Final = 0.99


class Reach(StrEnum):
    """Whether an accuracy target is met, at the median of the draws."""

    YES = "yes"
    SOME = "some layers"
    NO = "no"
    CANNOT_RUN = "cannot run"  # the machine lacks what the method needs


@dataclass(frozen=True, slots=True)
class Feasibility:
    """What a machine leaves as systematic error of the preconditioned gradients of one method.

    Attributes:
        budget: Of the layer in which it is largest, the root of the sum of squares of ``shares``; solved up to 1.
        error: Systematic error of that layer.
        parts: What ``error`` consists of, by cause; their squares add up.
        tolerances: What training tolerates of each cause alone.
        shares: Each part over its tolerance.
        limit: The cause with the largest share.
        input_bits: Bits of couplings that the layer that needs most needs, were they the only cause.
        layers_reached: Share of the network's layers that are solved in at least half of the draws.
        share_reached: Share of the network's layers that are solved, by draw.
        missing: Values the card would have to give for the machine to run the method at all.
        unknown: Causes of error the card says nothing of; they are not in ``error``.
        assumes: Parts that the method needs and that no card describes; the projection takes them to be there.
        met: Whether each layer that stands for others meets the target in at least half of the draws.
    """

    budget: Estimate
    error: Estimate
    parts: Mapping[str, Estimate]
    tolerances: Mapping[str, Estimate]
    shares: Mapping[str, Estimate]
    limit: str
    input_bits: Estimate
    layers_reached: float
    share_reached: Estimate
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    assumes: tuple[str, ...]
    met: tuple[bool, ...] = ()

    @property
    def target(self) -> Estimate:
        """Relative error of a preconditioned gradient that training tolerates of the cause that limits."""
        return self.tolerances[self.limit]

    @property
    def reach(self) -> Reach:
        """The answer in a word."""
        if self.missing:
            return Reach.CANNOT_RUN
        # A share is a sum of thirds of layers, which may lack the last digit.
        if round(self.layers_reached, 9) >= NEARLY_ALL:
            return Reach.YES
        return Reach.SOME if self.layers_reached > 0 else Reach.NO

    def as_dict(self) -> dict[str, object]:
        """The entries of the JSON contract."""
        return {
            "reach": self.reach.value,
            "target": self.target.as_dict(),
            "budget": self.budget.as_dict(),
            "error": self.error.as_dict(),
            "parts": _dicts(self.parts),
            "tolerances": _dicts(self.tolerances),
            "shares": _dicts(self.shares),
            "limit": self.limit,
            "input_bits": self.input_bits.as_dict(),
            "layers_reached": self.layers_reached,
            "share_reached": self.share_reached.as_dict(),
            "missing": list(self.missing),
            "unknown": list(self.unknown),
            "assumes": list(self.assumes),
        }


def _dicts(estimates: Mapping[str, Estimate]) -> dict[str, object]:
    return {name: each.as_dict() for name, each in estimates.items()}


def feasibilities(methods: Iterable[Method], analog: AnalogCard, evaluation: Evaluation) -> dict[str, Feasibility]:
    """Systematic errors of thermodynamic methods on a machine, over all layers of a network, by name.

    They follow from what a method delivers and what is done about errors: arms that differ in time alone share them.
    """
    found: dict[str, Feasibility] = {}
    judged: dict[tuple[Delivery | None, bool, bool, Formula | None, Kinds], Feasibility] = {}
    arrays = {deflated: mitigation.Arrays(evaluation, deflated=deflated) for deflated in (False, True)}
    for method in methods:
        kind = (method.delivers, method.deflated, method.refined, method.readings, _on_machine(method))
        if kind not in judged:
            nothing = not evaluation.layer_counts(_on_machine(method)).any()
            judged[kind] = _unused(evaluation) if nothing else _judged(method, analog, evaluation, arrays)
        lacking = method.needs is not None and getattr(analog, method.needs) is None
        found[method.name] = replace(
            judged[kind],
            missing=(method.needs,) if lacking and method.needs else (),
            assumes=method.assumes,
        )
    return found


def _judged(
    method: Method, analog: AnalogCard, evaluation: Evaluation, arrays: Mapping[bool, mitigation.Arrays]
) -> Feasibility:
    assert method.delivers is not None  # registration sees to it
    causes = flaws.causes(method.delivers, mismatched=analog.mismatch is not None)
    bits = couplings.rounding_bits()
    finer = mitigation.converters(method, evaluation)
    asked = {"epsilon_n": mitigation.asked(method, evaluation.quantity(TOLERANCES["T_c"]))[None, :], **finer}
    formulas = [formula for each in causes.values() for formula in each]
    read = [formula for formula in formulas if formula in flaws.of_readings()]
    found = arrays[method.deflated].values([bits, *(formula for formula in formulas if formula not in read)], asked)
    found |= arrays[False].values(read, finer)
    by_factor = flaws.by_factor(causes, found)
    if method.refined:
        by_factor = {name: mitigation.left(errors, evaluation, causes[name][0]) for name, errors in by_factor.items()}
    parts = {name: flaws.of_layers(errors) for name, errors in by_factor.items()}
    paths = {name: TOLERANCES[flaws.TOLERANCE[name]] for name in causes}
    tolerated = {letter: evaluation.quantity(path)[None, :] for letter, path in TOLERANCES.items()}
    shares = flaws.shares(parts, tolerated)
    budget = flaws.added(shares.values())
    counts = evaluation.layer_counts(_on_machine(method))
    there = counts > 0
    within = budget <= 1
    reached = np.mean(within, axis=1) >= 0.5
    worst = int(np.argmax(np.where(there, medians(budget), -1.0)))
    status = {name: _status(own, evaluation) for name, own in causes.items()}
    known = {name: evaluation.found[path].status for name, path in paths.items()}
    judged = {name: weakest((status[name], known[name])) for name in causes}
    taken = {name: Estimate.of(each[worst], judged[name]) for name, each in shares.items()}
    return Feasibility(
        budget=Estimate.of(budget[worst], weakest(judged.values())),
        error=Estimate.of(flaws.added(part[worst] for part in parts.values()), weakest(status.values())),
        parts={name: Estimate.of(part[worst], status[name]) for name, part in parts.items()},
        tolerances={name: Estimate.of(evaluation.quantity(path), known[name]) for name, path in paths.items()},
        shares=taken,
        limit=max(taken, key=lambda name: taken[name].median),
        input_bits=Estimate.of(np.max(found[bits][np.tile(there, 2)], axis=0), _status((bits,), evaluation)),
        layers_reached=float((reached * counts).sum() / counts.sum()),
        share_reached=Estimate.of(counts @ within / counts.sum(), weakest(judged.values())),
        missing=(),
        unknown=() if analog.mismatch is not None else ("mismatch",),
        assumes=(),
        met=tuple(reached.tolist()),
    )


def _unused(evaluation: Evaluation) -> Feasibility:
    """Of a machine that solves no layer: nothing of it is off."""
    cause, path = "input_rounding", TOLERANCES[flaws.TOLERANCE["input_rounding"]]
    tolerated, status = evaluation.quantity(path), evaluation.found[path].status
    none, every = (Estimate.of(np.full(len(tolerated), each), status) for each in (0.0, 1.0))
    return Feasibility(
        budget=none,
        error=none,
        parts={cause: none},
        tolerances={cause: Estimate.of(tolerated, status)},
        shares={cause: none},
        limit=cause,
        input_bits=none,
        layers_reached=1.0,
        share_reached=every,
        missing=(),
        unknown=(),
        assumes=(),
    )


def _on_machine(method: Method) -> Kinds:
    """Kinds of layers that are judged: those that the machine solves."""
    return None if method.split is None else method.split.machine


def formulas_of(method: Method) -> tuple[Formula, ...]:
    """Formulas that the accuracy of a thermodynamic method is judged by."""
    if method.delivers is None:
        return ()
    own = (formula for each in flaws.causes(method.delivers, mismatched=True).values() for formula in each)
    return (*own, couplings.rounding_bits(), *mitigation.formulas_of(method))


def _status(formulas: tuple[Formula, ...], evaluation: Evaluation) -> Status:
    return weakest(evaluation.status(each) for each in formulas)
