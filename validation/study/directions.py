"""How wrong a backend makes the K-FAC direction, measured inside a training run."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from solver.kfac import Backend, Cholesky


class Watched:
    """A backend beside the exact one: while `looking`, both directions are taken and compared over all layers."""

    def __init__(self, backend: Backend) -> None:
        self.backend, self.looking = backend, False
        self._difference = self._exact = self._own = self._inner = 0.0

    def prepare(self, A: Tensor, G: Tensor) -> Callable[[Tensor], Tensor]:
        """Prepare the backend, and the exact one when it is needed."""
        apply = self.backend.prepare(A, G)
        exact = Cholesky().prepare(A, G) if self.looking else None

        def watched(grad: Tensor) -> Tensor:
            direction = apply(grad)
            if self.looking and exact is not None:
                self._add(direction, exact(grad))
            return direction

        return watched

    def _add(self, direction: Tensor, exact: Tensor) -> None:
        self._difference += float(((direction - exact) ** 2).sum())
        self._exact += float((exact**2).sum())
        self._own += float((direction**2).sum())
        self._inner += float((direction * exact).sum())

    def take(self) -> dict[str, float]:
        """Relative error and cosine of the direction since the last call; empty when nothing was seen."""
        if not self._exact:
            return {}
        error = math.sqrt(self._difference / self._exact)
        cosine = self._inner / math.sqrt(self._own * self._exact) if self._own else 0.0
        self._difference = self._exact = self._own = self._inner = 0.0
        return {"error": error, "cosine": cosine}


def largest_kappa(factors: list[tuple[Tensor, Tensor]]) -> float:
    """Largest condition number of damped factors."""
    return max(float(torch.linalg.cond(matrix)) for pair in factors for matrix in pair)
