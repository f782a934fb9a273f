"""The symbolic core: every count and every time as a :class:`Formula`, by dotted name.

>>> from costmodel import formulas
>>> formulas.get("thermo.solve.settle.time").unit.name
's'
"""

from costmodel.formulas import accuracy, crossover, first_order, kfac, network, rivals, schedule
from costmodel.formulas.formula import Formula
from costmodel.formulas.registry import catalog, get, inside
from costmodel.formulas.thermo import (
    accumulated,
    accumulation,
    averaging,
    blocks,
    budget,
    columns,
    columns_energy,
    converters,
    deflation,
    energy,
    inverse,
    mismatch,
    mitigated,
    noise,
    parallel,
    pipelined,
    products,
    quantization,
    refinement,
    sampling,
    solve,
    spectrum,
    traffic_energy,
    transient,
    underdamped,
    warm,
)

__all__ = [
    "Formula",
    "accumulated",
    "accumulation",
    "accuracy",
    "averaging",
    "blocks",
    "budget",
    "catalog",
    "columns",
    "columns_energy",
    "converters",
    "crossover",
    "deflation",
    "energy",
    "first_order",
    "get",
    "inside",
    "inverse",
    "kfac",
    "mismatch",
    "mitigated",
    "network",
    "noise",
    "parallel",
    "pipelined",
    "products",
    "quantization",
    "refinement",
    "rivals",
    "sampling",
    "schedule",
    "solve",
    "spectrum",
    "traffic_energy",
    "transient",
    "underdamped",
    "warm",
]
