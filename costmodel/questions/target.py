"""Time to a training target: steps times seconds a step, and the steps a method may take before Adam is as fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from costmodel.inputs.faults import InputError
from costmodel.projection.feasibility import Reach
from costmodel.projection.project import Projection
from costmodel.quantities.estimate import Estimate, Quantity

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Target:
    """One method on its way to the target.

    Attributes:
        method: Its name.
        step: Seconds a step.
        time: Seconds to the target; None where its number of steps is not known.
        gain: Adam's time over its own; None likewise.
        break_even: Its steps over Adam's at which both take equally long: Adam's step over its own, draw by draw. Below
            it the method is faster.
    """

    method: str
    step: Estimate
    time: Estimate | None
    gain: Estimate | None
    break_even: Estimate


@dataclass(frozen=True, slots=True)
class Targets:
    """All methods that the machine can run.

    Attributes:
        projection: What the times are of.
        target: What training has to reach.
        adam_steps: Steps of Adam.
        step_ratio: Steps of K-FAC over those of Adam, with exact solves on any hardware.
        host_time: What no step goes below; None where the model gives none.
        methods: Each method.
    """

    projection: Projection
    target: str
    adam_steps: Quantity
    step_ratio: Quantity
    host_time: Quantity | None
    methods: tuple[Target, ...]

    def table(self) -> pd.DataFrame:
        """One row a method: seconds a step and to the target, Adam's time over it, the break-even ratio."""
        from costmodel.views.frames import records_frame
        from costmodel.views.target import TargetReport

        return records_frame(TargetReport(self).records())

    @property
    def host_bound(self) -> bool:
        """Whether Adam's step is the host's floor, so that faster hardware would change nothing for it."""
        floor = self.host_time
        return floor is not None and self.projection.methods["adam"].step_time.median <= floor.value * 1.05


def targets(projection: Projection) -> Targets:
    """Times to the target of a projection.

    Raises:
        InputError: The model states no training.
    """
    workload = projection.workload
    if workload.training is None:
        message = "states no training; give it adam_steps and kfac_step_ratio (docs/model-yaml.md)"
        raise InputError.about(workload.name, message)
    able = [
        name
        for name in projection.methods
        if name not in projection.feasibility or projection.feasibility[name].reach is not Reach.CANNOT_RUN
    ]
    found = tuple(_target(projection, name) for name in able)
    training = workload.training
    return Targets(
        projection, training.target, training.adam_steps, training.kfac_step_ratio, workload.host_time, found
    )


def _target(projection: Projection, name: str) -> Target:
    method, ratios = projection.methods[name], projection.speedup[name]
    return Target(name, method.step_time, method.time_to_target, ratios.get("adam_to_target"), ratios["adam"])
