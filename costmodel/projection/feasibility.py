"""Whether a machine reaches the accuracy that a projection asks of it: errors that no amount of time removes.

Settling and averaging are given the time they need. Rounding and component mismatch are not a matter of time, so a
method whose systematic error exceeds the target cannot deliver what its projected time is for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from costmodel.formulas import Formula, blocks, mismatch, quantization
from costmodel.machines.cards import AnalogCard
from costmodel.methods import Delivery, Method
from costmodel.projection.evaluation import Evaluation
from costmodel.projection.values import paths_behind
from costmodel.quantities.estimate import Draws, Estimate, Status, weakest


class Reach(StrEnum):
    """Whether an accuracy target is met, at the median of the draws."""

    YES = "yes"
    DEPENDS = "depends"  # on the largest entry: met where entries are alike, missed where one is as large as lambda_max
    NO = "no"
    CANNOT_RUN = "cannot run"  # the machine lacks what the method needs


@dataclass(frozen=True, slots=True)
class Feasibility:
    """What a machine leaves as systematic error of one method, in its worst factor.

    Rounding of couplings scales with a factor's largest entry over its largest eigenvalue, which lies between 1 / p
    (all entries of a block of size p alike) and 1 (one entry carries all); both ends are given.

    Attributes:
        target: Relative error asked for.
        error: Systematic error with entries as large as they can be.
        error_at_best: The same with entries as small as they can be.
        parts: What ``error`` consists of, by cause; their squares add up.
        input_bits: Bits of couplings that the target needs, entries as large as they can be.
        input_bits_at_best: The same, entries as small as they can be.
        factors_reached: Share of the network's factors that meet the target with entries as large as they can be.
        missing: Values the card would have to give for the machine to run the method at all.
        unknown: Causes of error the card says nothing of; they are not in ``error``.
        assumes: Parts that the method needs and that no card describes; the projection takes them to be there.
    """

    target: Estimate
    error: Estimate
    error_at_best: Estimate
    parts: Mapping[str, Estimate]
    input_bits: Estimate
    input_bits_at_best: Estimate
    factors_reached: float
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    assumes: tuple[str, ...]

    @property
    def reach(self) -> Reach:
        """The answer in a word."""
        if self.missing:
            return Reach.CANNOT_RUN
        if self.error.median <= self.target.median:
            return Reach.YES
        return Reach.DEPENDS if self.error_at_best.median <= self.target.median else Reach.NO

    def as_dict(self) -> dict[str, object]:
        """The entries of the JSON contract."""
        return {
            "reach": self.reach.value,
            "target": self.target.as_dict(),
            "error": self.error.as_dict(),
            "error_at_best": self.error_at_best.as_dict(),
            "parts": {name: part.as_dict() for name, part in self.parts.items()},
            "input_bits": self.input_bits.as_dict(),
            "input_bits_at_best": self.input_bits_at_best.as_dict(),
            "factors_reached": self.factors_reached,
            "missing": list(self.missing),
            "unknown": list(self.unknown),
            "assumes": list(self.assumes),
        }


def feasibility(method: Method, analog: AnalogCard, evaluation: Evaluation) -> Feasibility:
    """Systematic errors of a thermodynamic method on a machine, over all factors of a network."""
    assert method.delivers is not None  # registration sees to it
    causes = _causes(method.delivers, analog)
    bits = quantization.input_bits()
    wanted = [*(formula for each in causes.values() for formula in each), bits]
    worst, best = (evaluation.factors(wanted, {"chi": chi}) for chi in _peaks(evaluation))
    target = evaluation.quantity("model.kfac.relative_error")
    errors, at_best = (_together([_product(each, found) for each in causes.values()]) for found in (worst, best))
    reached = np.median(np.broadcast_to(errors <= target, (len(errors), len(target))), axis=1)
    counts = evaluation.factor_counts()[:, 0]
    status = {name: _status(formulas, evaluation) for name, formulas in causes.items()}
    return Feasibility(
        target=Estimate.of(target, evaluation.found["model.kfac.relative_error"].status),
        error=_largest(errors, weakest(status.values())),
        error_at_best=_largest(at_best, weakest(status.values())),
        parts={name: _largest(_product(each, worst), status[name]) for name, each in causes.items()},
        input_bits=_largest(worst[bits], _status((bits,), evaluation)),
        input_bits_at_best=_largest(best[bits], _status((bits,), evaluation)),
        factors_reached=float((reached * counts).sum() / counts.sum()),
        missing=() if method.needs is None or getattr(analog, method.needs) is not None else (method.needs,),
        unknown=() if analog.mismatch is not None else ("mismatch",),
        assumes=method.assumes,
    )


def formulas_of(method: Method) -> tuple[Formula, ...]:
    """Formulas that the accuracy of a thermodynamic method is judged by."""
    if method.delivers is None:
        return ()
    return (*_output(method.delivers), quantization.input_error(), quantization.input_bits(), mismatch.error())


def _output(delivers: Delivery) -> tuple[Formula, Formula]:
    """Rounding of what is read out, and how much block elimination amplifies it."""
    if delivers is Delivery.INVERSE:
        return quantization.output_inverse_error(), blocks.inverse_amplification()
    return quantization.output_solve_error(), blocks.solve_amplification()


def _causes(delivers: Delivery, analog: AnalogCard) -> dict[str, tuple[Formula, ...]]:
    """Relative error of a factor's inverse or solutions by cause: the product of some formulas."""
    causes: dict[str, tuple[Formula, ...]] = {
        "input_rounding": (quantization.input_error(),),
        "output_rounding": _output(delivers),
    }
    if analog.mismatch is not None:
        causes["mismatch"] = (mismatch.error(),)
    return causes


def _product(formulas: tuple[Formula, ...], found: Mapping[Formula, Draws]) -> Draws:
    return np.asarray(math.prod(found[each] for each in formulas))


def _peaks(evaluation: Evaluation) -> tuple[Draws, Draws]:
    """Largest entry over largest eigenvalue of a block: at most 1, at least 1 / p, since a trace is p mean entries."""
    return np.ones((1, 1)), 1 / evaluation.block_size()


def _together(parts: list[Draws]) -> Draws:
    """Independent errors: their squares add up."""
    return np.sqrt(sum((part**2 for part in parts), start=np.zeros((1, 1))))


def _largest(errors: Draws, status: Status) -> Estimate:
    """The worst factor of each draw."""
    return Estimate.of(np.max(errors, axis=0), status)


def _status(formulas: tuple[Formula, ...], evaluation: Evaluation) -> Status:
    letters = (letter for each in formulas for letter in each.letters)
    paths = (path for letter in letters for path in paths_behind(letter, evaluation.found))
    return weakest(evaluation.found[path].status for path in paths)
