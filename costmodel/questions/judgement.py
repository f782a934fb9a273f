"""Does the analog machine pay off: one rule for time, accuracy and energy.

A number is compared with its threshold over its 90 % interval: yes where the whole interval reaches it, no where none
of it does, undecided where the threshold lies inside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from costmodel.projection.feasibility import NEARLY_ALL
from costmodel.projection.project import MethodProjection, Projection
from costmodel.quantities.estimate import Estimate

#: A speedup below this is none: it does not pay for a machine.
GAIN: Final = 1.01


class Answer(StrEnum):
    """What an interval says of a threshold."""

    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"
    UNKNOWN = "unknown"  # a number that it takes is not given


@dataclass(frozen=True, slots=True)
class Judgement:
    """One question and its answer.

    Attributes:
        question: ``"time"``, ``"accuracy"`` or ``"energy"``.
        answer: By the rule of this module.
        found: Speedup of a step, share of the layers within tolerance, or energy of the digital step over its own.
        threshold: What ``found`` has to reach.
    """

    question: str
    answer: Answer
    found: Estimate | None
    threshold: float

    @classmethod
    def of(cls, question: str, found: Estimate | None, threshold: float) -> Judgement:
        """Judge a number by its interval; without one the answer is unknown."""
        if found is None:
            return cls(question, Answer.UNKNOWN, None, threshold)
        # A share is a sum of thirds of layers, which may lack the last digit.
        low, high = round(found.p05, 9), round(found.p95, 9)
        answer = Answer.YES if low >= threshold else Answer.NO if high < threshold else Answer.UNDECIDED
        return cls(question, answer, found, threshold)

    def as_dict(self) -> dict[str, object]:
        """The entries of the JSON contract."""
        found: Mapping[str, object] = self.found.as_dict() if self.found else dict.fromkeys(_ESTIMATE)
        return {"question": self.question, "answer": self.answer.value, "threshold": self.threshold, **found}


_ESTIMATE: Final = ("median", "p05", "p95", "status")


def judgements(projection: Projection, name: str = "") -> tuple[Judgement, Judgement, Judgement]:
    """Time, accuracy and energy of a thermodynamic method, the best one if unnamed, against the best digital K-FAC."""
    name = name or projection.best_thermodynamic
    return (
        Judgement.of("time", projection.speedup[name]["kfac.best"], GAIN),
        Judgement.of("accuracy", projection.feasibility[name].share_reached, NEARLY_ALL),
        Judgement.of("energy", projection.energy_gain.get(name), GAIN),
    )


def overall(found: tuple[Judgement, ...]) -> Answer:
    """Whether the machine pays off: faster, and accurate enough; energy is told beside it."""
    answers = {each.answer for each in found if each.question != "energy"}
    if Answer.NO in answers:
        return Answer.NO
    return Answer.YES if answers == {Answer.YES} else Answer.UNDECIDED


def own_phases(projection: Projection, name: str) -> dict[str, float]:
    """Median seconds of the phases that a method has and its digital rival lacks, the largest first."""
    method, rival = projection.methods[name], projection.methods[projection.best_digital]
    own = {phase: estimate.median for phase, estimate in method.phases.items() if phase not in rival.phases}
    return dict(sorted(own.items(), key=lambda each: -each[1]))


def wanted_share(projection: Projection, name: str) -> float | None:
    """What share of its time the largest own phase of a method may take for a gain; above 1 where it may take more.

    Returns:
        None where even none of it would not do. Medians throughout.
    """
    method: MethodProjection = projection.methods[name]
    largest = next(iter(own_phases(projection, name).values()), 0.0)
    rest = method.step_time.median - largest
    room = projection.methods[projection.best_digital].step_time.median / GAIN - rest
    return room / largest if room > 0 and largest > 0 else None
