"""E-KFAC, Shampoo and Muon: one matrix each, in the forms whose formulas the cost model has."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


def ekfac_second_moments(inputs: Tensor, gradients: Tensor, input_vectors: Tensor, gradient_vectors: Tensor) -> Tensor:
    """Sum over rows of the squared gradient in the eigenbasis, (pairs, g, a); rows as (pairs, rows, size).

    The gradient of a row is y x^T, so its square in the eigenbasis is a product of squares.
    """
    projected_inputs = inputs @ input_vectors
    projected_gradients = gradients @ gradient_vectors
    moments: Tensor = (projected_gradients * projected_gradients).mT @ (projected_inputs * projected_inputs)
    return moments


# --- Shampoo ---------------------------------------------------------------------------------------------------


def blocks(matrix: Tensor, size: int) -> Iterator[Tensor]:
    """Views of the blocks of a matrix, row by row."""
    for strip in matrix.split(size, dim=0):
        yield from strip.split(size, dim=1)


def shampoo_statistics(gradient: Tensor, size: int) -> list[tuple[Tensor, Tensor]]:
    """W W^T and W^T W of every block."""
    return [(block @ block.mT, block.mT @ block) for block in blocks(gradient, size)]


def inverse_fourth_root(statistic: Tensor, epsilon: float) -> Tensor:
    """(S + epsilon I)^(-1/4) through the eigenvalues."""
    values, vectors = torch.linalg.eigh(statistic)
    root: Tensor = (vectors * (values.clamp(min=0.0) + epsilon) ** -0.25) @ vectors.mT
    return root


def shampoo_precondition(gradient: Tensor, roots: list[tuple[Tensor, Tensor]], size: int) -> Tensor:
    """L^(-1/4) W R^(-1/4) of every block, put together again."""
    each = (left @ block @ right for (left, right), block in zip(roots, blocks(gradient, size), strict=True))
    columns = -(-gradient.shape[1] // size)
    done = list(each)
    return torch.cat([torch.cat(done[row : row + columns], dim=1) for row in range(0, len(done), columns)], dim=0)


def graft(step: Tensor, reference: Tensor) -> Tensor:
    """The direction of one step with the length of another."""
    grafted: Tensor = step * (torch.linalg.vector_norm(reference) / torch.linalg.vector_norm(step))
    return grafted


# --- Muon ------------------------------------------------------------------------------------------------------

#: Coefficients of the quintic that pushes all singular values near one.
QUINTIC = (3.4445, -4.7750, 2.0315)


def muon_orthogonalise(momentum: Tensor, steps: int = 5) -> Tensor:
    """The momentum with its singular values near one; the smaller side comes first."""
    wide: Tensor = momentum if momentum.shape[0] <= momentum.shape[1] else momentum.mT
    current: Tensor = wide / torch.linalg.vector_norm(wide)
    first, second, third = QUINTIC
    for _ in range(steps):
        gram = current @ current.mT
        polynomial = torch.addmm(gram, gram, gram, beta=second, alpha=third)
        current = torch.addmm(current, polynomial, current, beta=first)
    return current if wide is momentum else current.mT
