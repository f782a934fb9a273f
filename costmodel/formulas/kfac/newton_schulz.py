"""K-FAC with the inverse from matrix products alone: Newton-Schulz with the best scaling of every step.

With Z_0 = 2 / (lambda_max + lambda_min) I the residual I - F Z_0 has its spectrum in [-delta_0, delta_0],
delta_0 = (kappa - 1) / (kappa + 1). The step Z <- s (2Z - Z F Z) squares the residual, whose spectrum is then in
[0, delta^2]; s = 2 / (2 - delta^2) centres it, so that 1 / delta' = 2 / delta^2 - 1 = T_2(1 / delta), the second
Chebyshev polynomial, and 1 / delta_j = T_(2^j)(1 / delta_0). F^-1 - Z_j = F^-1 (I - F Z_j), so delta_j is the relative
error of the inverse in the spectral norm. Without the scaling (s = 1) about twice as many steps are needed.
"""

from __future__ import annotations

from costmodel.formulas.extremes import larger
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, a, epsilon, g, kappa, n
from costmodel.quantities.units import byte, flop, one

_PAN = "derived: docs/derivations-digital.md, Newton-Schulz; scaling as Pan and Schreiber, SISSC 12 (1991)"


@formula("kfac.newton_schulz.iterations", one, _PAN, verified_by=Oracle.ERROR_REACHED)
def iterations() -> Expression:
    """Steps until the inverse of a damped factor has a relative error of epsilon in the spectral norm.

    T_m(1 / delta_0) = cosh(m acosh(1 / delta_0)) with acosh(1 / delta_0) = ln((sqrt(kappa) + 1) / (sqrt(kappa) - 1)),
    at least 2 / sqrt(kappa); and acosh(1 / epsilon) is at most ln(2 / epsilon). So m = 2^j of at least
    sqrt(kappa) / 2 ln(2 / epsilon) is enough: the logarithm of the number that conjugate gradients take. At most one
    step more than needed.

    >>> iterations().evaluate(kappa=1000, epsilon=0.01)
    7.0
    """
    return larger(1, sp.ceiling(sp.log(sp.sqrt(kappa) * sp.log(2 / epsilon) / 2) / sp.log(2)))


@formula(
    "kfac.newton_schulz.steps", one, "the first step's inputs are multiples of I and F", verified_by=Oracle.COUNTED
)
def steps() -> Expression:
    """Steps that take products: all but the first, 2zI - z^2 F.

    >>> steps().evaluate(kappa=1000, epsilon=0.01)
    6.0
    """
    return iterations().expression - 1


@formula(
    "kfac.newton_schulz.products",
    one,
    "two products a step",
    verified_by=Oracle.COUNTED,
)
def products() -> Expression:
    """Matrix products of all steps of one factor: the first step, 2zI - z^2 F, needs none.

    >>> products().evaluate(kappa=1000, epsilon=0.01)
    12.0
    """
    return 2 * steps().expression


@formula(
    "kfac.newton_schulz.refresh.flops",
    flop,
    "two products of 2n^3 for each step after the first",
    verified_by=Oracle.COUNTED,
)
def refresh_flops() -> Expression:
    """Inverse of one damped factor by Newton-Schulz.

    >>> refresh_flops().evaluate(n=10, kappa=1000, epsilon=0.01)
    24000.0
    """
    return 2 * n**3 * products().expression


@formula(
    "kfac.newton_schulz.memory.bytes", byte, "float32: running factors, inverses, momentum", verified_by=Oracle.TENSORS
)
def memory_bytes() -> Expression:
    """Optimizer state of one layer; the iteration's work space, two matrices, is shared by all layers.

    >>> memory_bytes().evaluate(a=3, g=2)
    128.0
    """
    return 4 * (2 * (a**2 + g**2) + a * g)
