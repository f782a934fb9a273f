"""Eigenvalues of one factor: all of them for a small one, the leading ones of a large one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh
from torch import Tensor

from costmodel.inputs.curvature_file import RANKS
from validation.curvature.factor import FULL, OuterSum

Values = np.ndarray[Any, np.dtype[np.float64]]

#: Eigenvalues computed of a factor larger than :data:`~validation.curvature.factor.FULL`.
LEADING: Final = 200
#: Relative accuracy asked of each of them.
_TOLERANCE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Trace and eigenvalues, as a line of a curvature file holds them.

    Attributes:
        trace: Exact also where only the leading eigenvalues are known.
        eigenvalues: Pairs of rank and value.
        smallest: None where only the leading eigenvalues are known.
    """

    trace: float
    eigenvalues: tuple[tuple[int, float], ...]
    smallest: float | None


def spectrum(outer: OuterSum, divisor: int) -> Spectrum:
    """Spectrum of X^T X / divisor; the caller sees to it that the rows are finite."""
    trace = outer.trace / divisor
    values = (leading_eigenvalues(outer) if outer.n > FULL else all_eigenvalues(outer)) / divisor
    ranks = [rank for rank in RANKS if rank <= len(values)]
    pairs = tuple((rank, _rounded(values[rank - 1], 5)) for rank in ranks)
    return Spectrum(trace, pairs, _rounded(values[-1], 4) if outer.n <= FULL else None)


def all_eigenvalues(outer: OuterSum) -> Values:
    """All eigenvalues of X^T X, largest first."""
    assert outer.matrix is not None, "a small factor is kept as a matrix"
    return _falling(outer.matrix)


def leading_eigenvalues(outer: OuterSum) -> Values:
    """The largest eigenvalues of X^T X, by Lanczos where neither X^T X nor X X^T is small."""
    matrix = outer.smaller()
    if outer.trace == 0:
        return np.zeros(LEADING)
    if len(matrix) <= FULL:
        values = _falling(matrix)
        return np.pad(values, (0, max(0, LEADING - len(values))))[:LEADING]
    scale = len(matrix) / outer.trace  # ARPACK's tolerance has an absolute part

    def product(vector: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        scaled = torch.from_numpy(vector.reshape(len(matrix), -1) * scale).to(matrix.device)
        return np.asarray((matrix @ scaled).cpu())

    operator = LinearOperator(matrix.shape, matvec=product, matmat=product, dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(len(matrix))
    try:
        found = eigsh(operator, LEADING, which="LA", v0=start, tol=_TOLERANCE, return_eigenvectors=False)
    except ArpackError:  # hardly more than a few eigenvalues above zero: those below are all alike
        return _falling(matrix)[:LEADING]
    values = np.sort(found)[::-1].clip(min=0) / scale
    return np.asarray(values, dtype=np.float64)


def _falling(matrix: Tensor) -> Values:
    """Eigenvalues of a symmetric matrix; those below zero are rounding errors of zero."""
    return np.asarray(torch.linalg.eigvalsh(matrix).flip(0).clamp(min=0).cpu(), dtype=np.float64)


def _rounded(value: float, digits: int) -> float:
    """To some significant digits, as files hold eigenvalues."""
    assert math.isfinite(value)
    return float(f"{value:.{digits}g}")
