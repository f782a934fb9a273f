"""Losses whose gradients make G: against labels that the model's own output draws, or against the true ones."""

from __future__ import annotations

from enum import StrEnum

import torch
from torch import Tensor
from torch.nn import functional

from solver.kfac.curvature import sampled_cross_entropy, sampled_square


class Fisher(StrEnum):
    """Which labels the gradients of G belong to."""

    SAMPLED = "sampled"  # drawn from the model's output: an unbiased sample of the Fisher matrix
    EMPIRICAL = "empirical"  # true labels: no sample of the Fisher, and it vanishes with the training loss


class Likelihood(StrEnum):
    """The distribution over labels that the outputs stand for."""

    CATEGORICAL = "categorical"  # cross entropy; logits of classes in the last dimension
    BERNOULLI = "bernoulli"  # binary cross entropy of logits, any number an example
    GAUSSIAN = "gaussian"  # half the squared error, unit variance


def loss_terms(outputs: Tensor, likelihood: Likelihood, mask: Tensor | None) -> int:
    """Terms that a mean loss averages over.

    Cross entropy has one term for each row of logits that the mask keeps, such as a token; the other two one for each
    example, the leading dimension of the outputs, whatever its number of labels.
    """
    if likelihood is not Likelihood.CATEGORICAL:
        return int(outputs.shape[0])
    return outputs[..., 0].numel() if mask is None else int(mask.sum())


def sampled_loss(
    outputs: Tensor, likelihood: Likelihood, generator: torch.Generator, mask: Tensor | None = None
) -> Tensor:
    """Summed loss against labels drawn from the model.

    Args:
        outputs: Of the model.
        likelihood: What they stand for.
        generator: Source of the labels, on the device of the outputs.
        mask: True where a term counts: the shape of the outputs, for cross entropy without their last dimension. None
            counts all.
    """
    values = outputs if outputs.dtype == torch.float64 else outputs.float()
    if likelihood is Likelihood.CATEGORICAL:
        logits = values.reshape(-1, values.shape[-1])
        return sampled_cross_entropy(logits if mask is None else logits[mask.reshape(-1)], generator)
    if mask is not None:
        values = values[mask]
    if likelihood is Likelihood.GAUSSIAN:
        return sampled_square(values, generator)
    labels = torch.bernoulli(values.detach().sigmoid(), generator=generator)
    return functional.binary_cross_entropy_with_logits(values, labels, reduction="sum")
