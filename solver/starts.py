"""Starting the columns of an inverse at those of the last refresh."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from solver.noise import Noise


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Inverses of the last refresh, pivot block by pivot block.

    Attributes:
        pivots: `Result.pivots` of the last run with the same settings, shape (members, n, n).
        drift: how far these inverses, exact, would be off by now, relative to the new ones, once they are fitted.
    """

    pivots: Tensor
    drift: float

    def __post_init__(self) -> None:
        """Refuse a drift that no run could be planned with."""
        if not 0 < self.drift < float("inf"):
            raise ValueError(f"drift must be positive and finite, got {self.drift}")

    def left(self, error: float) -> float:
        """Share of what is missing at the start that a run may leave: error / (error + drift).

        The start is off by the drift, and by the error that the last run left.

        >>> import torch
        >>> Start(torch.eye(2), drift=0.3).left(0.1)
        0.25
        """
        if not 0 < error < 1:
            raise ValueError(f"a relative error must lie between 0 and 1, got {error}")
        return error / (error + self.drift)

    def check(self, matrices: Tensor) -> None:
        """Refuse matrices of another shape.

        Raises:
            ValueError: the shapes.
        """
        if self.pivots.shape != matrices.shape:
            raise ValueError(
                f"the start has shape {tuple(self.pivots.shape)} and the run needs {tuple(matrices.shape)}; give the "
                f"pivots of a run with as many matrices and roundings"
            )

    def fitted(self, pivot: Tensor, first: int, noise: Noise) -> Tensor:
        """Inverses for pivot blocks of shape (b, p, p) whose first row is `first`, scaled so that they fit.

        Damping moves with the traces of both factors, and most of an inverse with it. One product of each with a
        random vector v, 4 p^2 FLOPs, tells by how much: the c that makes |v - c A X v| least.
        """
        p = pivot.shape[-1]
        last = self.pivots[:, first : first + p, first : first + p].to(pivot)
        probe = noise.normal((len(pivot), p, 1), pivot)
        found = pivot @ (last @ probe)
        return last * (found.mT @ probe) / (found.mT @ found)


def on_the_diagonal(blocks: Sequence[Tensor]) -> Tensor:
    """Blocks of shapes (b, p, p) on the diagonal of matrices, in order."""
    if len(blocks) == 1:
        return blocks[0]
    whole = blocks[0].new_zeros(len(blocks[0]), *(2 * [sum(each.shape[-1] for each in blocks)]))
    first = 0
    for block in blocks:
        stop = first + block.shape[-1]
        whole[:, first:stop, first:stop] = block
        first = stop
    return whole
