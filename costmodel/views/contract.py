"""The JSON contract, schema 1. docs/json.md describes every key; a change here is a change of the contract."""

from __future__ import annotations

from typing import Any, Final

from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.counts import Counts
from costmodel.projection.project import LayerProjection, MethodProjection, Projection
from costmodel.quantities.estimate import Quantity
from costmodel.views.verdict import verdict
from costmodel.workloads.workload import Layer, Workload

SCHEMA: Final = 1


def projection_dict(projection: Projection) -> dict[str, Any]:
    """What ``project --format json`` prints."""
    return {
        "schema": SCHEMA,
        "model": workload_dict(projection.workload),
        "digital": card_dict(projection.digital),
        "analog": card_dict(projection.analog),
        "scenario": projection.scenario.value,
        "draws": projection.draws,
        "seed": projection.seed,
        "verdict": verdict(projection),
        "best_digital": projection.best_digital,
        "best_thermodynamic": projection.best_thermodynamic,
        "methods": {name: _method_dict(method) for name, method in projection.methods.items()},
        "speedup": {
            name: {over: estimate.as_dict() for over, estimate in ratios.items()}
            for name, ratios in projection.speedup.items()
        },
        "free_solver_speedup": projection.free_solver.as_dict(),
        "feasibility": {name: found.as_dict() for name, found in projection.feasibility.items()},
        "layers": [_layer_projection_dict(layer) for layer in projection.layers],
        "assumptions": [quantity_dict(path, quantity) for path, quantity in projection.assumptions.items()],
    }


def counts_dict(counts: Counts) -> dict[str, Any]:
    """What ``counts --format json`` prints."""
    return {
        "schema": SCHEMA,
        "model": workload_dict(counts.workload),
        "phases": {
            "forward_backward": {
                "flops": counts.forward_backward,
                "other_flops": counts.other_forward_backward,
            },
            "factors": {"expand_flops": counts.factors_expand, "reduce_flops": counts.factors_reduce},
            "inversion": {"cholesky_flops": counts.inversion_cholesky, "eigh_flops": counts.inversion_eigh},
            "precondition": {"flops": counts.precondition},
        },
        "layers": [
            _layer_dict(layer, layer.rows(counts.workload.batch_size))
            | {f"{name}_flops": flops for name, flops in counts.by_layer[layer.name].items()}
            for layer in counts.workload.layers
        ],
        "not_factored": [
            {
                "name": other.name,
                "kind": other.kind,
                "parameters": other.parameters,
                "forward_flops_per_example": other.forward_flops_per_example,
            }
            for other in counts.workload.others
        ],
    }


def workload_dict(workload: Workload) -> dict[str, Any]:
    """A network in a few numbers."""
    return {
        "name": workload.name,
        "title": workload.title,
        "source": workload.source,
        "batch_size": workload.batch_size,
        "parameters": workload.parameters,
        "factored_parameters": sum(layer.parameters for layer in workload.layers),
        "factor_pairs": sum(layer.pairs for layer in workload.layers),
        "weight_sharing": workload.kfac.weight_sharing,
        "factor_interval": workload.kfac.factor_interval,
        "refresh_interval": workload.kfac.refresh_interval,
    }


def card_dict(card: DigitalCard | AnalogCard) -> dict[str, Any]:
    """A card without its values; those are among the assumptions."""
    return {"name": card.name, "title": card.title, "source": card.source}


def quantity_dict(path: str, quantity: Quantity) -> dict[str, Any]:
    """One number with everything known about it."""
    return {
        "path": path,
        "value": quantity.value,
        "low": quantity.low,
        "high": quantity.high,
        "unit": quantity.unit.name,
        "status": quantity.status.value,
        "source": quantity.source,
    }


def _method_dict(method: MethodProjection) -> dict[str, Any]:
    return {
        "title": method.title,
        "step_time_s": method.step_time.as_dict(),
        "phases": {name: estimate.as_dict() for name, estimate in method.phases.items()},
        "bound_by": method.bound,
        "time_to_target_s": None if method.time_to_target is None else method.time_to_target.as_dict(),
        "energy_j": None if method.energy is None else method.energy.as_dict(),
        "phase_energy_j": {name: estimate.as_dict() for name, estimate in method.phase_energy.items()},
    }


def _layer_projection_dict(layer: LayerProjection) -> dict[str, Any]:
    return _layer_dict(layer.layer, layer.rows) | {"step_time_s": dict(layer.step_time)}


def _layer_dict(layer: Layer, rows: float) -> dict[str, Any]:
    return {
        "name": layer.name,
        "kind": layer.kind,
        "input_factor_dimension": layer.input_factor_dimension,
        "output_factor_dimension": layer.output_dimension,
        "factor_pairs": layer.pairs,
        "rows": rows,
        "parameters": layer.parameters,
    }
