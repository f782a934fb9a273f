"""The ways to apply G^-1 W A^-1; factors are damped already unless a function takes a damping."""

from __future__ import annotations

import torch
from torch import Tensor


def cholesky_inverse(factor: Tensor) -> Tensor:
    """Explicit inverse through the Cholesky factor."""
    return torch.cholesky_inverse(torch.linalg.cholesky(factor))


def precondition(gradient_inverse: Tensor, weight: Tensor, input_inverse: Tensor) -> Tensor:
    """G^-1 W A^-1 with explicit inverses."""
    return gradient_inverse @ weight @ input_inverse


def cholesky_solve(gradient_factor: Tensor, weight: Tensor, input_factor: Tensor) -> Tensor:
    """The same by substitution with the triangular factors of G and A."""
    left = torch.cholesky_solve(weight, gradient_factor)
    return torch.cholesky_solve(left.mT, input_factor).mT


def scaling_table(gradient_values: Tensor, input_values: Tensor, damping: float) -> Tensor:
    """1 / (lambda_G lambda_A + damping), (pairs, g, a)."""
    return (gradient_values[..., :, None] * input_values[..., None, :] + damping).reciprocal()


def precondition_in_eigenbasis(
    gradient_vectors: Tensor, weight: Tensor, input_vectors: Tensor, table: Tensor
) -> Tensor:
    """Into the eigenbasis, scaled, and back."""
    rotated = gradient_vectors.mT @ weight @ input_vectors
    return gradient_vectors @ (rotated * table) @ input_vectors.mT


def newton_schulz_inverse(factor: Tensor, largest: float, smallest: float, steps: int) -> Tensor:
    """Inverse from products alone, every step scaled to centre the residual's spectrum.

    Args:
        factor: Symmetric positive definite, (pairs, n, n).
        largest: Its largest eigenvalue; an upper bound costs a logarithm of how far it is off.
        smallest: Its smallest, at least the damping.
        steps: Of the iteration; the first needs no product.
    """
    start = 2 / (largest + smallest)
    delta = (largest - smallest) / (largest + smallest)
    scale = 2 / (2 - delta**2)
    inverse = -scale * start**2 * factor
    inverse.diagonal(dim1=-2, dim2=-1).add_(2 * scale * start)
    for _ in range(steps - 1):
        delta = delta**2 / (2 - delta**2)
        scale = 2 / (2 - delta**2)
        inverse = torch.baddbmm(inverse, inverse, factor @ inverse, beta=2 * scale, alpha=-scale)
    return inverse


def low_rank(factor: Tensor, rank: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Leading eigenvalues (pairs, rank) and eigenvectors (pairs, n, rank) of an undamped factor, by a random sketch."""
    noise = torch.randn(*factor.shape[:-1], rank, generator=generator, dtype=factor.dtype)
    basis = torch.linalg.qr(factor @ noise).Q
    basis = torch.linalg.qr(factor @ basis).Q
    values, vectors = torch.linalg.eigh(basis.mT @ (factor @ basis))
    return values, basis @ vectors


def low_rank_solve(values: Tensor, vectors: Tensor, damping: Tensor, right: Tensor) -> Tensor:
    """(U D U^T + damping I)^-1 times right-hand sides (pairs, n, k)."""
    weight = 1 / (values + damping[..., None]) - 1 / damping[..., None]
    inside = (vectors.mT @ right) * weight[..., None]
    return torch.baddbmm(right / damping[..., None, None], vectors, inside)


def conjugate_gradients(factor: Tensor, right: Tensor, iterations: int) -> Tensor:
    """Solution for every column of ``right`` (pairs, n, k), from rest, a fixed number of iterations."""
    solution, residual, direction = torch.zeros_like(right), right, right
    squared = (residual * residual).sum(dim=-2, keepdim=True)
    tiny = torch.finfo(right.dtype).tiny  # a column that is solved stays where it is
    for _ in range(iterations):
        image = factor @ direction
        step = squared / (direction * image).sum(dim=-2, keepdim=True).clamp_min(tiny)
        solution = torch.addcmul(solution, direction, step)
        residual = torch.addcmul(residual, image, -step)
        before, squared = squared, (residual * residual).sum(dim=-2, keepdim=True)
        direction = torch.addcmul(residual, direction, squared / before.clamp_min(tiny))
    return solution
