"""K-FAC by Cholesky: with explicit inverses, or with the triangular factor kept and solved against every step."""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, a, g, k, n
from costmodel.quantities.units import byte, flop, one

_LAPACK = "LAPACK Working Note 41"


@formula(
    "kfac.cholesky.refresh.flops",
    flop,
    f"{_LAPACK}: POTRF n^3/3 and POTRI 2n^3/3, leading terms",
    verified_by=Oracle.COUNTED,
)
def refresh_flops() -> Expression:
    """Cholesky factor and explicit inverse of one damped factor.

    A GPU library may invert by two triangular solves against the identity, which is 2n^3 for the second part.

    >>> refresh_flops().evaluate(n=1000)
    1000000000.0
    """
    return n**3


@formula(
    "kfac.precondition.flops", flop, "two products: G^-1 times the gradient, times A^-1", verified_by=Oracle.COUNTED
)
def precondition_flops() -> Expression:
    """Preconditioning one layer's gradient with explicit inverses.

    >>> precondition_flops().evaluate(a=3, g=2)
    60.0
    """
    return 2 * a * g * (a + g)


@formula("kfac.cholesky.memory.bytes", byte, "float32: running factors, inverses, momentum", verified_by=Oracle.TENSORS)
def memory_bytes() -> Expression:
    """Optimizer state of one layer with explicit inverses.

    >>> memory_bytes().evaluate(a=3, g=2)
    128.0
    """
    return 4 * (2 * (a**2 + g**2) + a * g)


@formula("kfac.cholesky_solve.refresh.flops", flop, f"{_LAPACK}: POTRF, leading term", verified_by=Oracle.COUNTED)
def solve_refresh_flops() -> Expression:
    """Cholesky factor of one damped factor; no inverse is formed.

    >>> solve_refresh_flops().evaluate(n=300)
    9000000.0
    """
    return n**3 / 3


@formula(
    "kfac.cholesky_solve.step.flops", flop, f"{_LAPACK}: POTRS, two TRSM of n^2 k each", verified_by=Oracle.COUNTED
)
def solve_step_flops() -> Expression:
    """Forward and back substitution of one factor against the gradient, every step.

    Over both factors this is 2ag(a + g), what the products with explicit inverses cost.

    >>> solve_step_flops().evaluate(n=3, k=2)
    36.0
    """
    return 2 * n**2 * k


@formula("kfac.cholesky_solve.step.elements", one, "the right-hand sides are n by k", verified_by=Oracle.TENSORS)
def solve_step_elements() -> Expression:
    """Elements of the right-hand sides that the triangular solves of one factor work on."""
    return n * k


@formula(
    "kfac.cholesky_solve.memory.bytes",
    byte,
    "float32: running factors, triangular factors, momentum",
    verified_by=Oracle.TENSORS,
)
def solve_memory_bytes() -> Expression:
    """Optimizer state of one layer with triangular factors, stored as full matrices as LAPACK does.

    >>> solve_memory_bytes().evaluate(a=3, g=2)
    128.0
    """
    return 4 * (2 * (a**2 + g**2) + a * g)
