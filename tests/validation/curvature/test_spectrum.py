"""The leading eigenvalues of a large factor against all of them, in each form that it can be kept in."""

import numpy as np
import pytest
import torch

from validation.curvature.factor import FULL, OuterSum
from validation.curvature.spectrum import LEADING, leading_eigenvalues, spectrum

N = 1650


def power_law(rows: int, rank: int = N) -> torch.Tensor:
    """Rows of rank at most ``rank`` whose second moments fall as a power law, in a random basis."""
    generator = torch.Generator().manual_seed(4)
    scores = torch.randn(rows, rank, generator=generator, dtype=torch.float64)
    scales = torch.arange(1, rank + 1, dtype=torch.float64) ** -0.8
    basis = torch.linalg.qr(torch.randn(N, rank, generator=generator, dtype=torch.float64)).Q
    return scores * scales @ basis.T


def summed(rows: torch.Tensor) -> OuterSum:
    outer = OuterSum(N)
    for piece in rows.split(300):
        outer.add(piece)
    return outer


@pytest.mark.parametrize(
    ("rows", "rank", "as_matrix"),
    [
        (2000, N, True),
        (1640, N, False),  # fewer rows than columns, and many
        (1640, 120, False),  # hardly anything to find behind rank 120
        (150, N, False),
    ],
)
def test_leading_eigenvalues_equal_those_of_the_whole_matrix(rows: int, rank: int, as_matrix: bool) -> None:
    x = power_law(rows, rank)
    outer = summed(x)
    assert (outer.matrix is not None) == as_matrix
    expected = torch.linalg.eigvalsh(x.T @ x).flip(0)[:LEADING].clamp(min=0).numpy()
    found = leading_eigenvalues(outer)
    count = min(rows, rank, LEADING)
    np.testing.assert_allclose(found[:count], expected[:count], rtol=1e-6)
    np.testing.assert_allclose(found[count:], 0, atol=1e-10 * expected[0])
    assert outer.trace == pytest.approx(float((x * x).sum()), rel=1e-12)


def test_small_curvature_is_resolved() -> None:
    """Gradients of 1e-14 have eigenvalues below any absolute tolerance; those of white noise take many iterations."""
    x = torch.randn(2000, N, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    large, small = torch.linalg.eigvalsh(x.T @ x).flip(0)[:LEADING].numpy(), leading_eigenvalues(summed(x * 1e-14))
    np.testing.assert_allclose(small * 1e28, large, rtol=1e-6)


def test_a_large_factor_of_zeros() -> None:
    found = spectrum(summed(torch.zeros(2000, N)), 2000)
    assert (found.trace, found.smallest) == (0.0, None)
    assert {value for _, value in found.eigenvalues} == {0.0}


def test_ranks_end_at_the_order_and_at_the_leading_ones() -> None:
    small = OuterSum(7)
    small.add(torch.eye(7))
    assert [rank for rank, _ in spectrum(small, 1).eigenvalues] == [1, 2, 3, 4, 5, 6]
    assert spectrum(small, 2).smallest == 0.5
    assert spectrum(summed(power_law(150)), 1).eigenvalues[-1][0] == LEADING
    assert N > FULL
