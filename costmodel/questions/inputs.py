"""Inputs that a question can be asked over: their names, and the values to look at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from costmodel.inputs.faults import InputError
from costmodel.projection.points import INTERVALS
from costmodel.quantities.declared import DECLARED
from costmodel.quantities.estimate import Draws, Quantity
from costmodel.quantities.names import unknown
from costmodel.quantities.symbols import SymbolInfo
from costmodel.quantities.units import Unit, one

#: Short names for what is asked most.
SHORT: Final[Mapping[str, str]] = {
    "width": "model.parameters.width",
    "batch": "model.batch_size",
    "batch_size": "model.batch_size",
    "devices": "model.devices",
    "damping": "model.kfac.damping",
    "refresh_interval": "model.kfac.refresh_interval",
    "factor_interval": "model.kfac.factor_interval",
    "bits": "analog.input_bits",
    "link": "analog.link_bandwidth",
    "arrays": "analog.arrays",
    "cells": "analog.cells",
    "mismatch": "analog.mismatch",
}
#: Settings that change the network or what it runs on as a whole: the model is read again for each value.
STRUCTURAL: Final = ("model.parameters.width", "model.batch_size", "model.devices", "model.parameters.depth")
#: Where to look, in SI units; of others a factor of 1000 to either side of their value.
_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "model.parameters.width": (32, 16384),
    "model.parameters.depth": (1, 128),
    "model.batch_size": (16, 65536),
    "model.devices": (1, 1024),
    "model.kfac.damping": (1e-8, 1e2),
    "model.kfac.refresh_interval": (1, 1e5),
    "model.kfac.factor_interval": (1, 1e5),
    "analog.relaxation_time": (1e-13, 1e-3),
    "analog.input_bits": (2, 32),
    "analog.output_bits": (2, 32),
    "analog.link_bandwidth": (1e7, 1e17),
    "analog.arrays": (1, 1e6),
    "analog.cells": (8, 1e5),
    "analog.mismatch": (1e-5, 0.3),
}
_WHOLE: Final = {*STRUCTURAL, *INTERVALS, "analog.input_bits", "analog.output_bits"}
#: Points of a grid.
_POINTS: Final = 121
#: Of one for whose every point the model is read, or layers are placed.
FEW_POINTS: Final = 28
_FACTOR: Final = 1e3


@dataclass(frozen=True, slots=True)
class Input:
    """Something a projection depends on.

    Attributes:
        name: As it was asked for.
        path: As ``--set`` takes it.
        unit: Of its values.
        value: As the model and the cards have it; None where they say nothing.
        low: The smallest value to look at.
        high: The largest.
        whole: Whether it takes whole numbers alone.
        multiple: Of what number, where it has to be.
    """

    name: str
    path: str
    unit: Unit
    value: float | None
    low: float
    high: float
    whole: bool
    multiple: int = 1

    @property
    def structural(self) -> bool:
        """Whether the model has to be read again for each value."""
        return self.path in STRUCTURAL

    def grid(self, points: int = 0) -> Draws:
        """Values to look at, evenly in their logarithm."""
        count = points or (FEW_POINTS if self.structural else _POINTS)
        values = np.geomspace(self.low, self.high, count)
        if not self.whole:
            return values
        return np.unique(np.maximum(np.round(values / self.multiple), 1) * self.multiple)

    def setting(self, value: float) -> str:
        """As ``--set`` takes it."""
        if self.whole:
            value = round(value)
        unit = "" if self.unit == one else f" {self.unit.name}"
        return f"{self.path}={value!r}{unit}" if not self.whole else f"{self.path}={value}{unit}"


def find_input(
    name: str, found: Mapping[str, Quantity], sizes: Mapping[str, float], low: float = 0.0, high: float = 0.0
) -> Input:
    """The input of a name: a short one, a path that ``--set`` takes, or the end of one.

    Args:
        name: As typed.
        found: Quantities of the projection by path.
        sizes: Values of the settings that are no quantities, by path.
        low: Smallest value to look at; 0 for the usual.
        high: Largest, likewise.

    Raises:
        InputError: No such input, or a range that is none.
    """
    path = _path(name, found, sizes)
    info = _symbol(path)
    quantity = found.get(path)
    unit = quantity.unit if quantity else info.unit if info else one
    value = quantity.value if quantity else sizes.get(path)
    least, most = _RANGES.get(path) or _around(path, value, info)
    least, most = low or least, high or most
    if not 0 < least < most or not math.isfinite(most):
        raise InputError.about(name, f"is looked at from {least:g} to {most:g}; that is no range above 0")
    whole = path in _WHOLE or bool(info and info.whole)
    wanted = Input(name, path, unit, value, least, most, whole)
    if info is not None:
        try:
            info.check(float(wanted.grid(2).min()), float(wanted.grid(2).max()))
        except ValueError as error:
            raise InputError.about(name, str(error)) from None
    return wanted


def _path(name: str, found: Mapping[str, Quantity], sizes: Mapping[str, float]) -> str:
    known = {*found, *sizes, *SHORT.values()}
    short = SHORT.get(name, name)
    if short in known:
        return short
    ends = [path for path in known if path.endswith(f".{short}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise InputError.about(name, f"could be {' or '.join(sorted(ends)[:3])}; give it in full")
    leaves = {path.rpartition(".")[2] for path in known} | set(SHORT)
    raise InputError.about(name, unknown("input", name, sorted(leaves)))


def _symbol(path: str) -> SymbolInfo | None:
    declared = DECLARED.get(path.rpartition(".")[2])
    return declared.symbol if declared and not path.startswith("curvature.") else None


def _around(path: str, value: float | None, info: SymbolInfo | None) -> tuple[float, float]:
    """A factor to either side of a value, inside its domain."""
    if value is None or value <= 0:
        raise InputError.about(path, "has no value here to look around; set one with --set")
    least, most = value / _FACTOR, value * _FACTOR
    if info is not None:
        least, most = max(least, info.minimum * (1 + 1e-9)), min(most, info.maximum * (1 - 1e-9))
    return least, most
