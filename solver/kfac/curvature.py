"""Losses whose output gradients have the curvature as their second moment."""

import torch
from torch import Tensor
from torch.nn import functional


def sampled_cross_entropy(logits: Tensor, generator: torch.Generator) -> Tensor:
    """Summed cross entropy against labels drawn from the model: one unbiased sample of the Fisher.

    Args:
        logits: shape (N, C).
        generator: source of the labels, on the device of the logits.
    """
    labels = torch.multinomial(logits.detach().softmax(-1), 1, generator=generator).squeeze(-1)
    return functional.cross_entropy(logits, labels, reduction="sum")


def exact_cross_entropy(logits: Tensor) -> list[Tensor]:
    """C pseudo-losses whose squared gradients add up to the Fisher exactly, at C backward passes.

    The Hessian of cross entropy is diag(p) - p p^T = S S^T with columns sqrt(p_c) (e_c - p).
    """
    p = logits.detach().softmax(-1)
    columns = p.sqrt()[:, None, :] * (torch.eye(p.shape[-1]).to(p) - p[:, :, None])
    return [(logits * columns[:, :, c]).sum() for c in range(p.shape[-1])]


def sampled_square(outputs: Tensor, generator: torch.Generator) -> Tensor:
    """Summed half squared error against targets drawn from a unit Gaussian around the outputs."""
    noise = torch.randn(outputs.shape, generator=generator, dtype=outputs.dtype, device=outputs.device)
    return (outputs * noise).sum()
