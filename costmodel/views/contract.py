"""The JSON contract: its number, and the entries that several verbs print. docs/json.md describes every key."""

from __future__ import annotations

from typing import Any

from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.quantities.estimate import Quantity
from costmodel.workloads.workload import AnalogLayers, Layer, Workload


def workload_dict(workload: Workload) -> dict[str, Any]:
    """A network in a few numbers."""
    return {
        "name": workload.name,
        "title": workload.title,
        "source": workload.source,
        "batch_size": workload.batch_size,
        "devices": workload.devices,
        "analog_per_device": workload.analog_per_device,
        "precision": workload.precision,
        "kfac_precision": workload.kfac.precision,
        "fisher": workload.kfac.fisher,
        "parameters": workload.parameters,
        "factored_parameters": sum(layer.parameters for layer in workload.layers),
        "factor_pairs": sum(layer.pairs for layer in workload.layers),
        "weight_sharing": workload.kfac.weight_sharing,
        "factor_interval": workload.kfac.factor_interval,
        "refresh_interval": workload.kfac.refresh_interval,
        "stale_steps": workload.kfac.stale_steps,
        "second_stream": workload.kfac.second_stream,
        "shared_link": workload.kfac.shared_link,
        "analog_layers": _names(workload.kfac.analog_layers),
    }


def _names(chosen: AnalogLayers | tuple[str, ...]) -> str | list[str]:
    return list(chosen) if isinstance(chosen, tuple) else chosen.value


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


def layer_dict(layer: Layer, rows: float) -> dict[str, Any]:
    """A factored layer: its shape and the rows of one step."""
    return {
        "name": layer.name,
        "kind": layer.kind,
        "input_factor_dimension": layer.input_factor_dimension,
        "output_factor_dimension": layer.output_dimension,
        "factor_pairs": layer.pairs,
        "rows": rows,
        "parameters": layer.parameters,
    }
