"""The answer in sentences that need no key: whether it pays off, why, and what would change that."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from costmodel.methods import AnalogWork, Method
from costmodel.projection import flaws
from costmodel.projection.feasibility import Reach
from costmodel.projection.methods import methods_of
from costmodel.projection.project import Projection
from costmodel.projection.values import TOLERANCES
from costmodel.questions.judgement import (
    GAIN,
    Answer,
    Judgement,
    judgements,
    overall,
    own_phases,
    wanted_share,
)
from costmodel.views.numbers import percent, scaled, significant, speed, speed_with_range
from costmodel.views.table import Table

#: A digital step that a free solver speeds up by no more than this has nothing for a better machine to gain.
_HOPELESS: Final = 1.02

#: What decides the time of a phase on the machine, as ``--set`` takes it.
_LEVERS: Final = {
    "settle": "relaxation_time", "average": "relaxation_time", "sample": "relaxation_time",
    "eliminate": "relaxation_time", "upload": "link_bandwidth", "input": "link_bandwidth",
    "readout": "conversion_rate or link_bandwidth", "start": "link_bandwidth", "columns": "link_bandwidth",
    "multiply": "product_time",
}  # fmt: skip

#: What keeps a layer from being solved accurately, in words.
_CAUSES: Final = {
    "input_rounding": "rounding of its couplings",
    "right_hand_sides": "rounding of its inputs",
    "output_rounding": "rounding of what is read out",
    "product_rounding": "rounding of products",
    "mismatch": "component mismatch",
}


def verdict(projection: Projection) -> str:
    """The answer, why, and what would change it, in one paragraph."""
    more = (_idle(projection), _memory(projection))
    return " ".join(filter(None, (headline(projection), why(projection), change(projection), *more)))


def headline(projection: Projection) -> str:
    """Whether the machine pays off, and how much faster or slower a step is."""
    name = projection.best_thermodynamic
    found = judgements(projection)
    answer = overall(found)
    time, accuracy, _ = found
    ratio = projection.speedup[name]["kfac.best"]
    model = projection.workload.title or projection.workload.name
    placement = projection.methods[name].placement
    if placement is not None and not placement.layers:
        return (
            f"No: no layer of {model} is worth sending to {projection.analog.name}. Left to {projection.digital.name} "
            f"they take what they take with {placement.digital}."
        )
    answered = {
        Answer.YES: f"Yes: {projection.analog.name} pays off for {model}.",
        Answer.NO: f"No: {projection.analog.name} does not pay off for {model}.",
        Answer.UNDECIDED: f"Undecided: {projection.analog.name} may or may not pay off for {model}.",
        Answer.UNKNOWN: "",
    }[answer]
    but = ", but is not accurate enough" if time.answer is not Answer.NO and accuracy.answer is Answer.NO else ""
    step = "as long as" if speed(ratio.median) == "equal" else f"{speed_with_range(ratio)} than"
    takes = f"takes {step}" if step == "as long as" else f"is {step}"
    return (
        f"{answered} A K-FAC step that uses it {takes} the best digital K-FAC step on {projection.digital.name}{but}."
    )


def why(projection: Projection) -> str:
    """What decides it: what a perfect solver could gain, and what the machine takes."""
    name = projection.best_thermodynamic
    digital = projection.methods[projection.best_digital]
    share = digital.phases[digital.bound].median / digital.step_time.median
    bound = projection.free_solver
    gain = "gain nothing" if speed(bound.median) == "equal" else f"make it {speed(bound.median)}"
    machine = ""
    if own_phases(projection, name):
        label, part = _largest(projection, name)
        machine = f"; {label}, the machine's largest part, takes {_small(part)} of its step"
    return (
        f"{digital.labels[digital.bound].capitalize()} is {share:.0%} of the digital step, so that a solver that took "
        f"no time at all would {gain}{machine}.{placement_told(projection, name)}{accuracy_told(projection, name)}"
    )


def placement_told(projection: Projection, name: str) -> str:
    """Which layers a method solves on the machine; silent where it is all of them, or none."""
    found = projection.methods[name].placement
    if found is None or not found.layers or found.digital is None:
        return ""
    by = f" by {found.analog}" if found.analog != name else ""
    missed = f" ({found.missed} could not be solved accurately)" if found.missed else ""
    return (
        f" The machine solves {len(found.layers)} of {found.of} layers{by}, {_small(found.work_share)} of the solver's "
        f"work, and leaves the others{missed} to {found.digital}."
    )


def change(projection: Projection) -> str:
    """What would change the answer."""
    name = projection.best_thermodynamic
    time, accuracy, _ = judgements(projection)
    kfac = projection.workload.kfac
    if projection.free_solver.p95 < GAIN or (time.answer is Answer.NO and projection.free_solver.median < _HOPELESS):
        return (
            f"No analog machine changes this; inverting more often than every {kfac.refresh_interval} steps "
            f"(kfac.refresh_interval), wider layers or a smaller batch may."
        )
    if time.answer is not Answer.NO and accuracy.answer is Answer.NO:
        return _more_accuracy(projection, name)
    return _more_speed(projection, name, time)


def _more_speed(projection: Projection, name: str, time: Judgement) -> str:
    phase = next(iter(own_phases(projection, name)), None)
    if phase is None:
        return "With kfac.analog_layers=all every method has all layers on the machine, and says what they would take."
    label, lever = projection.methods[name].labels[phase], _LEVERS.get(phase, "")
    by = f" ({lever})" if lever else ""
    share = wanted_share(projection, name)
    if time.answer is Answer.UNDECIDED:
        return f"What is not known well enough is {label}{by}: narrow its range, or see `costmodel sensitivity`."
    if share is None:
        return f"No speed of {label}{by} alone changes this: the rest of the machine's step is too long already."
    if time.answer is Answer.YES:
        return f"It would turn if {label}{by} took {significant(max(share, 1.0))} times as long."
    if share >= 1:
        return f"Narrower ranges would: at their medians, {label}{by} is quick enough already."
    return f"It would turn if {label}{by} took a {_ordinal(1 / share)} of its time."


def _ordinal(factor: float) -> str:
    """What a share is called: ``3.2nd part`` reads badly, so whole numbers, rounded up."""
    whole = math.ceil(factor)
    return "half" if whole == 2 else f"{whole}th" if whole > 3 else "third"


def _more_accuracy(projection: Projection, name: str) -> str:
    found = projection.feasibility[name]
    bits = math.ceil(found.input_bits.median)
    wanted = {
        "input_rounding": f"{bits} bits of couplings (input_bits)",
        "right_hand_sides": "more bits of inputs (input_bits)",
        "output_rounding": "more bits read out (output_bits)",
        "product_rounding": "more bits in and out (input_bits, output_bits)",
        "mismatch": "better matched components (mismatch)",
    }[found.limit]
    key = TOLERANCES[flaws.TOLERANCE[found.limit]].removeprefix("model.")
    return f"It would turn with {wanted}, or where training tolerates more ({key})."


def _largest(projection: Projection, name: str) -> tuple[str, float]:
    """The largest of the phases that the digital rival does not have, and its share of the step."""
    method = projection.methods[name]
    phase, seconds = next(iter(own_phases(projection, name).items()))
    return method.labels[phase], seconds / method.step_time.median


def _small(share: float) -> str:
    return percent(share) if share >= 0.001 else "less than 0.1%"


def accuracy_told(projection: Projection, name: str) -> str:
    """Whether the machine delivers the accuracy that the time is projected for; silent where it does."""
    found = projection.feasibility[name]
    if found.reach is Reach.YES:
        return ""
    target = significant(projection.assumptions[TOLERANCES[flaws.TOLERANCE[found.limit]]].value)
    error = significant(found.parts[found.limit].median)
    share = percent(found.layers_reached, 1 if found.layers_reached < 0.01 else 0)
    layers = f"{share} of its layers" if found.reach is Reach.SOME else "No layer"
    gets = "get" if found.reach is Reach.SOME else "gets"
    cause = _CAUSES[found.limit]
    needed, have = math.ceil(found.input_bits.median), projection.analog.input_bits.value
    told = ""
    if found.limit == "input_rounding" and needed > have:  # otherwise other causes beside it take too much
        told = f"; {needed} bits are needed and the card has {significant(have)}"
    return (
        f" {layers} {gets} as close to the exact gradient as training needs; the worst is off by {error}, by {cause}, "
        f"of which {target} is tolerated{told}."
    )


def answers(projection: Projection) -> Table:
    """The three questions with what was found and the threshold it was compared with."""
    rows = tuple(
        (_ASKED[each.question], each.answer.value, *_told(projection, each)) for each in judgements(projection)
    )
    return Table("", ("question", "answer", "found (90 %)", "yes from"), rows, narrow=True)


_ASKED: Final = {"time": "faster?", "accuracy": "accurate?", "energy": "less energy?"}


def _told(projection: Projection, judgement: Judgement) -> tuple[str, str]:
    """What was found, and the threshold."""
    if judgement.found is None:
        return f"{projection.digital.name} gives no power (--set power)", _energy(judgement.threshold)
    found = judgement.found
    if judgement.question == "time":
        return speed_with_range(found), speed(judgement.threshold)
    if judgement.question == "accuracy":
        low, high = f"{found.p05:.0%}", f"{found.p95:.0%}"
        span = "" if low == high else f" ({low} to {high})"
        return f"{found.median:.0%} of layers{span} within tolerance", f"{judgement.threshold:.0%} of layers"
    return speed_with_range(found).replace("faster", "less").replace("slower", "more"), _energy(judgement.threshold)


def _energy(ratio: float) -> str:
    return speed(ratio).replace("faster", "less").replace("slower", "more")


def warnings(projection: Projection) -> list[str]:
    """What an answer hinges on and a reader may not know; each a paragraph."""
    return [text for text in (each(projection) for each in _WARNINGS) if text]


def _precision(projection: Projection) -> str:
    if projection.workload.precision != "float32":
        return ""
    return (
        "The network runs in float32. Most are trained in bfloat16, where everything beside the solver is quicker and "
        "the solver weighs more: --set precision=bfloat16."
    )


def _assumed(projection: Projection) -> str:
    """Cards whose values are mostly assumed."""
    told = []
    for card in (projection.digital, projection.analog):
        prefix = "digital" if card is projection.digital else "analog"
        statuses = [each.status for path, each in projection.assumptions.items() if path.startswith(f"{prefix}.")]
        assumed = sum(status == "assumed" for status in statuses)
        if 2 * assumed > len(statuses):
            told.append(f"{assumed} of {len(statuses)} values of {card.name} are assumed")
    return f"{' and '.join(told)}, not measured or published; --details lists them." if told else ""


def _curvature(projection: Projection) -> str:
    """Curvature that comes from the law and not from the network."""
    mean: Mapping[str, float] = {
        path: value.high / value.value
        for path, value in projection.assumptions.items()
        if path.startswith("curvature.") and value.low < value.high
    }
    if not mean:
        return ""
    path, factor = max(mean.items(), key=lambda each: each[1])
    kind = projection.workload.network
    law = next(iter(projection.workload.kfac.curvature_law.targets.values()))
    measured = "other networks of its kind" if kind in law.networks else "networks of other kinds than this one"
    what = path.partition(".")[2].replace("_", " ")
    return (
        f"Curvature, which decides every analog time, is extrapolated from {measured}; its {what} is known to a factor "
        f"of {significant(factor, 2)}. Measure yours: costmodel curvature measure."
    )


def _target(projection: Projection) -> str:
    """Time to the target against Adam, and what it hinges on."""
    over = projection.speedup[projection.best_digital].get("adam_to_target")
    if over is None:
        return "How many steps K-FAC needs here is not known, so that nothing is said of time to the target."
    ratio = projection.assumptions["model.training.kfac_step_ratio"]
    return (
        f"To the target, digital K-FAC is {speed_with_range(over)} than Adam if it needs {significant(ratio.low)} to "
        f"{significant(ratio.high)} of Adam's steps ({ratio.status})."
    )


def _idle(projection: Projection) -> str:
    """Devices without a factor to invert; silent where there are none."""
    workload = projection.workload
    if not workload.idle_devices:
        return ""
    factors = workload.devices - workload.idle_devices
    return f"{workload.idle_devices} of {workload.devices} devices invert nothing: there are {factors} factors."


def _waiting(projection: Projection) -> str:
    """Where the device waits long enough to change the answer on energy, and its card does not say at what power."""
    name = projection.best_thermodynamic
    if name not in projection.energy_gain or projection.digital.idle_power is not None:
        return ""
    found = projection.methods[name]
    method = found.placement.method if found.placement is not None else _built(projection, name)
    analog = (phase.name for phase in method.phases if any(isinstance(work, AnalogWork) for work in phase.works))
    waits = sum(found.phases[phase].median for phase in analog)
    share = waits / found.step_time.median
    if share < GAIN - 1:
        return ""
    return (
        f"Energy leaves out what {projection.digital.name} draws while it waits for the machine, {percent(share)} of "
        "the step. At the power it works with, energy would be in the ratio of the times."
    )


def _built(projection: Projection, name: str) -> Method:
    return next(each for each in methods_of(projection.workload) if each.name == name)


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
    return f"On a {projection.digital.name} of {room} {who} fits: {least} needs at least {needs}."


def _taken_for_granted(projection: Projection) -> str:
    """What methods need and no card describes."""
    found = [each for each in projection.feasibility.values() if each.reach is not Reach.CANNOT_RUN]
    assumed = dict.fromkeys(part for each in found for part in each.assumes)
    return f"* given what the card does not describe: {', '.join(assumed)}." if assumed else ""


_WARNINGS: Final[tuple[Callable[[Projection], str], ...]] = (
    _memory, _idle, _waiting, _precision, _assumed, _curvature, _target, _taken_for_granted,
)  # fmt: skip
