"""What a matrix must be before it can be programmed: every fault named with its number, its bound and its remedy."""

import torch
from torch import Tensor

# Symmetry is judged against the largest entry: rounding of a product A A^T in the working precision stays below this.
_ASYMMETRY_ULPS = 1e3


class MatrixError(ValueError):
    """A matrix or right-hand side that the machine cannot take; the message says what to change."""


def check_matrix(A: Tensor) -> None:
    """Refuse what is not a batch of finite symmetric matrices.

    Args:
        A: shape (..., n, n), floating point.

    Raises:
        MatrixError: wrong dtype or shape, a value that is not finite, or asymmetry beyond rounding.
    """
    if not isinstance(A, Tensor):
        raise MatrixError(
            f"expected a torch tensor, got {type(A).__name__}; pass torch.as_tensor(A, dtype=torch.float64)"
        )
    if A.dtype not in (torch.float32, torch.float64):
        raise MatrixError(f"the matrix has dtype {A.dtype}; convert it to torch.float64 or torch.float32")
    if A.ndim < 2 or A.shape[-1] != A.shape[-2] or A.numel() == 0:
        raise MatrixError(
            f"expected square matrices of shape (..., n, n) with n >= 1 and at least one of them, got {tuple(A.shape)}"
        )
    if not torch.isfinite(A).all():
        where = tuple(int(i) for i in torch.nonzero(~torch.isfinite(A))[0])
        raise MatrixError(f"entry {where} is {A[where].item()}; every entry must be finite")
    asymmetry = (A - A.mT).abs()
    bound = _ASYMMETRY_ULPS * torch.finfo(A.dtype).eps * A.abs().max()
    if (asymmetry > bound).any():
        where = tuple(int(i) for i in torch.nonzero(asymmetry == asymmetry.max())[0])
        raise MatrixError(
            f"the matrix is not symmetric: entry {where} differs from its mirror by {asymmetry.max().item():.3g}, "
            f"the bound is {bound.item():.3g}; pass (A + A.mT) / 2 if the difference is rounding"
        )


def check_positive(eigenvalues: Tensor, what: str = "the matrix") -> None:
    """Refuse spectra that are not positive.

    Args:
        eigenvalues: ascending, shape (..., n).
        what: how the message calls the matrix.

    Raises:
        MatrixError: an eigenvalue at or below the rounding level of the largest one.
    """
    smallest, largest = eigenvalues[..., 0], eigenvalues[..., -1]
    n = eigenvalues.shape[-1]
    bound = n * torch.finfo(eigenvalues.dtype).eps * largest.abs()
    bad = (smallest <= bound).reshape(-1)
    if bad.any():
        member = int(torch.nonzero(bad)[0])
        low, limit = smallest.reshape(-1)[member].item(), bound.reshape(-1)[member].item()
        raise MatrixError(
            f"{what} is not positive definite: its smallest eigenvalue is {low:.3g} (batch member {member}), "
            f"the bound in {str(eigenvalues.dtype).removeprefix('torch.')} is > {limit:.3g}; "
            f"add damping of more than {limit - low:.3g}"
        )


def check_right_hand_sides(A: Tensor, B: Tensor) -> None:
    """Refuse right-hand sides that do not fit their matrix.

    Args:
        A: shape (..., n, n).
        B: shape (..., n, k), same batch dimensions, dtype and device as A.

    Raises:
        MatrixError: a mismatch of shape, dtype or device, or a value that is not finite.
    """
    if not isinstance(B, Tensor):
        raise MatrixError(f"expected right-hand sides as a torch tensor, got {type(B).__name__}")
    if B.ndim != A.ndim or B.shape[:-1] != A.shape[:-1] or B.shape[-1] == 0:
        raise MatrixError(
            f"right-hand sides of shape {tuple(B.shape)} do not fit matrices of shape {tuple(A.shape)}; "
            f"expected {(*A.shape[:-1], 'k')} with k >= 1"
        )
    if B.dtype != A.dtype or B.device != A.device:
        raise MatrixError(f"right-hand sides are {B.dtype} on {B.device}, the matrix is {A.dtype} on {A.device}")
    if not torch.isfinite(B).all():
        where = tuple(int(i) for i in torch.nonzero(~torch.isfinite(B))[0])
        raise MatrixError(f"right-hand side entry {where} is {B[where].item()}; every entry must be finite")
