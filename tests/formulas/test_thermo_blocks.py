"""Block elimination run for real: operations counted, spectra of Schur complements, errors of inexact blocks."""

import numpy as np
import pytest

from costmodel.formulas import blocks, inverse, quantization, solve
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


@pytest.mark.verifies("thermo.blocks.count", "thermo.blocks.squares", "thermo.inverse.tiling.flops")
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


@pytest.mark.verifies(
    "thermo.blocks.remaining_rows",
    "thermo.blocks.products",
    "thermo.solve.eliminate.flops",
    "thermo.solve.tiling.flops",
)
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


@pytest.mark.verifies("thermo.blocks.remaining_rows_squared")
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


def mean_and_rest(n, kappa):
    """One dominant mode on a flat rest, in a random basis: what K-FAC's input factors look like once damped."""
    return with_spectrum(np.array([*[1 / kappa] * (n - 1), 1.0]))[0]


def error(A, m, disturb, order=2):
    exact = np.linalg.inv(A)
    return np.linalg.norm(tiled_with_errors(A, m, disturb) - exact, order) / np.linalg.norm(exact, order)


@pytest.mark.parametrize("kappa", [10.0, 30.0, 100.0])
def test_settling_errors_are_not_amplified(kappa):
    epsilon = 1e-3

    def short(P):
        eigenvalues, basis = np.linalg.eigh(P)
        left = epsilon ** (eigenvalues * kappa)  # exp(-2 lambda t / tau) after the burn-in to epsilon
        return (basis * ((1 - left) / eigenvalues)) @ basis.T

    for A in (mean_and_rest(64, kappa), with_spectrum(logarithmic(64, kappa))[0]):
        assert error(A, 64, short) == pytest.approx(epsilon)
        assert error(A, 16, short) < 1.01 * epsilon


@pytest.mark.parametrize("kappa", [10.0, 100.0])
def test_sampling_errors_are_not_amplified(kappa):
    epsilon = 1e-4
    normal = np.random.default_rng(0).standard_normal

    def sampled(P):
        """A draw with the variances that Isserlis' theorem gives a covariance averaged for epsilon."""
        eigenvalues, basis = np.linalg.eigh(P)
        window = (len(P) + 1) * kappa / epsilon**2
        upper = np.triu(normal(P.shape))
        draw = upper + np.triu(upper, 1).T + np.diag((np.sqrt(2) - 1) * np.diag(upper))
        scale = np.sqrt(2 / (eigenvalues[:, None] + eigenvalues) / window / np.outer(eigenvalues, eigenvalues))
        return np.linalg.inv(P) + basis @ (scale * draw) @ basis.T

    for A in (mean_and_rest(64, kappa), with_spectrum(logarithmic(64, kappa))[0]):
        assert error(A, 16, sampled, "fro") < 1.3 * epsilon


@pytest.mark.verifies("thermo.blocks.inverse.amplification", "thermo.blocks.inverse.amplification_bound")
@pytest.mark.parametrize("kappa", [10.0, 30.0, 100.0])
@pytest.mark.parametrize(("n", "m"), [(64, 32), (256, 64)])
def test_rounded_outputs_are_amplified(n, m, kappa):
    bits = 22
    once = quantization.output_inverse_error().evaluate(m=m, b_out=bits)

    def read(P):
        X = np.linalg.inv(P)
        step = np.abs(X).max() / (2 ** (bits - 1) - 1)
        return np.round(X / step) * step

    estimate = blocks.inverse_amplification().evaluate(n=n, m=m, kappa=kappa) * once
    bound = blocks.inverse_amplification_bound().evaluate(n=n, m=m, kappa=kappa) * once
    assert estimate / 8 < error(mean_and_rest(n, kappa), m, read) < 2 * estimate
    sixteen = with_spectrum(np.array([*[1 / kappa] * (n - 16), *[1.0] * 16]))[0]
    assert error(sixteen, m, read) < bound
    assert error(mean_and_rest(m, kappa), m, read) < 1.2 * once


@pytest.mark.verifies("thermo.blocks.solve.amplification")
@pytest.mark.parametrize("kappa", [10.0, 30.0, 100.0])
def test_rounded_solutions_are_hardly_amplified(kappa):
    n, m, bits = 64, 32, 22
    once = quantization.output_solve_error().evaluate(m=m, b_out=bits)

    def read(P, B):
        Y = np.linalg.solve(P, B)
        step = np.abs(Y).max(axis=0) / (2 ** (bits - 1) - 1)
        return np.round(Y / step) * step

    right = np.random.default_rng(1).standard_normal((n, 20))
    sixteen = with_spectrum(np.array([*[1 / kappa] * (n - 16), *[1.0] * 16]))[0]
    for A in (mean_and_rest(n, kappa), sixteen, with_spectrum(logarithmic(n, kappa))[0]):
        S, b, kept = A.copy(), right.copy(), []
        for p in pivots(n, m):
            rest = slice(p.stop, n)
            U = read(S[p, p], S[p, rest])
            S[rest, rest] -= S[rest, p] @ U
            b[rest] -= U.T @ b[p]
            b[p] = read(S[p, p], b[p])
            kept.append((p, U))
        for p, U in reversed(kept):
            b[p] -= U @ b[p.stop :]
        off = np.linalg.norm(b - np.linalg.solve(A, right), axis=0) / np.linalg.norm(np.linalg.solve(A, right), axis=0)
        assert off.max() < 2 * blocks.solve_amplification().evaluate(n=n, m=m, kappa=kappa) * once
