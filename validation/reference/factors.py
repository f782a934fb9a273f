"""Kronecker factors from rows, their running average and their damping."""

from __future__ import annotations

import torch
from torch import Tensor


def expand(rows: Tensor) -> Tensor:
    """Rows (pairs, examples, positions, size) with every position a row of its own: (pairs, rows, size)."""
    return rows.flatten(1, 2)


def reduce(rows: Tensor) -> Tensor:
    """One row an example, its positions summed: (pairs, examples, size)."""
    return rows.sum(dim=2)


def full_product(rows: Tensor) -> Tensor:
    """X^T X by one product, (pairs, size, size)."""
    return rows.mT @ rows


def symmetric_product(rows: Tensor, block: int = 1) -> Tensor:
    """X^T X from one triangle of blocks, mirrored; a BLAS SYRK does the same with ``block`` 1.

    Products cost n (n + block) FLOPs a row for n divisible by ``block``.
    """
    size = rows.shape[-1]
    result = rows.new_empty(len(rows), size, size)
    for start in range(0, size, block):
        end = min(start + block, size)
        strip = rows[..., start:end].mT @ rows[..., :end]
        result[:, start:end, :end] = strip
        result[:, :end, start:end] = strip.mT
    return result


def running_average(average: Tensor, new: Tensor, weight: float) -> Tensor:
    """The average moved by ``weight`` towards a new factor."""
    return torch.lerp(average, new, weight)


def damped(input_factor: Tensor, gradient_factor: Tensor, damping: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Both factors with their share of the damping by the pi rule, and the shares (pairs,)."""
    input_mean, gradient_mean = (_trace(factor) / factor.shape[-1] for factor in (input_factor, gradient_factor))
    pi = torch.sqrt(input_mean / gradient_mean)
    shares = damping**0.5 * pi, damping**0.5 / pi
    return (
        add_to_diagonal(input_factor, shares[0]),
        add_to_diagonal(gradient_factor, shares[1]),
        *shares,
    )


def add_to_diagonal(factor: Tensor, shift: Tensor) -> Tensor:
    """F + shift I for each pair; only the diagonal is touched."""
    shifted = factor.clone()
    shifted.diagonal(dim1=-2, dim2=-1).add_(shift[..., None])
    return shifted


def _trace(factor: Tensor) -> Tensor:
    return factor.diagonal(dim1=-2, dim2=-1).sum(dim=-1)
