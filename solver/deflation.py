"""Taking the largest eigenvalue out of a matrix before it is programmed.

The input factors of K-FAC have a stable rank near 1: one mode carries most of the trace, and kappa falls by
lambda_1 / lambda_2 once it is moved down to lambda_2. A = A' + c v v^T holds for whatever v was found, so the
correction by Sherman-Morrison is exact and an inexact v only costs some kappa.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from solver.noise import Noise


@dataclass(frozen=True, slots=True)
class Deflated:
    """A = matrix + strength direction direction^T."""

    matrix: Tensor  # (b, n, n)
    direction: Tensor  # (b, n, 1), unit length
    strength: Tensor  # (b, 1, 1)
    flops: int

    @classmethod
    def of(cls, A: Tensor, iterations: int, noise: Noise) -> "Deflated":
        """Find the top mode by orthogonal iteration with two vectors, n >= 2: n^2 (4 iterations + 6) FLOPs."""
        b, n, _ = A.shape
        vectors = noise.normal((b, n, 2), A)
        for _ in range(iterations):
            vectors = torch.linalg.qr(A @ vectors).Q
        vectors = torch.linalg.qr(vectors).Q
        small = vectors.mT @ (A @ vectors)
        ritz, rotation = torch.linalg.eigh((small + small.mT) / 2)
        direction = vectors @ rotation[..., 1:]
        strength = (ritz[:, 1:] - ritz[:, :1])[..., None]
        matrix = A - strength * direction @ direction.mT
        return cls((matrix + matrix.mT) / 2, direction, strength, b * n * n * (4 * iterations + 6))

    def restore_inverse(self, inverse: Tensor) -> tuple[Tensor, int]:
        """A^-1 from an estimate of matrix^-1; 4 n^2 FLOPs."""
        b, n, _ = inverse.shape
        w = inverse @ self.direction
        gain = self.strength / (1 + self.strength * (self.direction.mT @ w))
        return inverse - gain * (w @ w.mT), b * 4 * n * n

    def restore_solution(self, Y: Tensor, w: Tensor) -> tuple[Tensor, int]:
        """A^-1 B from Y = matrix^-1 B, shape (b, n, k), and w = matrix^-1 direction; 4 n k FLOPs."""
        b, n, k = Y.shape
        gain = self.strength / (1 + self.strength * (self.direction.mT @ w))
        return Y - gain * w @ (self.direction.mT @ Y), b * 4 * n * k
