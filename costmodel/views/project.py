"""What ``project`` shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from costmodel.machines.precision import Precision
from costmodel.projection.feasibility import Reach
from costmodel.projection.memory import Memory
from costmodel.projection.project import LayerProjection, MethodProjection, Projection
from costmodel.quantities.estimate import Estimate
from costmodel.quantities.shown import html_table
from costmodel.views.contract import SCHEMA, card_dict, layer_dict, quantity_dict, workload_dict
from costmodel.views.finite import check_finite
from costmodel.views.numbers import interval, percent, quantity, ratio, scaled
from costmodel.views.table import Table
from costmodel.views.verdict import verdict


@dataclass(frozen=True, slots=True)
class ProjectReport:
    """A projection: methods, their phases, and the numbers it all rests on.

    Attributes:
        projection: What is shown.
        every: Whether tables hold the methods that the machine cannot run, too; every other format does.
    """

    projection: Projection
    every: bool = False

    def as_dict(self) -> dict[str, Any]:
        """What ``project --format json`` prints.

        Raises:
            InputError: A number in it is a NaN or infinite.
        """
        found = _contents(self.projection)
        check_finite(found)
        # A sentence cannot be made of what is no number; the check comes first.
        found["verdict"] = verdict(self.projection)
        return found

    def tables(self) -> list[Table]:
        """Methods, phases, memory and assumptions, the verdict below them."""
        shown = _shown(self.projection, every=self.every)
        of_methods = [build(self.projection, shown) for build in (_methods, _phases, _memory)]
        return [*of_methods, _assumptions(self.projection)]

    def records(self) -> list[dict[str, object]]:
        """One record for each method and phase, the step as a whole under ``"step"``; seconds."""
        return phase_records(self.projection)

    def html(self) -> str:
        """For a notebook: the verdict above the table of methods."""
        methods = _methods(self.projection, _shown(self.projection, every=self.every))
        return f"<p>{escape(verdict(self.projection))}</p>{html_table(methods.columns, methods.rows)}"


def phase_records(projection: Projection) -> list[dict[str, object]]:
    """One record for each method and phase, the step as a whole under ``"step"``; seconds."""
    return [
        {"method": name, "phase": phase, **estimate_columns(estimate, "_s")}
        for name, method in projection.methods.items()
        for phase, estimate in {"step": method.step_time, **method.phases}.items()
    ]


def estimate_columns(estimate: Estimate, unit: str = "") -> dict[str, object]:
    """An estimate in columns of a flat record; a unit is joined to the names of its numbers."""
    numbers = {"median": estimate.median, "p05": estimate.p05, "p95": estimate.p95}
    return {**{f"{name}{unit}": value for name, value in numbers.items()}, "status": estimate.status.value}


def _contents(projection: Projection) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "model": workload_dict(projection.workload),
        "digital": card_dict(projection.digital),
        "analog": card_dict(projection.analog),
        "scenario": projection.scenario.value,
        "draws": projection.draws,
        "seed": projection.seed,
        "verdict": "",  # keeps its place
        "best_digital": projection.best_digital,
        "best_thermodynamic": projection.best_thermodynamic,
        "methods": {name: _method_dict(method) for name, method in projection.methods.items()},
        "speedup": {
            name: {over: estimate.as_dict() for over, estimate in ratios.items()}
            for name, ratios in projection.speedup.items()
        },
        "free_solver_speedup": projection.free_solver.as_dict(),
        "feasibility": {name: found.as_dict() for name, found in projection.feasibility.items()},
        "layers": [_layer_dict(layer) for layer in projection.layers],
        "assumptions": [quantity_dict(path, quantity) for path, quantity in projection.assumptions.items()],
    }


def _method_dict(method: MethodProjection) -> dict[str, Any]:
    return {
        "title": method.title,
        "step_time_s": method.step_time.as_dict(),
        "phases": {name: estimate.as_dict() for name, estimate in method.phases.items()},
        "beside_training_s": None if method.beside_training is None else method.beside_training.as_dict(),
        "bound_by": method.bound,
        "time_to_target_s": None if method.time_to_target is None else method.time_to_target.as_dict(),
        "energy_j": None if method.energy is None else method.energy.as_dict(),
        "memory_bytes": _memory_dict(method.memory),
        "phase_energy_j": {name: estimate.as_dict() for name, estimate in method.phase_energy.items()},
    }


def _memory_dict(memory: Memory) -> dict[str, Any]:
    kept = {name: getattr(memory, name) for name in ("parameters", "gradients", "state", "activations", "total")}
    return {**kept, "available": memory.available, "fits": memory.fits}


def _layer_dict(layer: LayerProjection) -> dict[str, Any]:
    return layer_dict(layer.layer, layer.rows) | {"step_time_s": dict(layer.step_time)}


def _shown(projection: Projection, *, every: bool) -> dict[str, MethodProjection]:
    """Methods in tables: all, or without those that the machine cannot run."""
    idle = {name for name, found in projection.feasibility.items() if found.reach is Reach.CANNOT_RUN}
    return {name: method for name, method in projection.methods.items() if every or name not in idle}


def _accurate(projection: Projection, name: str) -> str:
    """Whether a method is accurate enough, marked where it takes for granted what no card describes."""
    found = projection.feasibility.get(name)
    return "" if found is None else found.reach.value + ("*" if found.assumes else "")


def _notes(projection: Projection, shown: Mapping[str, MethodProjection]) -> str:
    """What the marks mean, and what is not shown."""
    found = {name: projection.feasibility[name] for name in shown if name in projection.feasibility}
    assumed = dict.fromkeys(part for each in found.values() for part in each.assumes)
    notes = [f"* given what the card does not describe: {', '.join(assumed)}."] if assumed else []
    hidden = [name for name in projection.methods if name not in shown]
    if hidden:
        missing = dict.fromkeys(value for name in hidden for value in projection.feasibility[name].missing)
        values = ", ".join(value.replace("_", " ") for value in missing)
        notes.append(f"{len(hidden)} methods need a card with {values}; --all shows them.")
    return " ".join(notes)


def _methods(projection: Projection, shown: Mapping[str, MethodProjection]) -> Table:
    rows = []
    for name, method in shown.items():
        speedup = projection.speedup[name]
        rows.append(
            (
                name,
                scaled(method.step_time.median, "s"),
                interval(method.step_time),
                method.step_time.status.value,
                _accurate(projection, name),
                ratio(speedup["kfac.best"]),
                ratio(speedup["adam"]),
                ratio(speedup["adam_to_target"]) if "adam_to_target" in speedup else "unknown",
                method.bound,
            )
        )
    title = (
        f"{projection.workload.title or projection.workload.name}, batch {projection.workload.batch_size}; "
        f"{_run(projection)}{projection.digital.name} and {projection.analog.name}, {projection.scenario} scenario"
    )
    best = f"over {projection.best_digital}"
    columns = (
        "method",
        "step",
        "90 %",
        "status",
        "accurate",
        best,
        "over adam, a step",
        "over adam, to target",
        "bound by",
    )
    return Table(title, columns, tuple(rows), right=(1, 2, 5, 6, 7), note=_notes(projection, shown))


def _run(projection: Projection) -> str:
    """How the step is run, where it is not in float32 throughout on one device."""
    workload = projection.workload
    stated = {"network": workload.precision, "K-FAC's products": workload.kfac.precision}
    told = [f"{what} in {each.value}" for what, each in stated.items() if each is not Precision.FLOAT32]
    if workload.devices > 1:
        machines = "an analog machine each" if workload.analog_per_device else "one analog machine for all"
        told.append(f"{workload.devices} devices with {workload.device_batch:g} examples and {machines}")
    return "".join(f"{each}; " for each in told)


def _phases(projection: Projection, shown: Mapping[str, MethodProjection]) -> Table:
    rows = []
    for name, method in shown.items():
        phases = {phase: estimate for phase, estimate in method.phases.items() if estimate.p95 > 0}
        for index, (phase, estimate) in enumerate(phases.items()):
            share = estimate.median / method.step_time.median
            time, range_ = scaled(estimate.median, "s"), interval(estimate)
            energy = method.phase_energy.get(phase)
            joules = "" if energy is None else scaled(energy.median, "J")
            status = estimate.status.value
            rows.append((name if index == 0 else "", phase, time, range_, percent(share), status, joules))
        beside = method.beside_training
        if beside is not None and beside.p95 > 0:
            rows.append(
                ("", "(beside training)", scaled(beside.median, "s"), interval(beside), "", beside.status.value, "")
            )
    kfac = projection.workload.kfac
    title = f"a step by phase; factors every {kfac.factor_interval} steps, refresh every {kfac.refresh_interval}"
    if kfac.stale_steps:
        title += f", first used {kfac.stale_steps} steps later"
    return Table(
        title, ("method", "phase", "time", "90 %", "share", "status", "energy"), tuple(rows), right=(2, 3, 4, 6)
    )


def _memory(projection: Projection, shown: Mapping[str, MethodProjection]) -> Table:
    rows = []
    for name, method in shown.items():
        kept = method.memory
        parts = (kept.parameters + kept.gradients, kept.state, kept.activations, kept.total)
        rows.append((name, *(scaled(each, "B") for each in parts), _FITS[kept.fits]))
    columns = ("method", "weights, gradients", "state", "activations", "all", "fits")
    return Table("memory of a device, at least", columns, tuple(rows), right=(1, 2, 3, 4))


_FITS: Final = {True: "yes", False: "no", None: "unknown"}


def _assumptions(projection: Projection) -> Table:
    rows = tuple(
        (path, quantity(value), value.status.value, _short(value.source))
        for path, value in projection.assumptions.items()
    )
    title = "what it rests on (change any with --set PATH=VALUE)"
    return Table(title, ("path", "value", "status", "source"), rows, note=verdict(projection))


def _short(text: str, width: int = 72) -> str:
    return text if len(text) <= width else f"{text[: width - 1].rstrip()}…"
