"""The sum of outer products behind one factor, kept in whichever form is smaller."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

#: Orders whose spectrum is computed in full.
FULL: Final = 1601


class OuterSum:
    """X^T X over rows that arrive in pieces.

    Up to the order :data:`FULL` the matrix itself is kept; above it the rows, for as long as there are fewer than
    columns, so that the n by n matrix is formed only where it is the smaller of the two.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self.rows = 0
        self.trace = 0.0
        self.kept: list[Tensor] = []
        self.matrix: Tensor | None = None

    def add(self, rows: Tensor) -> None:
        """Add rows, shape (R, n)."""
        self.rows += len(rows)
        exact = rows.double()
        self.trace += float((exact * exact).sum())
        if self.matrix is None and self.n > FULL and self.rows < self.n:
            self.kept.append(rows)
            return
        if self.matrix is None:
            self.matrix = exact.new_zeros(self.n, self.n)
        for piece in (*(each.double() for each in self.kept), exact):
            self.matrix.addmm_(piece.mT, piece)
        self.kept.clear()

    def apply(self, block: Tensor) -> Tensor:
        """X^T (X V) for a block of vectors V, shape (n, k)."""
        if self.matrix is not None:
            return self.matrix @ block
        return sum((piece.double().mT @ (piece.double() @ block) for piece in self.kept), torch.zeros_like(block))

    def gram(self) -> Tensor:
        """X X^T, which has the same eigenvalues but for zeros; only while the rows are kept."""
        whole = torch.cat(self.kept).double()
        return whole @ whole.mT

    @property
    def device(self) -> torch.device:
        """Where it is kept."""
        return self.kept[0].device if self.matrix is None else self.matrix.device
