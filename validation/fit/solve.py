"""Non-negative, robust least squares on the relative error, with the covariance of what it finds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

Array = npt.NDArray[np.float64]

#: Residuals beyond this many robust standard deviations count linearly, not squared (Huber).
_HUBER: Final = 1.5
_ITERATIONS: Final = 5
#: Columns that are equal on the data at hand share what they explain. Without this the split is a matter of rounding,
#: of the processor's kernels that is, and sizes on which the columns differ get a time by chance. A coefficient that
#: the data determine moves by a part in 10^8.
_TIES: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Solution:
    """Coefficients, at least 0, and their covariance; those at the bound 0 have none."""

    coefficients: Array
    covariance: Array


def solve(columns: Array, seconds: Array, least: Array | None = None, held: Collection[int] = ()) -> Solution:
    """Coefficients that explain times as a sum of columns.

    A stall lengthens a time and nothing shortens one, so that a point far above the law weighs less than one as far
    below it: the weights are Huber's, with the scale taken from the lower side.

    Args:
        columns: One row a time, one column a term, in counts.
        seconds: Times, all above 0.
        least: Least values of the coefficients, 0 where not given.
        held: Columns whose coefficients are these values.

    >>> found = solve(np.array([[1.0, 2.0], [1.0, 4.0], [1.0, 8.0]]), np.array([3.0, 5.0, 9.0]))
    >>> [round(float(value), 6) for value in found.coefficients]
    [1.0, 1.0]
    """
    relative = columns / seconds[:, None]
    size = relative.max(axis=0)
    used = size > 0
    scaled = relative[:, used] / size[used]
    ties = _TIES * np.eye(int(used.sum()))
    weights = np.ones(len(seconds))
    found = np.zeros(int(used.sum()))
    scale = 1.0
    floor = np.zeros(len(size)) if least is None else least
    floor = (floor * size)[used]
    wanted = 1.0 - scaled @ floor
    free = scaled * ~np.isin(np.flatnonzero(used), list(held))
    for _ in range(_ITERATIONS):
        root = np.sqrt(weights)
        more, _ = nnls(np.vstack([free * root[:, None], ties]), np.concatenate([root * wanted, np.zeros(len(ties))]))
        found = floor + more
        residuals = 1.0 - scaled @ found  # measured above the law: positive
        scale = max(float(np.median(np.abs(residuals))) * 1.4826, 2e-3)
        weights = np.minimum(1.0, _HUBER * scale / np.maximum(np.abs(residuals), 1e-12))
    coefficients = np.zeros(columns.shape[1])
    coefficients[used] = found / size[used]
    return Solution(coefficients, _covariance(columns, seconds, coefficients, weights, scale))


def _covariance(columns: Array, seconds: Array, coefficients: Array, weights: Array, scale: float) -> Array:
    """Of the coefficients above zero: scale^2 (X^T W X)^-1 with X in relative units."""
    active = np.flatnonzero(coefficients > 0)
    covariance = np.zeros((len(coefficients), len(coefficients)))
    if len(active):
        relative = columns[:, active] / seconds[:, None] * np.sqrt(weights)[:, None]
        unit = relative.max(axis=0)
        inverse = np.linalg.pinv((relative / unit).T @ (relative / unit)) / np.outer(unit, unit)
        covariance[np.ix_(active, active)] = scale**2 * inverse
    return covariance
