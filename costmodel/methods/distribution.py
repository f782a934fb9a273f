"""A method on several data-parallel devices: which device does what, and what they send to each other."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Final

from costmodel.formulas import Formula
from costmodel.formulas.kfac import distributed as form
from costmodel.methods import phases
from costmodel.methods.work import Cadence, Delivery, MessageWork, Method, Part, Phase, Scope

GRADIENT_ALL_REDUCE: Final = Part("gradient_all_reduce", "averaging gradients over devices")
FACTOR_ALL_REDUCE: Final = Part("factor_all_reduce", "averaging factors over devices")
INVERSE_BROADCAST: Final = Part("inverse_broadcast", "bringing inverses to the devices that use them")
GRADIENT_BROADCAST: Final = Part("gradient_broadcast", "bringing preconditioned gradients to all devices")


class Place(StrEnum):
    """Which devices do the work of a phase."""

    ALL = "all"  # each on its share of the batch, or all alike
    HOLDERS = "holders"  # a layer's gradient workers, which hold its inverses
    OWNER = "owner"  # one device for a factor


_ALL: Final = frozenset(
    {
        phases.FORWARD_BACKWARD,
        phases.SAMPLED_BACKWARD,
        phases.ROWS,
        phases.FACTORS,
        phases.RUNNING_AVERAGE,
        phases.UPDATE,
    }
)


def place(phase: Phase) -> Place:
    """Which devices do the work of a phase: layers are dealt out but for what every device does on its own batch."""
    if phase.part in _ALL:
        return Place.ALL
    return Place.HOLDERS if phase.part == phases.PRECONDITION else Place.OWNER


def distributed(method: Method) -> Method:
    """A method with what its devices send: gradients and factors to all, inverses and results as KAISA places them."""
    parts = {phase.part for phase in method.phases}
    sent = [_all_reduce(GRADIENT_ALL_REDUCE, Cadence.STEP, Scope.MODEL, form.gradient_all_reduce_words())]
    if phases.FACTORS in parts:
        words = form.factor_all_reduce_words()
        sent.append(_all_reduce(FACTOR_ALL_REDUCE, Cadence.FACTOR_UPDATE, Scope.LAYER, words))
    dealt = [phase for phase in method.phases if place(phase) is not Place.ALL]
    refresh = next((phase for phase in dealt if phase.cadence is Cadence.REFRESH), None)
    if refresh is not None and method.delivers is not Delivery.SOLUTION:
        eigen = phases.precondition_in_eigenbasis() in method.phases
        words = form.eigen_broadcast_worker_words() if eigen else form.inverse_broadcast_worker_words()
        inverses = MessageWork(Scope.LAYER, form.inverse_broadcast_messages(), words)
        sent.append(Phase(INVERSE_BROADCAST, Cadence.REFRESH, (inverses,), interval=refresh.interval))
    if phases.PRECONDITION in parts:
        result = MessageWork(Scope.LAYER, form.gradient_broadcast_messages(), form.gradient_broadcast_worker_words())
        sent.append(Phase(GRADIENT_BROADCAST, Cadence.STEP, (result,)))
    elif dealt:
        result = MessageWork(Scope.LAYER, form.solution_broadcast_messages(), form.solution_broadcast_worker_words())
        sent.append(Phase(GRADIENT_BROADCAST, Cadence.STEP, (result,)))
    return replace(method, phases=(*method.phases, *sent))


def _all_reduce(part: Part, cadence: Cadence, scope: Scope, words: Formula) -> Phase:
    """Data that lies in one buffer, so that its messages are those of one all-reduce."""
    messages = MessageWork(Scope.MODEL, form.all_reduce_messages(), None)
    data = MessageWork(scope, None, words)
    return Phase(part, cadence, (messages, data))
