"""A projection as flat records: one a method, or one a method and phase. SI units, all digits, the same keys in all."""

from __future__ import annotations

from costmodel.projection.project import Projection
from costmodel.quantities.estimate import Estimate
from costmodel.views.project_screen import families


def method_records(projection: Projection) -> list[dict[str, object]]:
    """One record a method: its step, speedups, energy, accuracy and memory, and what it was projected for."""
    groups = families(projection)
    records = []
    for name, method in projection.methods.items():
        ratios = projection.speedup[name]
        feasibility = projection.feasibility.get(name)
        records.append(
            {
                **_asked(projection),
                "method": name,
                "family": groups.get(name, name),
                **named("step_time_s", method.step_time),
                **named("speedup_over_best_digital", ratios["kfac.best"]),
                **named("speedup_over_adam", ratios["adam"]),
                **named("speedup_over_adam_to_target", ratios.get("adam_to_target")),
                **named("time_to_target_s", method.time_to_target),
                **named("energy_j", method.energy),
                **named("energy_gain", projection.energy_gain.get(name)),
                "accurate": None if feasibility is None else feasibility.reach.value,
                **_on_machine(projection, name),
                "layers_reached": None if feasibility is None else feasibility.layers_reached,
                "memory_bytes": method.memory.total,
                "fits": method.memory.fits,
                "bound_by": method.bound,
            }
        )
    return records


def phase_records(projection: Projection) -> list[dict[str, object]]:
    """One record a method and phase: its time in a step, spread over its interval, its share and its energy."""
    return [
        {
            **_asked(projection),
            "method": name,
            "phase": phase,
            **named("time_s", estimate),
            "share": estimate.median / method.step_time.median if method.step_time.median else 0.0,
            **named("energy_j", method.phase_energy.get(phase)),
        }
        for name, method in projection.methods.items()
        for phase, estimate in method.phases.items()
    ]


def _on_machine(projection: Projection, name: str) -> dict[str, object]:
    """Layers that a thermodynamic method solves on the machine, their share of the work, and who does the rest."""
    keys = ("analog_layers", "analog_work_share", "others_by")
    if name not in projection.feasibility:
        return dict.fromkeys(keys)
    found = projection.methods[name].placement
    if found is None:
        return dict(zip(keys, (len(projection.workload.layers), 1.0, None), strict=True))
    return dict(zip(keys, (len(found.layers), found.work_share, found.digital), strict=True))


def named(name: str, estimate: Estimate | None) -> dict[str, object]:
    """An estimate in four columns; empty ones where there is none."""
    if estimate is None:
        return dict.fromkeys(f"{name}_{key}" for key in ("median", "p05", "p95", "status"))
    return {f"{name}_{key}": value for key, value in estimate.as_dict().items()}


def _asked(projection: Projection) -> dict[str, object]:
    return {
        "model": projection.workload.name,
        "digital": projection.digital.name,
        "analog": projection.analog.name,
        "scenario": projection.scenario.value,
    }
