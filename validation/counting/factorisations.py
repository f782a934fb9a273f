"""Rules of LAPACK's operations: leading terms of LAPACK Working Note 41, batches summed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from validation.counting.kinds import Kind, Rule

Counts = dict[Kind, float]


def _batch(matrix: Any) -> int:
    return math.prod(matrix.shape[:-2])


def _counted(matrix: Any, flops: float) -> Counts:
    return {Kind.FACTORISATION: _batch(matrix) * flops}


def cholesky(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Counts:
    """POTRF: n^3 / 3."""
    return _counted(args[0], args[0].shape[-1] ** 3 / 3)


def cholesky_inverse(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Counts:
    """POTRI: 2n^3 / 3."""
    return _counted(args[0], 2 * args[0].shape[-1] ** 3 / 3)


def cholesky_solve(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Counts:
    """POTRS: 2n^2 k; arguments right-hand sides, factor."""
    return _counted(args[1], 2 * args[1].shape[-1] * args[0].shape[-2] * args[0].shape[-1])


def solve_triangular(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Counts:
    """TRSM: n^2 for each right-hand side; arguments factor, right-hand sides (rows of them with ``left=False``)."""
    return _counted(args[0], args[0].shape[-1] * args[1].shape[-2] * args[1].shape[-1])


def inverse(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Counts:
    """GETRF 2n^3 / 3 and GETRI 4n^3 / 3."""
    return _counted(args[0], 2.0 * args[0].shape[-1] ** 3)


def eigh(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Counts:
    """SYTRD, QR iteration and vectors, about 9n^3; 4n^3 / 3 where no vectors are asked for."""
    vectors = args[2] if len(args) > 2 else kwargs.get("compute_v", True)
    return _counted(args[0], args[0].shape[-1] ** 3 * (9 if vectors else 4 / 3))


def qr(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Counts:
    """GEQRF and, unless only R is asked for, ORGQR, for the reduced form of a tall or square matrix."""
    rows, columns = args[0].shape[-2:]
    mode = args[1] if len(args) > 1 else kwargs.get("mode", "reduced")
    if rows < columns or mode == "complete":
        raise NotImplementedError(f"QR of {rows} by {columns}, mode {mode}: no rule")
    each = 2 * rows * columns**2 - 2 * columns**3 / 3
    return _counted(args[0], each if mode == "r" else 2 * each)


RULES: Final[Mapping[str, Rule]] = {
    "linalg_cholesky_ex": cholesky,
    "cholesky_inverse": cholesky_inverse,
    "cholesky_solve": cholesky_solve,
    "linalg_solve_triangular": solve_triangular,
    "linalg_inv_ex": inverse,
    "_linalg_eigh": eigh,
    "linalg_qr": qr,
}
