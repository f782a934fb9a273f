"""Per cent of a result a per cent of an input, every other at its value: derivatives, or differences where those fail.

A derivative goes by the chain rule through all that gives the result: every formula, the symbols that follow from
others, the sum of a step over its phases, and of a maximum or a minimum the branch that counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from costmodel.projection.draws import within_domain
from costmodel.projection.points import INTERVALS
from costmodel.quantities.declared import DECLARED
from costmodel.quantities.estimate import Draws
from costmodel.quantities.slopes import Slope, slope_of

#: Step of a logarithm for differences.
_STEP: Final = 1e-4
#: Elasticities below this are rounding.
_FLAT: Final = 1e-7
#: A derivative that differences miss by more, of itself or of 1, has a kink or a jump beside it.
_AGREE: Final = 1e-3

#: Logarithm of a result at points, given values by path.
Result = Callable[[Mapping[str, Draws]], Draws]


class How(StrEnum):
    """How an elasticity was found."""

    DERIVATIVE = "derivative"  # by the chain rule
    DIFFERENCE = "difference"  # of two results, a ten-thousandth to either side, or the next whole numbers


@dataclass(frozen=True, slots=True)
class Elasticity:
    """What a per cent of one input does.

    Attributes:
        value: d ln y / d ln x.
        how: How it was found.
    """

    value: float
    how: How


def elasticities(result: Result, values: Mapping[str, float]) -> dict[str, Elasticity]:
    """Of every input that moves a result, by path.

    Args:
        result: What is differentiated.
        values: The inputs at their values; what is not above 0 has no logarithm and is left out.
    """
    positive = {path: value for path, value in values.items() if value > 0}
    derivatives = _derivatives(result, positive)
    differences = _differences(
        result, positive, {path: value * np.exp([-_STEP, _STEP]) for path, value in positive.items()}
    )
    exact = {path for path, value in differences.items() if _agree(derivatives.get(path), value)}
    # Beside a whole number that tiles a layer without rest a small step is a jump; the next numbers are what there is.
    jumps = {path: positive[path] for path in differences if path not in exact and _whole(path)}
    differences |= _differences(result, jumps, {path: value + np.array([-1.0, 1.0]) for path, value in jumps.items()})
    found = {
        path: Elasticity(derivatives[path], How.DERIVATIVE) if path in exact else Elasticity(value, How.DIFFERENCE)
        for path, value in differences.items()
    }
    return {path: each for path, each in found.items() if abs(each.value) > _FLAT}


def one_at_a_time(result: Result, values: Mapping[str, float], changes: Sequence[Mapping[str, float]]) -> Draws:
    """Logarithms of the result where some inputs are changed, a point each, all others at their values."""
    changed = {path for change in changes for path in change}
    columns = {path: np.full(len(changes), values[path]) for path in changed}
    for point, change in enumerate(changes):
        for path, value in change.items():
            columns[path][point] = value
    return result(columns)


def _derivatives(result: Result, values: Mapping[str, float]) -> dict[str, float]:
    """By the chain rule, a point an input; none where something in between has no derivative."""
    directions = np.eye(len(values))
    inputs = zip(values.items(), directions, strict=True)
    columns: dict[str, Draws] = {path: Slope(np.full(len(values), value), value * own) for (path, value), own in inputs}
    try:
        found = np.broadcast_to(slope_of(result(columns)), len(values))
    except TypeError:  # of a function without a rule
        return {}
    return {path: value for path, value in zip(values, found.tolist(), strict=True) if np.isfinite(value)}


def _agree(derivative: float | None, difference: float) -> bool:
    return derivative is not None and abs(derivative - difference) <= _AGREE * max(1.0, abs(difference))


def _whole(path: str) -> bool:
    declared = DECLARED.get(path.rpartition(".")[2])
    return path in INTERVALS or bool(declared and declared.symbol and declared.symbol.whole)


def _differences(result: Result, values: Mapping[str, float], ends: Mapping[str, Draws]) -> dict[str, float]:
    """Differences in logarithms between two values of each input, or the end of its domain that lies between."""
    if not values:
        return {}
    pairs = {path: within_domain(path, pair) for path, pair in ends.items()}
    changes = [{path: float(value)} for path, pair in pairs.items() for value in pair]
    found = one_at_a_time(result, values, changes)
    rises = dict(zip(pairs, (found[1::2] - found[::2]).tolist(), strict=True))
    runs = {path: float(np.log(pair[1] / pair[0])) for path, pair in pairs.items()}
    return {path: rise / runs[path] for path, rise in rises.items() if runs[path] > 0}
