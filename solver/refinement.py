"""Newton-Schulz steps on an inverse that a machine found: digital products that square what is left of it."""

import torch
from torch import Tensor


def refine(A: Tensor, estimate: Tensor, steps: int) -> tuple[Tensor, int]:
    """Steps X (2 I - A X) on inverses of shape (b, n, n), 4 n^3 FLOPs each; the residual I - A X is squared by each.

    Raises:
        ArithmeticError: an estimate too coarse, whose residual grows.
    """
    for _ in range(steps):
        estimate = 2 * estimate - estimate @ A @ estimate
        estimate = (estimate + estimate.mT) / 2
    if not torch.isfinite(estimate).all():
        raise ArithmeticError(
            "refinement diverged: the sampled inverse is off by more than 100 %; ask for a smaller error"
        )
    return estimate, steps * A.shape[0] * 4 * A.shape[-1] ** 3
