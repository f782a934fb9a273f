"""From the calls of one layer to the rows of its factors, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import torch
from torch import Tensor

from solver.kfac.factors import Sharing
from solver.kfac.rows import gradient_rows, input_rows
from validation.curvature.layers import Layer

#: Numbers a piece holds at most, unless one example has more: 128 MB in double precision.
_PIECE: Final = 2**24


def rows_of_inputs(
    layer: Layer, x: Tensor, sharing: Sharing, segments: Tensor | None = None, count: int = 0
) -> Iterator[Tensor]:
    """Rows of A, shape (R, a): one a position, or with ``reduce`` the mean over each example.

    Args:
        layer: Whose input it is.
        x: Its input, examples first.
        sharing: Expand or reduce.
        segments: With ``reduce``, the graph of each leading entry; None where that is the example.
        count: Graphs, where there are segments.
    """
    if sharing is Sharing.REDUCE and segments is not None:
        rows = input_rows(layer.module, x.double()).flatten(0, 2)
        sizes = segments.bincount(minlength=count).clamp(min=1)
        yield _summed(rows, segments, count) / sizes[:, None]
        return
    for piece in _pieces(layer, x, sharing, layer.inputs):
        rows = input_rows(layer.module, piece)[0]
        yield rows.flatten(0, 1) if sharing is Sharing.EXPAND else rows.mean(1)


def rows_of_gradients(
    layer: Layer, g: Tensor, sharing: Sharing, segments: Tensor | None = None, count: int = 0
) -> Iterator[Tensor]:
    """Rows of G, shape (R, g): one a position, or with ``reduce`` the sum over each example; as for inputs."""
    if sharing is Sharing.REDUCE and segments is not None:
        yield _summed(gradient_rows(layer.module, g.double()).flatten(0, 2), segments, count)
        return
    for piece in _pieces(layer, g, sharing, layer.outputs):
        rows = gradient_rows(layer.module, piece)[0]
        yield rows.flatten(0, 1) if sharing is Sharing.EXPAND else rows.sum(1)


def _pieces(layer: Layer, values: Tensor, sharing: Sharing, n: int) -> Iterator[Tensor]:
    """Values some examples at a time, in a precision that keeps them exact and adds them up well."""
    if values.numel() == 0:
        return
    if layer.is_convolution and values.dim() == 3:
        values = values[None]  # one example, as torch also takes it
    if not layer.is_convolution and (sharing is Sharing.EXPAND or values.dim() == 1):
        values = values.reshape(-1, values.shape[-1])  # any row may end a piece
    positions = values[0].numel() // values.shape[1 if layer.is_convolution else -1]
    for piece in values.split(max(1, _PIECE // (n * max(1, positions)))):
        if sharing is Sharing.REDUCE:
            yield piece.double()
        else:
            yield piece if piece.dtype in {torch.float32, torch.float64} else piece.float()


def _summed(rows: Tensor, segments: Tensor, count: int) -> Tensor:
    return rows.new_zeros(count, rows.shape[-1]).index_add_(0, segments, rows)
