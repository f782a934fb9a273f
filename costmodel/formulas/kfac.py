"""K-FAC on digital hardware: factors, running averages, damping, inversion and preconditioning.

For a layer with input dimension a (bias column included), output dimension g and M rows, K-FAC keeps
A = sum x x^T and G = sum y y^T, with x the layer's inputs and y the gradients of its outputs, and updates the weights
by G^-1 (dL/dW) A^-1 (Martens and Grosse, arXiv 1503.05671; weight sharing as in Eschenhagen et al., arXiv 2311.00636).
"""

from __future__ import annotations

import sympy as sp

from costmodel.formulas.registry import formula
from costmodel.symbols import B, Expression, M, a, g, lambda_, n, s_r, theta
from costmodel.units import byte, flop, one

_WEIGHT_SHARING = "arXiv 2311.00636: expand takes every shared position as a row, reduce one row an example"
_LAPACK = "LAPACK Working Note 41"


@formula("kfac.factors.expand.flops", flop, _WEIGHT_SHARING)
def factors_expand_flops() -> Expression:
    """Both factors as full products over all rows (a symmetric product would halve it).

    >>> factors_expand_flops().evaluate(M=8, a=3, g=2)
    208.0
    """
    return 2 * M * (a**2 + g**2)


@formula("kfac.factors.reduce.flops", flop, _WEIGHT_SHARING)
def factors_reduce_flops() -> Expression:
    """Both factors as full products over one row an example, the positions summed first."""
    return 2 * B * (a**2 + g**2)


@formula("kfac.factors.reduce.bytes", byte, "float32 inputs and output gradients, read once")
def factors_reduce_bytes() -> Expression:
    """Traffic of summing inputs and gradients over the shared positions, which reduce does before its products."""
    return 4 * M * (a + g)


@formula("kfac.layer.elements", one, "A is a by a, G is g by g")
def layer_elements() -> Expression:
    """Elements of both factors of a layer."""
    return a**2 + g**2


@formula("kfac.running_average.bytes", byte, "float32: read the average and the new factor, write the average")
def running_average_bytes() -> Expression:
    """Memory traffic of the exponential moving average of both factors."""
    return 12 * (a**2 + g**2)


@formula("kfac.damping.condition_number", one, "derived: docs/derivations.md, damped condition number")
def damped_condition_number() -> Expression:
    """Condition number of a factor under factored damping with the pi rule, its smallest eigenvalue being negligible.

    The pi rule adds gamma_A = sqrt(lambda) pi to A with pi^2 = (tr A / a) / (tr G / g). With lambda_max(A) = tr A / s_r
    the ratio lambda_max / gamma_A is (a / s_r) sqrt(theta / lambda), theta the product of the two mean eigenvalues.
    It is an upper bound, since a positive smallest eigenvalue only lowers it.

    >>> round(damped_condition_number().evaluate(n=65, s_r=1.21597, theta=1.48275e-3, damping=1e-2), 2)
    21.58
    """
    return 1 + (n / s_r) * sp.sqrt(theta / lambda_)


@formula("kfac.cholesky.refresh.flops", flop, f"{_LAPACK}: POTRF n^3/3 and POTRI 2n^3/3")
def cholesky_refresh_flops() -> Expression:
    """Cholesky factor and explicit inverse of one damped factor.

    >>> cholesky_refresh_flops().evaluate(n=1000)
    1000000000.0
    """
    return n**3


@formula("kfac.factor.elements", one, "a matrix is n by n")
def factor_elements() -> Expression:
    """Matrix elements an inversion touches: the work that grows as n^2 beside the n^3 of its products."""
    return n**2


@formula(
    "kfac.eigh.refresh.flops", flop, "Golub and Van Loan, Matrix Computations: symmetric QR with vectors, about 9n^3"
)
def eigh_refresh_flops() -> Expression:
    """Eigendecomposition with vectors of one factor."""
    return 9 * n**3


@formula("kfac.precondition.flops", flop, "two products: G^-1 times the gradient, times A^-1")
def precondition_flops() -> Expression:
    """Preconditioning one layer's gradient with explicit inverses.

    >>> precondition_flops().evaluate(a=3, g=2)
    60.0
    """
    return 2 * a * g * (a + g)
