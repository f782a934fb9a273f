"""Damping of a pair of Kronecker factors: the knob that sets kappa, hence the time of an analog solver."""

from enum import StrEnum

import torch
from torch import Tensor

# Below this, pi would divide by a factor that is zero (no gradient at all); curvlinops uses the same floor.
_SMALLEST_PI = 1e-8


class Damping(StrEnum):
    """Where the damping lambda of A (x) G + lambda I goes."""

    PI = "pi"  # A + pi sqrt(lambda), G + sqrt(lambda) / pi, with pi^2 = mean eigenvalue of A over that of G
    PLAIN = "plain"  # lambda on each factor


def damp(A: Tensor, G: Tensor, damping: float, rule: Damping) -> tuple[Tensor, Tensor]:
    """Damped factors. Source of pi: Martens & Grosse 2015, section 6.3, with the trace norm.

    >>> damp(4 * torch.eye(2), torch.eye(3), 0.25, Damping.PI)[0][0, 0].item()  # pi = 2: 4 + 2 * 0.5
    5.0
    """
    if not damping > 0:
        raise ValueError(f"damping must be positive, got {damping}; undamped factors are singular")
    on_a = on_g = damping
    if rule is Damping.PI:
        mean_a, mean_g = A.diagonal().mean(), G.diagonal().mean()
        pi = float((mean_a / mean_g).sqrt().nan_to_num(1.0, posinf=1 / _SMALLEST_PI).clamp(min=_SMALLEST_PI))
        on_a, on_g = pi * damping**0.5, damping**0.5 / pi
    return A + on_a * torch.eye(A.shape[0]).to(A), G + on_g * torch.eye(G.shape[0]).to(G)
