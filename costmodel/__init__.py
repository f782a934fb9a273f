"""What K-FAC costs on digital hardware and on a thermodynamic solver, layer by layer, with intervals.

>>> from costmodel import project
>>> result = project("imagenet_vit", "h100-sxm", "tngd-2024", set={"analog.relaxation_time": "1 ns"})
>>> result.best_digital
'kfac.newton_schulz'

===============  =====================================================================================================
project          every method on a model and its hardware, from names, files or loaded objects: a :class:`Projection`
count            exact FLOPs of one step of a model: :class:`Counts`
from_torch       a workload from a torch module, read on the meta device; ``to_yaml`` writes its model file
predict          time of one operation on a digital card: a :class:`Prediction`
sensitivity      what drives a step or a speedup: Sobol indices over the inputs' ranges, and elasticities
crossover        the value of an input at which two methods cost the same, or why there is none
regimes          who wins where, on a map over two inputs
require          what a wanted speedup would take
sweep            many points of a grid, streamed to a file; ``table()`` of the result reads it
compare          projections side by side: what changed, and why
target           time of a whole training run by method, and the ratio of steps at which Adam is as fast
catalog_names    names that are shipped: ``catalog_names("models")``, ``catalog_names("cards")``
load_workload    a model by name or file: a :class:`Workload`
load_card        a card by name or file: a :class:`DigitalCard` or an :class:`AnalogCard`
Projection       costs by method, phase and layer; ``verdict()``, ``table()``, ``phases_table()``, ``layers_table()``,
                 ``assumptions_table()``, ``as_dict()``
Counts           FLOPs by phase and layer; ``table()``, ``as_dict()``
Prediction       a time with its interval, and whether the size was in the data
Workload         a network as K-FAC sees it, with its batch and K-FAC's settings
DigitalCard      a digital device: what its operations cost
AnalogCard       a thermodynamic machine: its constants
Quantity         a value of a card or a model: range, unit, status, source
Estimate         a result: median, 5th and 95th percentile, status
Status           how far a number can be trusted, from ``measured`` to ``assumed``
Scenario         how the ranges of the analog arm are used: ``conservative``, ``nominal``, ``optimistic``
InputError       what is raised for bad input; ``faults`` has all of them
formulas         module: the symbolic core, ``formulas.get("thermo.solve.time")``
symbols          module: every symbol with unit, domain and meaning
units            module: physical units, and how texts like ``"50 Gbit/s"`` are read
===============  =====================================================================================================

A name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from costmodel import formulas
    from costmodel.api import count, from_torch, load_card, load_workload, predict, project
    from costmodel.api_questions import crossover, regimes, require, sensitivity
    from costmodel.api_sweep import compare, sweep, target
    from costmodel.defaults import Scenario
    from costmodel.inputs.faults import InputError
    from costmodel.inputs.loading import catalog_names
    from costmodel.machines.cards import AnalogCard, DigitalCard
    from costmodel.projection.counts import Counts
    from costmodel.projection.predict import Prediction
    from costmodel.projection.project import Projection
    from costmodel.quantities import symbols, units
    from costmodel.quantities.estimate import Estimate, Quantity, Status
    from costmodel.workloads.workload import Workload

__all__ = [
    "AnalogCard",
    "Counts",
    "DigitalCard",
    "Estimate",
    "InputError",
    "Prediction",
    "Projection",
    "Quantity",
    "Scenario",
    "Status",
    "Workload",
    "catalog_names",
    "compare",
    "count",
    "crossover",
    "formulas",
    "from_torch",
    "load_card",
    "load_workload",
    "predict",
    "project",
    "regimes",
    "require",
    "sensitivity",
    "sweep",
    "symbols",
    "target",
    "units",
]

#: The module that a name is in.
_HOMES: Final = {
    "AnalogCard": "costmodel.machines.cards",
    "Counts": "costmodel.projection.counts",
    "DigitalCard": "costmodel.machines.cards",
    "Estimate": "costmodel.quantities.estimate",
    "InputError": "costmodel.inputs.faults",
    "Prediction": "costmodel.projection.predict",
    "Projection": "costmodel.projection.project",
    "Quantity": "costmodel.quantities.estimate",
    "Scenario": "costmodel.defaults",
    "Status": "costmodel.quantities.estimate",
    "Workload": "costmodel.workloads.workload",
    "catalog_names": "costmodel.inputs.loading",
    "compare": "costmodel.api_sweep",
    "count": "costmodel.api",
    "crossover": "costmodel.api_questions",
    "from_torch": "costmodel.api",
    "load_card": "costmodel.api",
    "load_workload": "costmodel.api",
    "predict": "costmodel.api",
    "project": "costmodel.api",
    "regimes": "costmodel.api_questions",
    "require": "costmodel.api_questions",
    "sensitivity": "costmodel.api_questions",
    "sweep": "costmodel.api_sweep",
    "target": "costmodel.api_sweep",
}
_MODULES: Final = {
    "formulas": "costmodel.formulas",
    "symbols": "costmodel.quantities.symbols",
    "units": "costmodel.quantities.units",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that ``python -m costmodel --help`` need not."""
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'costmodel' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
