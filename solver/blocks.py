"""Matrices larger than an array: block elimination in which the array inverts or solves each pivot block.

The Schur complements of a positive definite matrix have their spectrum inside that of the matrix, so the kappa of the
whole bounds every block. Digital work is counted as matrix products. Source: BlockAMC (arXiv 2401.10042) for the
idea, the sweep is Gauss-Jordan on blocks; the counts are derived in docs/solver.md.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from solver.ledger import Ledger

InvertBlock = Callable[[Tensor], tuple[Tensor, Ledger]]
SolveBlock = Callable[[int, Tensor, Tensor], tuple[Tensor, Ledger]]
SolveAgain = Callable[[int, Tensor], tuple[Tensor, Ledger]]


def _slices(sizes: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    start = 0
    for size in sizes:
        yield start, start + size
        start += size


def sweep_inverse(A: Tensor, sizes: tuple[int, ...], invert: InvertBlock) -> tuple[Tensor, Ledger]:
    """Inverse of A, shape (b, n, n), from inverses of its pivot blocks.

    Block of p rows: P^-1 on the array, U = P^-1 A_pr with r = n - p columns (2 p^2 r FLOPs), A_rr -= A_rp U (2 p r^2).
    In all 2 n (n^2 - sum p^2) FLOPs a matrix.
    """
    b, n, _ = A.shape
    state, ledger = A.clone(), Ledger()
    for start, stop in _slices(sizes):
        here = torch.arange(start, stop, device=A.device)
        rest = torch.cat([torch.arange(start, device=A.device), torch.arange(stop, n, device=A.device)])
        p, r = stop - start, n - (stop - start)
        inverse, events = invert(state[:, here[:, None], here])
        ledger += events
        coupling = state[:, here[:, None], rest]
        solved = inverse @ coupling
        reduced = state[:, rest[:, None], rest] - coupling.mT @ solved
        state[:, rest[:, None], rest] = (reduced + reduced.mT) / 2
        # The sweep operator: pivots take the negative inverse, so that swept rows update like the others.
        state[:, here[:, None], here] = -inverse
        state[:, here[:, None], rest] = solved
        state[:, rest[:, None], here] = solved.mT
        ledger += Ledger(digital_flops=b * 2 * p * r * (p + r))
    return -state, ledger


def eliminate(A: Tensor, B: Tensor, sizes: tuple[int, ...], solve: SolveBlock) -> tuple[Tensor, list[Tensor], Ledger]:
    """Solution of A X = B, shapes (b, n, n) and (b, n, k), with the right-hand sides carried along.

    Block j of p rows with r rows after it: the array solves r + k systems; digitally A_rr -= A_rp Z_r (2 p r^2 FLOPs),
    B_r -= A_rp Z_k (2 p r k), and later X_p = Z_k - Z_r X_r (2 p r k).

    Returns:
        X, the couplings Z_r of each block for reuse by `substitute`, and the ledger.
    """
    b, n, k = A.shape[0], A.shape[-1], B.shape[-1]
    state, carried, ledger = A.clone(), B.clone(), Ledger()
    couplings, partial = [], []
    for j, (start, stop) in enumerate(_slices(sizes)):
        p, r = stop - start, n - stop
        systems = torch.cat([state[:, start:stop, stop:], carried[:, start:stop]], -1)
        solved, events = solve(j, state[:, start:stop, start:stop], systems)
        z_r, z_k = solved[..., :r], solved[..., r:]
        below = state[:, stop:, start:stop]
        reduced = state[:, stop:, stop:] - below @ z_r
        state[:, stop:, stop:] = (reduced + reduced.mT) / 2
        carried[:, stop:] -= below @ z_k
        couplings.append(z_r)
        partial.append(z_k)
        ledger += events + Ledger(digital_flops=b * (2 * p * r * r + 2 * p * r * k))
    X, back = _back(couplings, partial, sizes)
    return X, couplings, ledger + back


def substitute(B: Tensor, couplings: list[Tensor], sizes: tuple[int, ...], solve: SolveAgain) -> tuple[Tensor, Ledger]:
    """Solution for new right-hand sides with the couplings of an earlier `eliminate`: k systems a block, 4 p r k FLOPs.

    Forward, B_r -= Z_r^T B_p uses A_rp P^-1 = Z_r^T; only the block's own solves go to the array.
    """
    b, n, k = B.shape
    carried, ledger, partial = B.clone(), Ledger(), []
    for j, (start, stop) in enumerate(_slices(sizes)):
        p, r = stop - start, n - stop
        solved, events = solve(j, carried[:, start:stop])
        carried[:, stop:] -= couplings[j].mT @ carried[:, start:stop]
        partial.append(solved)
        ledger += events + Ledger(digital_flops=b * 2 * p * r * k)
    X, back = _back(couplings, partial, sizes)
    return X, ledger + back


def _back(couplings: list[Tensor], partial: list[Tensor], sizes: tuple[int, ...]) -> tuple[Tensor, Ledger]:
    """Back substitution X_p = Z_k - Z_r X_r, last block first; 2 p r k FLOPs a block."""
    b, _, k = partial[-1].shape
    below = partial[-1][:, :0]
    ledger = Ledger()
    for z_r, z_k, p in zip(reversed(couplings), reversed(partial), reversed(sizes), strict=True):
        ledger += Ledger(digital_flops=b * 2 * p * below.shape[1] * k)
        below = torch.cat([z_k - z_r @ below, below], 1)
    return below, ledger
