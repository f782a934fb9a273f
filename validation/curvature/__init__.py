"""The curvature of one's own network: both Kronecker factors of its layers, measured while it trains.

What needs torch is loaded when it is asked for, so that the law of curvature is fitted and scored without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from solver.kfac.factors import Sharing
    from validation.curvature.fisher import Fisher, Likelihood
    from validation.curvature.probe import CurvatureProbe
    from validation.curvature.task import Task

_HOMES = {
    "CurvatureProbe": "validation.curvature.probe",
    "Fisher": "validation.curvature.fisher",
    "Likelihood": "validation.curvature.fisher",
    "Sharing": "solver.kfac.factors",
    "Task": "validation.curvature.task",
}

__all__ = ["CurvatureProbe", "Fisher", "Likelihood", "Sharing", "Task"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
