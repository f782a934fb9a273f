"""Block elimination run for real: operations counted, spectra of Schur complements, errors of inexact blocks."""

import numpy as np
import pytest

from costmodel.formulas import blocks, inverse, solve
from tests.formulas.designed import logarithmic, with_spectrum

SIZES = [(12, 12), (12, 4), (10, 4), (13, 5), (9, 2), (7, 3)]


class Counter:
    """Counts FLOPs of products, couplings uploaded and systems solved on the array."""

    def __init__(self):
        self.flops = self.products = self.couplings = self.systems = self.blocks = 0

    def product(self, left, right):
        self.products += 1
        self.flops += 2 * left.shape[0] * left.shape[1] * right.shape[1]
        return left @ right

    def upload(self, block):
        self.blocks += 1
        self.couplings += block.size


def pivots(n, m):
    return [slice(start, min(start + m, n)) for start in range(0, n, m)]


def sweep(A, m, count):
    """Inverse by a symmetric Gauss-Jordan sweep over diagonal blocks; only the blocks are inverted."""
    X, n = A.copy(), len(A)
    for p in pivots(n, m):
        rest = np.r_[0 : p.start, p.stop : n]
        count.upload(X[p, p])
        P = np.linalg.inv(X[p, p])
        if len(rest):
            U = count.product(P, X[p, rest])
            X[np.ix_(rest, rest)] -= count.product(X[rest, p], U)
            X[p, rest], X[rest, p] = U, U.T
        X[p, p] = -P
    return -X


def eliminate(A, m, count):
    """Pivot blocks and couplings U = P^-1 A_pr that a refresh interval keeps."""
    S, n, kept = A.copy(), len(A), []
    for p in pivots(n, m):
        rest = slice(p.stop, n)
        count.upload(S[p, p])
        U = np.linalg.solve(S[p, p], S[p, rest])
        count.systems += n - p.stop
        if p.stop < n:
            S[rest, rest] -= count.product(S[rest, p], U)
        kept.append((p, S[p, p].copy(), U))
    return kept


def substitute(kept, right, count):
    """Right-hand sides through all blocks, forward and back; every block is one run on the array for each."""
    b, n = right.copy(), len(right)
    for p, P, U in kept:
        if p.stop < n:
            b[p.stop :] -= count.product(U.T, b[p])
        count.systems += right.shape[1]
        b[p] = np.linalg.solve(P, b[p])
    for p, _, U in reversed(kept):
        if p.stop < n:
            b[p] -= count.product(U, b[p.stop :])
    return b


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_counts_of_the_sweep(n, m):
    A, _ = with_spectrum(logarithmic(n, 10.0))
    count = Counter()
    assert sweep(A, m, count) == pytest.approx(np.linalg.inv(A), rel=1e-9, abs=1e-9)
    assert count.blocks == blocks.count().evaluate(n=n, m=m)
    assert count.couplings == blocks.squares().evaluate(n=n, m=m)
    assert count.flops == inverse.tiling_flops().evaluate(n=n, m=m)
    # The last block of a sweep still has the others around it, so its products are counted, unlike in elimination.
    assert count.products == (2 * blocks.count().evaluate(n=n, m=m) if n > m else 0)


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_counts_of_elimination_and_substitution(n, m):
    A, _ = with_spectrum(logarithmic(n, 10.0))
    first, each = Counter(), Counter()
    kept = eliminate(A, m, first)
    right = np.random.default_rng(1).standard_normal((n, 6))
    assert substitute(kept, right, each) == pytest.approx(np.linalg.solve(A, right), rel=1e-9, abs=1e-9)
    q = blocks.count().evaluate(n=n, m=m)
    assert first.systems == blocks.remaining_rows().evaluate(n=n, m=m)
    assert first.flops == solve.eliminate_flops().evaluate(n=n, m=m)
    assert first.products == q - 1
    assert each.systems == 6 * q
    assert each.flops == solve.tiling_flops().evaluate(n=n, m=m, k=6)
    assert each.products == blocks.products().evaluate(n=n, m=m)


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_sums_over_blocks(n, m):
    sizes = [p.stop - p.start for p in pivots(n, m)]
    after = [n - p.stop for p in pivots(n, m)]
    values = {"n": n, "m": m}
    assert blocks.squares().evaluate(**values) == sum(size**2 for size in sizes)
    assert blocks.remaining_rows().evaluate(**values) == sum(after)
    assert blocks.remaining_rows_squared().evaluate(**values) == sum(rows**2 for rows in after)
    run = inverse.sample_time().evaluate(kappa=3.0, tau=1.0, epsilon=0.5, **values)
    assert run == pytest.approx(sum((size + 1) * 3.0 / 0.25 for size in sizes))
    average = solve.average_time().evaluate(n=n, k=1, kappa=3.0, nu=0.1, tau=1.0, epsilon=0.5)
    assert average == pytest.approx(sum(2 * size * 9.0 * 0.1 / 0.25 for size in sizes))


