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

    def smaller(self) -> Tensor:
        """X^T X or X X^T, the one of lower order; their eigenvalues are the same but for zeros."""
        if self.matrix is not None:
            return self.matrix
        if not self.kept:
            return torch.zeros(0, 0, dtype=torch.float64)
        return torch.cat([torch.cat([a.double() @ b.double().mT for b in self.kept], 1) for a in self.kept])
