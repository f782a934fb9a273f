"""From a measured network to the section ``kfac.curvature`` of a model file: by role, or layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from costmodel.curvature.law import Target
from costmodel.curvature.roles import LayerRole
from costmodel.inputs.card_writer import quantity_entry
from costmodel.inputs.faults import InputError
from costmodel.quantities.estimate import Draws, Quantity, Status
from costmodel.quantities.names import unknown
from costmodel.quantities.units import one
from validation.curvature.law.table import Table

#: Key of the section by what it goes by.
KEYS = {"role": "roles", "layer": "layers"}


def chosen(data: Table, origin: str, network: str, stage: float) -> Table:
    """One network at one step.

    Args:
        data: All networks of a file.
        origin: The file.
        network: Which one; may be left empty where the file has one.
        stage: Share of the run that is done; the recorded step that is nearest is taken.

    Raises:
        InputError: The network is not in the file, or which one is not said.
    """
    names = list(dict.fromkeys(data.networks))
    if not names:
        raise InputError.about(origin, "holds no layer of which both factors are known and positive")
    if network and network not in names:
        raise InputError.about("--network", unknown("network", network, names))
    if not network and len(names) > 1:
        raise InputError.about("--network", f"{origin} holds several networks; name one of {', '.join(names)}")
    own = data.of([each == (network or names[0]) for each in data.networks])
    nearest = min((place.stage for place in own.places), key=lambda each: abs(each - stage))
    return own.of([place.stage == nearest for place in own.places])


def section(data: Table, origin: str, by: str) -> dict[str, Any]:
    """The section ``curvature`` of a network at one step.

    By role, a value is the geometric mean over layers and its range their 5th to 95th percentile; by layer, it is that
    of the layer.
    """
    record = data.layers[0].A
    source = f"{record.network} at step {record.step} of {Path(origin).name}, by curvature fit"
    groups: dict[str, list[int]] = {}
    for index, place in enumerate(data.places):
        groups.setdefault(place.role.value if by == "role" else data.layers[index].A.layer, []).append(index)
    ordered = [role.value for role in LayerRole if role.value in groups] if by == "role" else list(groups)
    return {KEYS[by]: {name: _entry(data, groups[name], source) for name in ordered}}


def _entry(data: Table, rows: list[int], source: str) -> dict[str, Any]:
    found = {}
    for target in Target:
        logarithms = data.logarithms[target][rows]
        known = logarithms[np.isfinite(logarithms)]
        if len(known):
            found[target.value] = quantity_entry(_quantity(known, source))
    return found


def _quantity(logarithms: Draws, source: str) -> Quantity:
    value = float(np.exp(np.mean(logarithms)))
    low, high = (float(each) for each in np.exp(np.quantile(logarithms, (0.05, 0.95))))
    # One layer far from the others can take the mean past a percentile.
    return Quantity(value, min(low, value), max(high, value), one, Status.MEASURED, source)


def without(found: Mapping[str, Any], names: Iterable[str], model: str) -> tuple[dict[str, Any], list[str]]:
    """What of a section a model has a layer for, and the names it has none for.

    Raises:
        InputError: None of the names is in the model.
    """
    ((key, entries),) = found.items()
    known = list(names)
    kept = {name: entry for name, entry in entries.items() if name in known}
    if not kept:
        what = "role" if key == KEYS["role"] else "layer"
        measured, has = (", ".join(list(each)[:5]) + (", ..." if len(each) > 5 else "") for each in (entries, known))
        message = f"has no {what} that was measured: measured are {measured}; the model has {has}"
        raise InputError.about(model, message)
    return {key: kept}, [name for name in entries if name not in kept]