@pytest.mark.parametrize("seed", range(5))
def test_a_block_is_never_worse_conditioned_than_the_whole(seed):
    kappa = 200.0
    A, _ = with_spectrum(logarithmic(13, kappa), seed)
    low, high = 1 / kappa, 1.0
    for _, P, _ in eliminate(A, 4, Counter()):
        eigenvalues = np.linalg.eigvalsh(P)
        assert low * (1 - 1e-9) <= eigenvalues[0]
        assert eigenvalues[-1] <= high * (1 + 1e-9)
    # A Schur complement's inverse is a block of the inverse, so its spectrum interlaces with the inverse's.
    S = A[4:, 4:] - A[4:, :4] @ np.linalg.solve(A[:4, :4], A[:4, 4:])
    assert np.linalg.inv(S) == pytest.approx(np.linalg.inv(A)[4:, 4:])
    whole = np.linalg.eigvalsh(A)
    for index, eigenvalue in enumerate(np.linalg.eigvalsh(S)):
        assert whole[index] * (1 - 1e-9) <= eigenvalue <= whole[index + 4] * (1 + 1e-9)


def tiled_with_errors(A, m, disturb):
    """Inverse by a sweep whose block inverses are disturbed."""
    X, n = A.copy(), len(A)
    for p in pivots(n, m):
        rest = np.r_[0 : p.start, p.stop : n]
        P = disturb(X[p, p])
        U = P @ X[p, rest]
        X[np.ix_(rest, rest)] -= X[rest, p] @ U
        X[p, rest], X[rest, p], X[p, p] = U, U.T, -P
    return -X


def power(S, exponent):
    eigenvalues, basis = np.linalg.eigh(S)
    return (basis * eigenvalues**exponent) @ basis.T


def test_rounding_a_block_is_rounding_the_diagonal_block_of_the_whole():
    A, _ = with_spectrum(logarithmic(12, 20.0))
    rng, errors = np.random.default_rng(2), []

    def disturb(P):
        E = 1e-3 * rng.standard_normal(P.shape)
        errors.append(E + E.T)
        return np.linalg.inv(P + errors[-1])

    found = tiled_with_errors(A, 4, disturb)
    moved = A.copy()
    for p, E in zip(pivots(12, 4), errors, strict=True):
        moved[p, p] += E
    assert found == pytest.approx(np.linalg.inv(moved), rel=1e-9)


@pytest.mark.parametrize("kappa", [10.0, 100.0])
def test_errors_of_runs_are_amplified_by_kappa_at_most(kappa):
    epsilon, n, m = 1e-5, 12, 4
    bound = blocks.amplification().evaluate(n=n, m=m, kappa=kappa) * epsilon

    def short(P):
        # P^-1/2 (1 - epsilon) P^-1/2, as a burn-in to epsilon leaves it
        return (1 - epsilon) * np.linalg.inv(P)

    def relative(A):
        exact = np.linalg.inv(A)
        return np.linalg.norm(tiled_with_errors(A, m, short) - exact, 2) / np.linalg.norm(exact, 2)

    for seed in range(5):
        A, _ = with_spectrum(logarithmic(n, kappa), seed)
        assert relative(A) <= bound * 1.01
    # A rank-one mean and a flat rest, as K-FAC's input factors have it, come near the bound; untiled they do not.
    v = np.ones(n) / np.sqrt(n)
    mean = (1 - 1 / kappa) * np.outer(v, v) + np.eye(n) / kappa
    assert relative(mean) > bound / 5
    whole = np.linalg.norm(short(mean) - np.linalg.inv(mean), 2) / kappa
    assert whole == pytest.approx(epsilon * blocks.amplification().evaluate(n=n, m=n, kappa=kappa))
