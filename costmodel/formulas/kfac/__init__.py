"""K-FAC on digital hardware: factors, damping, the ways to apply the inverse, and their distribution over workers.

For a layer with input dimension a (bias column included), output dimension g and M rows, K-FAC keeps
A = sum x x^T and G = sum y y^T, with x the layer's inputs and y the gradients of its outputs, and updates the weights
by G^-1 (dL/dW) A^-1 (Martens and Grosse, arXiv 1503.05671; weight sharing as in Eschenhagen et al., arXiv 2311.00636).
"""

from costmodel.formulas.kfac import (
    cholesky,
    conjugate_gradients,
    damping,
    distributed,
    eigh,
    factors,
    fisher,
    low_rank,
    newton_schulz,
)

__all__ = [
    "cholesky",
    "conjugate_gradients",
    "damping",
    "distributed",
    "eigh",
    "factors",
    "fisher",
    "low_rank",
    "newton_schulz",
]
