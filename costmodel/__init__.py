"""What K-FAC costs on digital hardware and on a thermodynamic solver, layer by layer, with intervals.

>>> from costmodel import load_card, load_workload, project
>>> result = project(load_workload("imagenet_vit"), load_card("h100-sxm"), load_card("tngd-2024"))
>>> result.best_digital
'kfac.newton_schulz'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from costmodel import formulas
    from costmodel.inputs.faults import InputError
    from costmodel.inputs.loading import load_card, load_workload
    from costmodel.projection.counts import count
    from costmodel.projection.project import Projection, project

__all__ = ["InputError", "Projection", "count", "formulas", "load_card", "load_workload", "project"]

_HOMES = {
    "InputError": "costmodel.inputs.faults",
    "Projection": "costmodel.projection.project",
    "count": "costmodel.projection.counts",
    "load_card": "costmodel.inputs.loading",
    "load_workload": "costmodel.inputs.loading",
    "project": "costmodel.projection.project",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that ``python -m costmodel --help`` need not."""
    if name == "formulas":
        return import_module("costmodel.formulas")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'costmodel' has no attribute '{name}'")
