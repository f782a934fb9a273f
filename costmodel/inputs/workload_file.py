"""From a checked model.yaml to a :class:`Workload`."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any, Final

from costmodel.inputs import workload_schema as schema
from costmodel.inputs.curvature_law_file import shipped_law
from costmodel.inputs.faults import Fault
from costmodel.inputs.kinds import Part
from costmodel.inputs.layers import LayerReader
from costmodel.inputs.schema import QuantityEntry, report, validate
from costmodel.inputs.yaml_reader import Document, read_yaml
from costmodel.quantities.estimate import Quantity
from costmodel.quantities.names import unknown
from costmodel.workloads.workload import (
    KfacSettings,
    Layer,
    Training,
    Unfactored,
    Workload,
    with_input_gradients,
    with_roles,
)

_KFAC_DEFAULTS: Final = Path(__file__).parents[1] / "catalog" / "kfac.yaml"


def workload_from(document: Document) -> Workload:
    """Check a document against the schema and build the workload.

    Raises:
        InputError: All faults at once, each with its place.
    """
    file, faults = validate(schema.WorkloadFile, document)
    data = document.data if isinstance(document.data, dict) else {}
    reader = LayerReader(document)
    if isinstance(data.get("layers"), list):
        parts = reader.listed(data["layers"], ("layers",))
    elif isinstance(data.get("family"), str):
        parts = reader.family(data["family"], data.get("parameters") is not None)
    faults += reader.faults
    if file is not None and not reader.faults:
        faults += _without_layer(document, file, parts)
        faults += _not_on_machine(document, file, parts)
    if file is not None:
        faults += _devices(document, file)
        faults += _staleness(document, file.kfac)
    report(document, faults)
    assert file is not None  # a missing file has faults
    return Workload(
        name=file.name,
        title=file.title,
        source=file.source,
        batch_size=file.batch_size,
        layers=tuple(with_roles([part for part in with_input_gradients(parts) if isinstance(part, Layer)])),
        others=tuple(part for part in parts if isinstance(part, Unfactored)),
        kfac=_kfac(file.kfac),
        training=_training(file.training),
        host_time=_quantity(file.host_time),
        network=file.network,
        loss_terms=file.loss_terms,
        precision=file.precision,
        devices=file.devices,
        analog_per_device=file.analog_per_device,
    )


def _without_layer(document: Document, file: schema.WorkloadFile, parts: list[Part]) -> list[Fault]:
    """Curvature of layers that the model does not have."""
    entry = file.kfac.curvature
    names = [part.name for part in parts if isinstance(part, Layer)]
    strange = [name for name in (entry.layers if entry else ()) if name not in set(names)]
    where = ("kfac", "curvature", "layers")
    return [document.fault((*where, name), unknown("factored layer", name, names)) for name in strange]


def _not_on_machine(document: Document, file: schema.WorkloadFile, parts: list[Part]) -> list[Fault]:
    """Layers for the machine that the model does not have."""
    named = file.kfac.analog_layers
    if not isinstance(named, tuple):
        return []
    names = [part.name for part in parts if isinstance(part, Layer)]
    where = ("kfac", "analog_layers")
    return [
        document.fault((*where, index), unknown("factored layer", name, names))
        for index, name in enumerate(named)
        if name not in set(names)
    ]


def _devices(document: Document, file: schema.WorkloadFile) -> list[Fault]:
    """More devices than examples, and shares of the devices that are no whole number of them."""
    devices, share = file.devices, file.kfac.gradient_workers
    faults = []
    if devices > file.batch_size:
        message = f"{devices} devices share {file.batch_size} examples of a step; at most one device an example"
        faults.append(document.fault(("devices",), message))
    if isinstance(share, float):
        workers = round(share * devices)
        if not math.isclose(workers, share * devices, rel_tol=1e-6) or workers < 1 or devices % workers:
            message = f"{share:g} of {devices} devices is {share * devices:g}; groups are equal and of whole devices"
            faults.append(document.fault(("kfac", "gradient_workers"), message))
    return faults


def _staleness(document: Document, entry: schema.KfacEntry) -> list[Fault]:
    """A refresh that is still under way when the next one starts."""
    stale = entry.stale_steps or 0
    interval = entry.refresh_interval or kfac_defaults().refresh_interval
    if interval is None or stale <= interval:
        return []
    message = f"a refresh {stale} steps old is replaced after {interval} (refresh_interval); at most as many"
    return [document.fault(("kfac", "stale_steps"), message)]


def _share(placement: schema.Placement | float) -> float | None:
    """Share of the devices that hold a layer's inverses; None for one device, however many there are."""
    if isinstance(placement, schema.Placement):
        return 1.0 if placement is schema.Placement.COMMUNICATION_OPTIMAL else None
    return placement


def _quantity(entry: QuantityEntry | None) -> Quantity | None:
    return None if entry is None else entry.quantity()


@cache
def kfac_defaults() -> schema.KfacFile:
    """What K-FAC's settings are where a model leaves them out."""
    document = read_yaml(_KFAC_DEFAULTS)
    file, faults = validate(schema.KfacFile, document)
    report(document, faults)
    assert file is not None  # a missing file has faults
    return file


def _kfac(entry: schema.KfacEntry) -> KfacSettings:
    settings: dict[str, Any] = {}
    for name in schema.KfacEntry.model_fields:
        given = getattr(entry, name)
        value = getattr(kfac_defaults(), name) if given is None else given
        settings[name] = value.quantity() if isinstance(value, QuantityEntry) else value
    settings["gradient_workers"] = _share(settings["gradient_workers"])
    settings["curvature"] = (entry.curvature or schema.CurvatureEntry()).measured()
    return KfacSettings(**settings, curvature_law=shipped_law())


def _training(entry: schema.Training | None) -> Training | None:
    if entry is None:
        return None
    return Training(entry.target, entry.adam_steps.quantity(), entry.kfac_step_ratio.quantity())
