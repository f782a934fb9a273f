"""The answer in a sentence."""

from __future__ import annotations

import math
from typing import Final

from costmodel.projection.feasibility import Reach
from costmodel.projection.project import Projection
from costmodel.quantities.estimate import Estimate
from costmodel.views.numbers import percent, ratio, scaled, significant

#: A gain below this is none: it does not pay for a machine.
NO_GAIN: Final = 0.01


def verdict(projection: Projection) -> str:
    """Whether the better thermodynamic method beats the best digital K-FAC, by how much, and what decides it."""
    name = projection.best_thermodynamic
    speedup = projection.speedup[name]["kfac.best"]
    devices = f"a step of {name} on {projection.analog.name}"
    rival = f"{projection.best_digital} on {projection.digital.name}"
    if speedup.p05 > 1 + NO_GAIN:
        answer = f"Yes: {devices} is {ratio(speedup)} as fast as {rival}"
    elif speedup.p95 < 1 + NO_GAIN:
        answer = f"No: {devices} takes {ratio(_inverse(speedup))} as long as {rival}"
    else:
        answer = f"Undecided: {devices} is {ratio(speedup)} as fast as {rival}"
    told = "".join(each(projection) for each in (_bound, _idle, _memory))
    return f"{answer}; {_reason(projection, name)}. {_accuracy(projection, name)}{told}"


def _inverse(ratio: Estimate) -> Estimate:
    return Estimate(1 / ratio.median, 1 / ratio.p95, 1 / ratio.p05, ratio.status)


def _reason(projection: Projection, name: str) -> str:
    """The largest of the phases that the digital rival does not have."""
    method, rival = projection.methods[name], projection.methods[projection.best_digital]
    own = {phase: estimate.median for phase, estimate in method.phases.items() if phase not in rival.phases}
    largest = max(own, key=lambda phase: own[phase])
    share = own[largest] / method.step_time.median
    return f"{method.labels[largest]}, the largest part of its solver, takes {share:.1%} of its step"


def _accuracy(projection: Projection, name: str) -> str:
    """Whether the machine delivers the accuracy that the time is projected for; silent where it does."""
    found = projection.feasibility[name]
    if found.reach is Reach.YES:
        return ""
    target, error = significant(found.target.median), significant(found.error.median)
    share = percent(found.layers_reached, 1 if found.layers_reached < 0.01 else 0)
    layers = f"{share} of its layers" if found.reach is Reach.SOME else "No layer"
    gets = "get" if found.reach is Reach.SOME else "gets"
    cause = _CAUSES[found.limit]
    needed, have = math.ceil(found.input_bits.median), projection.analog.input_bits.value
    if found.limit == "input_rounding" and needed > have:  # otherwise other causes beside it take too much
        cause += f", for which {needed} bits are needed and the card has {significant(have)}"
    return f"{layers} {gets} within {target} of the exact gradient; the worst is off by {error}, by {cause}. "


#: What keeps a layer from being solved accurately, in words.
_CAUSES: Final = {
    "input_rounding": "rounding of its couplings",
    "right_hand_sides": "rounding of its inputs",
    "output_rounding": "rounding of what is read out",
    "mismatch": "component mismatch",
}


def _bound(projection: Projection) -> str:
    """What even a perfect solver could gain, and what stands in the way."""
    digital = projection.methods[projection.best_digital]
    share = digital.phases[digital.bound].median / digital.step_time.median
    bound = projection.free_solver.median
    return (
        f"A solver that took no time at all would gain {significant(bound)}x, "
        f"because {digital.labels[digital.bound]} is {share:.0%} of the digital step."
    )


def _idle(projection: Projection) -> str:
    """Devices without a factor to invert; silent where there are none."""
    workload = projection.workload
    if not workload.idle_devices:
        return ""
    factors = workload.devices - workload.idle_devices
    return f" {workload.idle_devices} of {workload.devices} devices invert nothing: there are {factors} factors."


def _memory(projection: Projection) -> str:
    """Methods that do not fit on a device; silent where all do, or where its card does not say what it has."""
    kept = {name: method.memory for name, method in projection.methods.items()}
    wide = [name for name, each in kept.items() if each.fits is False]
    if not wide:
        return ""
    least = min(wide, key=lambda name: kept[name].total)
    room = scaled(kept[least].available or 0.0, "B")
    who = "no method" if len(wide) == len(kept) else f"{len(kept) - len(wide)} of {len(kept)} methods"
    needs = scaled(kept[least].total, "B")
    return f" On a {projection.digital.name} of {room} {who} fits: {least} needs at least {needs}."
