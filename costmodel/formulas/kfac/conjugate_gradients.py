"""K-FAC with conjugate gradients: the damped factors solved against the gradient every step."""

from __future__ import annotations

from costmodel.formulas.accuracy.iterations import cg_steps
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, a, epsilon, g, k, kappa, n
from costmodel.quantities.units import byte, flop, one


@formula(
    "kfac.cg.iterations.bound",
    one,
    "Saad, Iterative Methods for Sparse Linear Systems, theorem 6.29",
    verified_by=Oracle.ERROR_REACHED,
)
def iterations_bound() -> Expression:
    """Iterations until the solution has a relative error of epsilon in the energy norm, from rest, on any spectrum.

    The error is at most 2 ((sqrt(kappa) - 1) / (sqrt(kappa) + 1))^m <= 2 exp(-2 m / sqrt(kappa)).

    >>> iterations_bound().evaluate(kappa=100, epsilon=0.01)
    27.0
    """
    return sp.ceiling(sp.sqrt(kappa) * sp.log(2 / epsilon) / 2)


@formula("kfac.cg.iterations", one, "docs/derivations.md, iterations", composed_of=("accuracy.iterations.cg.steps",))
def iterations() -> Expression:
    """Iterations of each factor's solves at which a preconditioned gradient has a relative error of T_t.

    >>> iterations().evaluate(kappa=10001, d_e=157, q=0.5, T_t=0.1)
    28.0
    """
    return cg_steps().expression


@formula(
    "kfac.cg.step.flops",
    flop,
    "one product with the factor for all right-hand sides in each iteration",
    verified_by=Oracle.COUNTED,
)
def step_flops() -> Expression:
    """Products of one factor's solves, its right-hand sides iterating side by side.

    >>> step_flops().evaluate(n=10, k=5, kappa=10001, d_e=157, q=0.5, T_t=0.1)
    28000.0
    """
    return 2 * n**2 * k * iterations().expression


@formula(
    "kfac.cg.vectors.flops",
    flop,
    "two inner products and three updates of n by k numbers, a multiply-add each",
    verified_by=Oracle.COUNTED,
)
def vectors_flops() -> Expression:
    """Element-wise work of one factor's solves and the first residual's norm; divisions of k numbers are left out.

    >>> vectors_flops().evaluate(n=10, k=5, kappa=10001, d_e=157, q=0.5, T_t=0.1)
    14100.0
    """
    return 2 * n * k * (5 * iterations().expression + 1)


@formula("kfac.cg.vectors.bytes", byte, "float32: inner products read 3 blocks, updates read 6 and write 3")
def vectors_bytes() -> Expression:
    """Memory traffic of that work, every block of n by k numbers going through memory."""
    return 48 * n * k * iterations().expression


@formula(
    "kfac.cg.launches",
    one,
    "the element-wise kernels of an iteration: two inner products, three updates",
    verified_by=Oracle.COUNTED,
)
def vector_launches() -> Expression:
    """Element-wise kernels of one factor's solves."""
    return 5 * iterations().expression


@formula("kfac.cg.memory.bytes", byte, "float32: running factors, momentum", verified_by=Oracle.TENSORS)
def memory_bytes() -> Expression:
    """Optimizer state of one layer; the iteration's work space, four blocks of a g, is shared by all layers.

    >>> memory_bytes().evaluate(a=3, g=2)
    76.0
    """
    return 4 * (a**2 + g**2 + a * g)
