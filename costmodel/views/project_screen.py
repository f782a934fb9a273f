"""What ``project`` prints by default: the answer, the best method of each family, where a step goes, what to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from costmodel.machines.precision import Precision
from costmodel.methods import METHODS, FactorConstruction, Role
from costmodel.projection.feasibility import Reach
from costmodel.projection.placing import PLACED
from costmodel.projection.project import Projection
from costmodel.quantities.estimate import Estimate
from costmodel.views.numbers import percent, scaled, speed, speed_range
from costmodel.views.table import Block, Passage, Table
from costmodel.views.verdict import change, headline, warnings, why

#: Phases below this share of both steps are summed up.
_SMALL = 0.01


def answer(projection: Projection) -> Passage:
    """The headline."""
    head, _, text = headline(projection).partition(": ")
    return Passage(((f"{head}:", text),))


def reasons(projection: Projection) -> Passage:
    """Why, and what would change it."""
    return Passage((("Why:", why(projection)), ("What would change it:", change(projection))))


def rest(projection: Projection, names: Sequence[str]) -> list[Block]:
    """What stands below the answer; the methods named are compared."""
    told = tuple(("", text) for text in warnings(projection))
    known = (Passage(told, "to know"),) if told else ()
    return [_compared(projection, names), _phases(projection), *known, Passage((("", _more(projection)),))]


def families(projection: Projection) -> dict[str, str]:
    """Family of each method that is compared here: ``adam``, ``kfac``, or what a machine delivers, ``thermo.solve``."""
    found: dict[str, str] = {}
    for name in projection.methods:
        role = METHODS[name](FactorConstruction.EXPAND).role if name in METHODS else None
        if role is Role.BASELINE:
            found[name] = name
        elif role is Role.DIGITAL_KFAC:
            found[name] = "kfac"
        elif role is Role.THERMODYNAMIC:
            found[name] = ".".join(name.split(".")[:2])
        elif name == PLACED:
            found[name] = name
    return found


def best_of_each(projection: Projection) -> list[str]:
    """The quickest method of each family that can run, in the order of the registry."""
    best: dict[str, str] = {}
    for name, family in families(projection).items():
        feasibility = projection.feasibility.get(name)
        if feasibility is not None and feasibility.reach is Reach.CANNOT_RUN:
            continue
        step = projection.methods[name].step_time.median
        if family not in best or step < projection.methods[best[family]].step_time.median:
            best[family] = name
    return list(best.values())


def setup(projection: Projection) -> str:
    """Model, batch and hardware, and how the step is run where it is not in float32 throughout on one device."""
    workload = projection.workload
    stated: Mapping[str, Precision] = {"network": workload.precision, "K-FAC's products": workload.kfac.precision}
    told = [f"{what} in {each.value}" for what, each in stated.items() if each is not Precision.FLOAT32]
    if workload.devices > 1:
        machines = "an analog machine each" if workload.analog_per_device else "one analog machine for all"
        told.append(f"{workload.devices} devices with {workload.device_batch:g} examples and {machines}")
    run = "".join(f"{each}; " for each in told)
    return (
        f"{workload.title or workload.name}, batch {workload.batch_size}\n"
        f"{run}{projection.digital.name} and {projection.analog.name}, {projection.scenario} scenario"
    )


def accurate(projection: Projection, name: str) -> str:
    """Whether a method is accurate enough, marked where it takes for granted what no card describes."""
    found = projection.feasibility.get(name)
    return "" if found is None else found.reach.value + ("*" if found.assumes else "")


def on_machine(projection: Projection, name: str, *, share: bool = True) -> str:
    """How many layers a thermodynamic method solves on the machine, with their share of the solver's work."""
    if name not in projection.feasibility:
        return ""
    found = projection.methods[name].placement
    if found is None or len(found.layers) == found.of:
        return "all"
    if not found.layers:
        return "none"
    told = f"{len(found.layers)} of {found.of}"
    return f"{told} layers, {percent(found.work_share)}" if share else told


def _compared(projection: Projection, names: Sequence[str]) -> Table:
    best = projection.best_digital
    placed = any(projection.methods[name].placement is not None for name in names)
    rows = []
    for name in names:
        method, ratio = projection.methods[name], projection.speedup[name]["kfac.best"]
        same = name == best
        against = ("", "") if same else (speed(ratio.median), _short_range(ratio))
        told = (accurate(projection, name), *((on_machine(projection, name, share=False),) if placed else ()))
        rows.append((name, scaled(method.step_time.median, "s"), *against, *told))
    which = "every method" if len(names) == len(projection.methods) else "best of each family"
    title = f"{setup(projection)}\n{which}, against {best}"
    return Table(
        title,
        ("method", "step", "against", "90 %", "accurate", *(("layers",) if placed else ())),
        tuple(rows),
        right=(1, 2, 3),
        narrow=which != "every method",
        families=which != "every method",
    )


def _short_range(ratio: Estimate) -> str:
    """An interval of a speedup without the direction, where neither end has another than the median."""
    text, direction = speed_range(ratio), speed(ratio.median).rpartition(" ")[2]
    return text.replace(f" {direction}", "") if text.count(" ") == 3 and direction != "equal" else text


def _phases(projection: Projection) -> Table:
    """A step of the best digital K-FAC beside one of the best thermodynamic method."""
    names = (projection.best_digital, projection.best_thermodynamic)
    methods = [projection.methods[name] for name in names]
    order = dict.fromkeys(phase for method in reversed(methods) for phase in method.phases)
    rows, small = [], [0.0, 0.0]
    for phase in order:
        times = [method.phases[phase].median if phase in method.phases else 0.0 for method in methods]
        shares = [time / method.step_time.median for time, method in zip(times, methods, strict=True)]
        if max(shares) < _SMALL:
            small = [before + time for before, time in zip(small, times, strict=True)]
            continue
        rows.append((phase, *_times_and_shares(times, shares)))
    if any(small):
        shares = [time / method.step_time.median for time, method in zip(small, methods, strict=True)]
        rows.append(("all smaller ones", *_times_and_shares(small, shares)))
    kfac = projection.workload.kfac
    title = (
        f"where a step goes: {names[0]} beside {names[1]}\n"
        f"factors every {kfac.factor_interval} steps, inverses every {kfac.refresh_interval}"
    )
    if kfac.stale_steps:
        title += f", first used {kfac.stale_steps} steps later"
    return Table(title, ("phase", "digital", "share", "analog", "share"), tuple(rows), right=(1, 2, 3, 4), narrow=True)


def _times_and_shares(times: list[float], shares: list[float]) -> list[str]:
    pairs = zip(times, shares, strict=True)
    return [text for time, share in pairs for text in ((scaled(time, "s"), percent(share)) if time else ("", ""))]


def _more(projection: Projection) -> str:
    count = len(projection.methods)
    return (
        f"--all shows all {count} methods; --details phases, memory and every number with its source; "
        f"costmodel explain {projection.best_digital} where a number comes from."
    )
