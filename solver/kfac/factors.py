"""From rows to the two Kronecker factors of a layer, with weights shared over tokens, positions, nodes or edges.

Conventions, equal to curvlinops': x are inputs, with a 1 appended for a trained bias, g gradients of the summed loss.
* expand (Eschenhagen et al., arXiv 2311.00636): every shared position is a row, A = sum x x^T / rows, G = sum g g^T
  / N.
* reduce: inputs are averaged and gradients summed over the positions of an example, A and G are means over N examples.
"""

from enum import StrEnum

import torch
from torch import Tensor


class Sharing(StrEnum):
    """How positions that share a weight enter the factors."""

    EXPAND = "expand"  # exact when the loss is a sum over positions
    REDUCE = "reduce"  # exact when positions are averaged before the loss; cheaper by the number of positions


def input_factor(rows: Tensor, sharing: Sharing, examples: int, segments: Tensor | None = None) -> Tensor:
    """A of one batch, shape (d, d).

    Args:
        rows: of one pair, shape (N, T, d), or (R, 1, d) for the nodes or edges of a graph layer.
        sharing: expand or reduce.
        examples: N, the number of graphs for a graph layer.
        segments: graph of each row, shape (R,); None when the leading dimension is the example.
    """
    if sharing is Sharing.EXPAND:
        flat = rows.flatten(0, -2)
        return flat.mT @ flat / flat.shape[0]
    if segments is None:
        mean = rows.mean(1)
    else:
        count = torch.bincount(segments, minlength=examples).clamp(min=1).to(rows)
        mean = _segment_sum(rows.flatten(0, -2), segments, examples) / count[:, None]
    return mean.mT @ mean / examples


def gradient_factor(rows: Tensor, sharing: Sharing, examples: int, segments: Tensor | None = None) -> Tensor:
    """G of one batch for one pseudo-loss, shape (d_out, d_out); arguments as for `input_factor`."""
    if sharing is Sharing.EXPAND:
        flat = rows.flatten(0, -2)
    elif segments is None:
        flat = rows.sum(1)
    else:
        flat = _segment_sum(rows.flatten(0, -2), segments, examples)
    return flat.mT @ flat / examples


def _segment_sum(rows: Tensor, segments: Tensor, count: int) -> Tensor:
    """Sum of the rows of each segment, shape (count, d)."""
    return rows.new_zeros(count, rows.shape[-1]).index_add_(0, segments, rows)
