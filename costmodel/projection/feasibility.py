"""Whether a machine reaches the accuracy that a projection asks of it: errors that no amount of time removes.

Settling and averaging are given the time they need. Rounding and component mismatch are not a matter of time: a layer
whose preconditioned gradient they put further off than training tolerates is not solved on this machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from costmodel.formulas import Formula, blocks
from costmodel.formulas.accuracy import couplings, products, readings, tiled
from costmodel.formulas.accuracy.chain import together
from costmodel.machines.cards import AnalogCard
from costmodel.methods import Delivery, Method
from costmodel.projection import mitigation
from costmodel.projection.evaluation import Evaluation
from costmodel.quantities.estimate import Draws, Estimate, Status, medians, weakest

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
        target: Relative error of a preconditioned gradient that training tolerates.
        error: Systematic error of the worst layer.
        parts: What ``error`` consists of in that layer, by cause; their squares add up.
        limit: The cause that is largest there.
        input_bits: Bits of couplings that the worst layer needs, were they the only cause.
        layers_reached: Share of the network's layers that meet the target in at least half of the draws.
        share_reached: Share of the network's layers that meet the target, by draw.
        missing: Values the card would have to give for the machine to run the method at all.
        unknown: Causes of error the card says nothing of; they are not in ``error``.
        assumes: Parts that the method needs and that no card describes; the projection takes them to be there.
    """

    target: Estimate
    error: Estimate
    parts: Mapping[str, Estimate]
    limit: str
    input_bits: Estimate
    layers_reached: float
    share_reached: Estimate
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    assumes: tuple[str, ...]

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
            "error": self.error.as_dict(),
            "parts": {name: part.as_dict() for name, part in self.parts.items()},
            "limit": self.limit,
            "input_bits": self.input_bits.as_dict(),
            "layers_reached": self.layers_reached,
            "share_reached": self.share_reached.as_dict(),
            "missing": list(self.missing),
            "unknown": list(self.unknown),
            "assumes": list(self.assumes),
        }


def feasibilities(methods: Iterable[Method], analog: AnalogCard, evaluation: Evaluation) -> dict[str, Feasibility]:
    """Systematic errors of thermodynamic methods on a machine, over all layers of a network, by name.

    They follow from what a method delivers and what is done about errors: arms that differ in time alone share them.
    """
    found: dict[str, Feasibility] = {}
    judged: dict[tuple[Delivery | None, bool, bool], Feasibility] = {}
    arrays = {deflated: mitigation.Arrays(evaluation, deflated=deflated) for deflated in (False, True)}
    for method in methods:
        kind = (method.delivers, method.deflated, method.refined)
        if kind not in judged:
            judged[kind] = _judged(method, analog, evaluation, arrays)
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
    causes = _causes(method.delivers, analog)
    bits = couplings.rounding_bits()
    target = evaluation.quantity("model.kfac.relative_error")
    asked = {"epsilon_n": mitigation.asked(method, target)[None, :]}
    formulas = [formula for each in causes.values() for formula in each]
    read = [formula for formula in formulas if formula in _of_readings()]
    found = arrays[method.deflated].values([bits, *(formula for formula in formulas if formula not in read)], asked)
    found |= arrays[False].values(read, {})
    # Several formulas of one cause amplify each other; the two factors of a layer disturb one gradient.
    by_factor = {name: np.asarray(np.prod([found[each] for each in own], axis=0)) for name, own in causes.items()}
    if method.refined:
        by_factor = {name: mitigation.left(errors, evaluation, causes[name][0]) for name, errors in by_factor.items()}
    parts = {name: _of_layers(errors) for name, errors in by_factor.items()}
    errors = np.sqrt(np.sum([part**2 for part in np.broadcast_arrays(*parts.values())], axis=0))
    counts = evaluation.layer_counts()
    within = np.broadcast_to(errors <= target, (len(errors), len(target)))
    reached = np.mean(within, axis=1) >= 0.5
    worst = int(np.argmax(medians(errors)))
    status = {name: _status(own, evaluation) for name, own in causes.items()}
    estimates = {name: Estimate.of(_row(part, worst), status[name]) for name, part in parts.items()}
    tolerated = evaluation.found["model.kfac.relative_error"].status
    return Feasibility(
        target=Estimate.of(target, tolerated),
        error=Estimate.of(_row(errors, worst), weakest(status.values())),
        parts=estimates,
        limit=max(estimates, key=lambda name: estimates[name].median),
        input_bits=Estimate.of(np.max(found[bits], axis=0), _status((bits,), evaluation)),
        layers_reached=float((reached * counts).sum() / counts.sum()),
        share_reached=Estimate.of(counts @ within / counts.sum(), weakest((tolerated, *status.values()))),
        missing=(),
        unknown=() if analog.mismatch is not None else ("mismatch",),
        assumes=(),
    )


def formulas_of(method: Method) -> tuple[Formula, ...]:
    """Formulas that the accuracy of a thermodynamic method is judged by."""
    if method.delivers is None:
        return ()
    causes = _of_delivery(method.delivers)
    own = (formula for each in causes.values() for formula in each)
    return (*own, couplings.mismatch_error(), couplings.rounding_bits(), *mitigation.formulas_of(method))


def _of_delivery(delivers: Delivery) -> dict[str, tuple[Formula, ...]]:
    """Errors of a gradient by one inverse, by cause: an error and what amplifies it."""
    rounding: dict[str, tuple[Formula, ...]] = {"input_rounding": (couplings.rounding_total(),)}
    if delivers is Delivery.INVERSE:
        return rounding | {"output_rounding": (readings.inverse_total(), tiled.amplification())}
    if delivers is Delivery.PRODUCTS:
        return rounding | {"product_rounding": (products.error(),)}
    return rounding | {
        "right_hand_sides": (readings.input_error(),),
        "output_rounding": (readings.solution_error(), blocks.solve_amplification()),
    }


def _of_readings() -> tuple[Formula, ...]:
    """Errors of what goes to and comes from the arrays beside couplings, which a missing mode does not change."""
    return readings.inverse_total(), readings.input_error(), readings.solution_error()


def _causes(delivers: Delivery, analog: AnalogCard) -> dict[str, tuple[Formula, ...]]:
    causes = _of_delivery(delivers)
    return causes if analog.mismatch is None else causes | {"mismatch": (couplings.mismatch_error(),)}


def _of_layers(errors: Draws) -> Draws:
    """Errors of layers, given those by their factors A, then G."""
    half = len(errors) // 2
    return together(errors[:half], errors[half:])


def _row(errors: Draws, index: int) -> Draws:
    return np.asarray(errors[index])


def _status(formulas: tuple[Formula, ...], evaluation: Evaluation) -> Status:
    return weakest(evaluation.status(each) for each in formulas)
