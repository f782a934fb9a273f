"""The symbolic core: every count and every time as a :class:`Formula`, by dotted name.

>>> from costmodel import formulas
>>> formulas.get("thermo.solve.settle.time").unit.name
's'
"""

from costmodel.formulas import first_order, kfac, network, rivals
from costmodel.formulas.formula import Formula
from costmodel.formulas.registry import catalog, get
from costmodel.formulas.thermo import blocks, inverse, solve

__all__ = ["Formula", "blocks", "catalog", "first_order", "get", "inverse", "kfac", "network", "rivals", "solve"]
