"""What a refresh adds to a step where inverses may be some steps old, so that it runs beside training.

Analog work of a refresh, its transfers included, needs nothing of the device and runs beside everything the device
does. Digital work of a refresh competes with training for the device, and adds all of itself, unless the model says
that a second stream takes it without slowing training, which flatters it. Over several devices a refresh that uses the
link to the machine stands still while they exchange messages, unless that link is not shared with them; what they send
each other of a refresh is not hidden. A method that solves against the gradients of every step has its couplings in
use throughout: nothing of its refresh runs beside steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from costmodel.formulas import schedule
from costmodel.methods import AnalogWork, Cadence, Delivery, MessageWork, Method, Phase, Resource
from costmodel.projection.cost import Cost, total
from costmodel.quantities.estimate import Draws
from costmodel.workloads.workload import KfacSettings, Workload

#: Where every point has the intervals of its workload.
NOTHING: Final[Mapping[str, Draws]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Overlapped:
    """A step whose refresh runs beside training.

    Attributes:
        phases: What each phase adds to a step, by name.
        beside: What runs beside training, already divided by how often it does; None where nothing may.
    """

    phases: Mapping[str, Cost]
    beside: Cost | None


def overlapped(
    method: Method, phases: Mapping[str, Cost], workload: Workload, drawn: Mapping[str, Draws] = NOTHING
) -> Overlapped:
    """A method's step where its refresh may be as stale as the workload says.

    Args:
        method: Its phases say what a refresh is.
        phases: Seconds of each phase in one step, nothing running beside anything.
        workload: How stale a refresh may be, and what it may run beside.
        drawn: Intervals by path where points differ in them; the workload's without it.
    """
    kfac = workload.kfac
    moving = [phase for phase in method.phases if _may_run_beside(phase, method, kfac)] if kfac.stale_steps else []
    if not moving:
        return Overlapped(phases, None)
    refresh = drawn.get("model.kfac.refresh_interval", kfac.refresh_interval)
    factor = drawn.get("model.kfac.factor_interval", kfac.factor_interval)
    interval = refresh if moving[0].interval is None else moving[0].interval
    stale = np.minimum(kfac.stale_steps, interval)
    whole = total(phases[phase.name] for phase in moving)
    on_link = any(_on_link(phase) for phase in moving)
    room = [phase for phase in method.phases if not (on_link and kfac.shared_link and _is_message(phase))]
    left = schedule.exposed_time().evaluate(
        z=stale,
        i_f=factor,
        t_b=whole.total * interval,
        t_d=_sum(phases[phase.name].total for phase in room if phase.cadence is Cadence.STEP),
        t_f=_sum(phases[phase.name].total for phase in room if phase.cadence is Cadence.FACTOR_UPDATE) * factor,
    )
    # All of its phases shrink alike; where they take no time, nothing is left to shrink.
    share = np.asanyarray(left) / np.where(whole.total > 0, whole.total * interval, 1.0)
    shrunk = {phase.name: _scaled(phases[phase.name], share) for phase in moving}
    return Overlapped({**phases, **shrunk}, _scaled(whole, 1.0 - share))


def _may_run_beside(phase: Phase, method: Method, kfac: KfacSettings) -> bool:
    if phase.cadence is not Cadence.REFRESH or _is_message(phase):
        return False
    on_machine = [isinstance(work, AnalogWork) for work in phase.works]
    if method.delivers is Delivery.SOLUTION and (method.split is None or any(on_machine)):
        return False  # what the device inverts for layers that are left to it needs no couplings
    return kfac.second_stream or all(on_machine)


def _is_message(phase: Phase) -> bool:
    return any(isinstance(work, MessageWork) for work in phase.works)


def _on_link(phase: Phase) -> bool:
    return any(isinstance(work, AnalogWork) and work.resource is Resource.LINK for work in phase.works)


def _sum(parts: Iterable[Draws]) -> Draws:
    return np.asanyarray(sum(parts, start=np.zeros(())))


def _scaled(cost: Cost, share: Draws) -> Cost:
    """A share of a cost, draw by draw; layers are known under the first draws alone."""
    return Cost(cost.total * share, cost.by_shape * share[: cost.by_shape.shape[1]], cost.status)
