"""What ``project`` shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from costmodel.defaults import SCHEMA
from costmodel.projection.feasibility import Reach
from costmodel.projection.memory import Memory
from costmodel.projection.placing import Placement
from costmodel.projection.project import LayerProjection, MethodProjection, Projection
from costmodel.quantities.shown import html_table
from costmodel.questions.judgement import judgements
from costmodel.views.contract import card_dict, layer_dict, quantity_dict, workload_dict
from costmodel.views.finite import check_finite
from costmodel.views.numbers import interval, percent, quantity, scaled, speed, speed_with_range
from costmodel.views.project_records import method_records, phase_records
from costmodel.views.project_screen import accurate, answer, best_of_each, on_machine, reasons, rest, setup
from costmodel.views.table import Block, Table
from costmodel.views.verdict import answers, verdict, warnings


@dataclass(frozen=True, slots=True)
class ProjectReport:
    """A projection: methods, their phases, and the numbers it all rests on.

    Attributes:
        projection: What is shown.
        every: Whether tables hold every method, those that the machine cannot run, too; JSON and CSV always do.
        details: Whether phases, memory and assumptions are shown, and CSV has a row a phase.
    """

    projection: Projection
    every: bool = False
    details: bool = False

    def as_dict(self) -> dict[str, Any]:
        """What ``project --format json`` prints.

        Raises:
            InputError: A number in it is a NaN or infinite.
        """
        found = _contents(self.projection)
        check_finite(found)
        # A sentence cannot be made of what is no number; the check comes first.
        found["verdict"] = verdict(self.projection)
        found["judgements"] = [each.as_dict() for each in judgements(self.projection)]
        found["warnings"] = warnings(self.projection)
        return found

    def tables(self) -> list[Block]:
        """The answer, and what it rests on as far as it is asked for."""
        projection = self.projection
        blocks: list[Block] = [answer(projection), answers(projection), reasons(projection)]
        names = list(projection.methods) if self.every else best_of_each(projection)
        compared, where, *notes = rest(projection, names)
        blocks += [compared, where]
        if self.details:
            shown = {name: projection.methods[name] for name in names}
            blocks += [_steps(projection, shown), *(_phases(name, method) for name, method in shown.items())]
            blocks += [*_placements(shown), _memory(projection, shown), _assumptions(projection)]
        return [*blocks, *notes]

    def records(self) -> list[dict[str, object]]:
        """One record a method; with details one a method and phase."""
        return phase_records(self.projection) if self.details else method_records(self.projection)

    def html(self) -> str:
        """For a notebook: the verdict above the table of methods."""
        methods = _methods(self.projection, _runnable(self.projection))
        return f"<p>{escape(verdict(self.projection))}</p>{html_table(methods.columns, methods.rows)}"


def _contents(projection: Projection) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "model": workload_dict(projection.workload),
        "digital": card_dict(projection.digital),
        "analog": card_dict(projection.analog),
        "scenario": projection.scenario.value,
        "draws": projection.draws,
        "seed": projection.seed,
        "verdict": "",  # keeps its place, as do the next two
        "judgements": [],
        "warnings": [],
        "best_digital": projection.best_digital,
        "best_thermodynamic": projection.best_thermodynamic,
        "methods": {name: _method_dict(method) for name, method in projection.methods.items()},
        "speedup": {
            name: {over: estimate.as_dict() for over, estimate in ratios.items()}
            for name, ratios in projection.speedup.items()
        },
        "energy_gain": {name: estimate.as_dict() for name, estimate in projection.energy_gain.items()},
        "free_solver_speedup": projection.free_solver.as_dict(),
        "feasibility": {name: found.as_dict() for name, found in projection.feasibility.items()},
        "method_records": method_records(projection),
        "phase_records": phase_records(projection),
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
        "placement": _placement_dict(method.placement),
        "time_to_target_s": None if method.time_to_target is None else method.time_to_target.as_dict(),
        "energy_j": None if method.energy is None else method.energy.as_dict(),
        "memory_bytes": _memory_dict(method.memory),
        "phase_energy_j": {name: estimate.as_dict() for name, estimate in method.phase_energy.items()},
        "waiting_energy_j": None if method.waiting_energy is None else method.waiting_energy.as_dict(),
    }


def _placement_dict(placement: Placement | None) -> dict[str, Any] | None:
    if placement is None:
        return None
    return {
        "analog": placement.analog,
        "digital": placement.digital,
        "layers": list(placement.layers),
        "of": placement.of,
        "work_share": placement.work_share,
        "not_accurate": placement.missed,
    }


def _memory_dict(memory: Memory) -> dict[str, Any]:
    kept = {name: getattr(memory, name) for name in ("parameters", "gradients", "state", "activations", "total")}
    return {**kept, "available": memory.available, "fits": memory.fits}


def _layer_dict(layer: LayerProjection) -> dict[str, Any]:
    return layer_dict(layer.layer, layer.rows) | {"step_time_s": dict(layer.step_time)}


def _runnable(projection: Projection) -> dict[str, MethodProjection]:
    """Methods without those that the machine cannot run."""
    idle = {name for name, found in projection.feasibility.items() if found.reach is Reach.CANNOT_RUN}
    return {name: method for name, method in projection.methods.items() if name not in idle}


def _methods(projection: Projection, shown: Mapping[str, MethodProjection]) -> Table:
    rows = []
    for name, method in shown.items():
        ratios = projection.speedup[name]
        step = method.step_time
        target = speed(ratios["adam_to_target"].median) if "adam_to_target" in ratios else "unknown"
        against = speed_with_range(ratios["kfac.best"])
        over_adam = speed(ratios["adam"].median)
        times = (scaled(step.median, "s"), interval(step), step.status.value)
        told = (accurate(projection, name), on_machine(projection, name))
        rows.append((name, *times, *told, against, over_adam, target, method.bound))
    columns = (
        "method", "step", "90 %", "status", "accurate", "on machine", f"against {projection.best_digital}",
        "against adam, a step", "against adam, to target", "bound by",
    )  # fmt: skip
    return Table(setup(projection), columns, tuple(rows), right=(1, 2, 6, 7, 8))


def _steps(projection: Projection, shown: Mapping[str, MethodProjection]) -> Table:
    rows = []
    for name, method in shown.items():
        step = method.step_time
        adam = speed(projection.speedup[name]["adam"].median)
        rows.append((name, scaled(step.median, "s"), interval(step), step.status.value, adam))
    return Table("a step", ("method", "step", "90 %", "status", "against adam"), tuple(rows), right=(1, 2, 4))


def _phases(name: str, method: MethodProjection) -> Table:
    rows = []
    phases = {phase: estimate for phase, estimate in method.phases.items() if estimate.p95 > 0}
    for phase, estimate in phases.items():
        share = estimate.median / method.step_time.median
        time, range_ = scaled(estimate.median, "s"), interval(estimate)
        energy = method.phase_energy.get(phase)
        joules = "" if energy is None else scaled(energy.median, "J")
        rows.append((phase, time, range_, percent(share), estimate.status.value, joules))
    beside = method.beside_training
    if beside is not None and beside.p95 > 0:
        rows.append(("(beside training)", scaled(beside.median, "s"), interval(beside), "", beside.status.value, ""))
    title = f"{name}, phase by phase"
    return Table(title, ("phase", "time", "90 %", "share", "status", "energy"), tuple(rows), right=(1, 2, 3, 5))


def _placements(shown: Mapping[str, MethodProjection]) -> list[Table]:
    """Where layers are solved, of methods that do not leave it at all on the machine."""
    found = {name: method.placement for name, method in shown.items() if method.placement is not None}
    rows = []
    for name, each in found.items():
        share = f"{len(each.layers)} of {each.of}", percent(each.work_share), str(each.missed)
        rows.append((name, each.analog, *share, each.digital or "", ", ".join(each.layers) or "none"))
    columns = (
        "method", "machine by", "layers", "solver's work", "not accurate there", "others by", "layers on the machine",
    )  # fmt: skip
    return [Table("where layers are solved", columns, tuple(rows), right=(2, 3, 4))] if rows else []


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
        (path, quantity(value), value.status.value, value.source) for path, value in projection.assumptions.items()
    )
    title = "what it rests on (change any with --set PATH=VALUE)"
    return Table(title, ("path", "value", "status", "source"), rows)
