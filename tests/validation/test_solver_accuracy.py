"""The iterations and the rank that formulas ask for give the accuracy they promise, and not much fewer would."""

import math

import pytest
import torch
from torch import Tensor

from costmodel import formulas
from costmodel.formulas.accuracy.moments import moments
from validation.reference import factors, solvers

DOUBLE = torch.float64


def with_spectrum(values: Tensor, seed: int = 0) -> Tensor:
    """A symmetric matrix with these eigenvalues in a random basis, (1, n, n)."""
    generator = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(len(values), len(values), dtype=DOUBLE, generator=generator)).Q
    return ((basis * values.to(DOUBLE)) @ basis.mT)[None]


def spectral_error(inverse: Tensor, factor: Tensor) -> float:
    exact = torch.linalg.inv(factor)
    return float(torch.linalg.matrix_norm(inverse - exact, 2) / torch.linalg.matrix_norm(exact, 2))


def _spread(kappa: float, count: int = 64) -> Tensor:
    return torch.logspace(0, -math.log10(kappa), count, dtype=DOUBLE)


@pytest.mark.verifies("kfac.newton_schulz.iterations")
@pytest.mark.parametrize("epsilon", [0.2, 0.1, 0.01, 1e-6])
@pytest.mark.parametrize("kappa", [1.5, 4.0, 30.0, 100.0, 1000.0, 1e5])
def test_newton_schulz_reaches_the_target(kappa: float, epsilon: float) -> None:
    factor = with_spectrum(_spread(kappa))
    steps = int(formulas.get("kfac.newton_schulz.iterations").evaluate(kappa=kappa, epsilon=epsilon))
    assert spectral_error(solvers.newton_schulz_inverse(factor, 1.0, 1 / kappa, steps), factor) <= epsilon
    if steps > 2:
        # "At most one step more than needed."
        assert spectral_error(solvers.newton_schulz_inverse(factor, 1.0, 1 / kappa, steps - 2), factor) > epsilon


@pytest.mark.parametrize("kappa", [30.0, 1000.0])
def test_newton_schulz_in_single_precision(kappa: float) -> None:
    factor = with_spectrum(_spread(kappa))
    steps = int(formulas.get("kfac.newton_schulz.iterations").evaluate(kappa=kappa, epsilon=0.01))
    inverse = solvers.newton_schulz_inverse(factor.float(), 1.0, 1 / kappa, steps)
    assert spectral_error(inverse.to(DOUBLE), factor) <= 0.01


def test_scaling_halves_the_steps() -> None:
    """The residual without scaling falls as (1 - 1 / kappa)^(2^j): twice as many steps at large kappa."""
    scaled = formulas.get("kfac.newton_schulz.iterations").evaluate(kappa=1e6, epsilon=0.1)
    plain = math.log2(math.log(1 / 0.1) / -math.log1p(-1e-6))
    assert scaled == 11
    assert plain == pytest.approx(21.1, abs=0.1)


def _worst_for_conjugate_gradients(kappa: float, size: int) -> tuple[Tensor, Tensor]:
    """Chebyshev nodes between 1 / kappa and 1 as eigenvalues: the bound is met within a factor of two."""
    nodes = torch.cos(torch.pi * (torch.arange(size, dtype=DOUBLE) + 0.5) / size)
    values = (1 + 1 / kappa) / 2 + (1 - 1 / kappa) / 2 * nodes
    return values, torch.diag_embed(values)[None]


def energy_error(solution: Tensor, factor: Tensor, right: Tensor) -> Tensor:
    exact = torch.linalg.solve(factor, right)
    error = solution - exact
    return torch.sqrt((error * (factor @ error)).sum(dim=-2) / (exact * (factor @ exact)).sum(dim=-2)).max()


@pytest.mark.verifies("kfac.cg.iterations.bound")
@pytest.mark.parametrize("epsilon", [0.1, 0.01])
@pytest.mark.parametrize("kappa", [4.0, 30.0, 300.0, 1000.0])
def test_conjugate_gradients_reach_the_target(kappa: float, epsilon: float) -> None:
    iterations = int(formulas.get("kfac.cg.iterations.bound").evaluate(kappa=kappa, epsilon=epsilon))
    values, factor = _worst_for_conjugate_gradients(kappa, iterations + 1)
    # Weights that make the minimal polynomial the Chebyshev one: the bound of the worst case, up to its factor of two.
    right = torch.sqrt(values * (1 - torch.linspace(-1, 1, len(values) + 2, dtype=DOUBLE)[1:-1] ** 2))[None, :, None]
    assert energy_error(solvers.conjugate_gradients(factor, right, iterations), factor, right) <= epsilon
    random = torch.randn(1, len(values), 5, dtype=DOUBLE, generator=torch.Generator().manual_seed(1))
    assert energy_error(solvers.conjugate_gradients(factor, random, iterations), factor, random) <= epsilon


def test_conjugate_gradients_need_that_many_for_a_full_spectrum() -> None:
    kappa, epsilon = 300.0, 0.01
    iterations = int(formulas.get("kfac.cg.iterations.bound").evaluate(kappa=kappa, epsilon=epsilon))
    _, factor = _worst_for_conjugate_gradients(kappa, 400)
    right = torch.ones(1, 400, 1, dtype=DOUBLE)
    assert energy_error(solvers.conjugate_gradients(factor, right, iterations * 6 // 10), factor, right) > epsilon


def test_conjugate_gradients_are_quick_where_few_modes_stand_out() -> None:
    kappa = 1000.0
    values = torch.cat([torch.logspace(0, -1, 5, dtype=DOUBLE), torch.full((200,), 1 / kappa, dtype=DOUBLE)])
    right = torch.randn(1, 205, 3, dtype=DOUBLE, generator=torch.Generator().manual_seed(0))
    factor = with_spectrum(values)
    assert formulas.get("kfac.cg.iterations.bound").evaluate(kappa=kappa, epsilon=0.01) == 84
    assert energy_error(solvers.conjugate_gradients(factor, right, 6), factor, right) < 1e-8


@pytest.mark.parametrize("decay", [1.8, 2.2, 2.9, 4.5])
@pytest.mark.parametrize(("kappa", "epsilon"), [(30.0, 0.1), (1000.0, 0.1), (1000.0, 0.03), (300.0, 0.2)])
def test_low_rank_reaches_the_target(kappa: float, epsilon: float, decay: float) -> None:
    """One factor's share of the error of a gradient, epsilon / sqrt(2), by a sketch of that many columns."""
    size = 300
    damping = torch.ones(1, dtype=DOUBLE)
    values = (kappa - 1) * torch.arange(1, size + 1, dtype=DOUBLE) ** -decay
    factor = with_spectrum(values)
    spectrum = moments(values.tolist(), 1.0)
    columns = formulas.get("accuracy.iterations.low_rank.columns").evaluate(
        n=size, d_e=spectrum.effective_dimension, q=spectrum.damping_share, T_t=epsilon
    )
    eigenvalues, basis = torch.linalg.eigh(factor)
    root = (basis * eigenvalues.clamp(min=0).sqrt()[:, None, :]) @ basis.mT
    gradient = root @ torch.randn(1, size, 200, dtype=DOUBLE, generator=torch.Generator().manual_seed(5))
    exact = torch.linalg.solve(factor + torch.eye(size, dtype=DOUBLE), gradient)

    def error(kept: int) -> float:
        found = solvers.low_rank(factor, kept, torch.Generator().manual_seed(3))
        return float((solvers.low_rank_solve(*found, damping, gradient) - exact).norm() / exact.norm())

    # A sketch is not the best basis: with one power iteration a slow decay leaves up to 2.2 times the target.
    assert error(int(columns)) <= (2.2 if decay < 2 else 1.2) * epsilon / math.sqrt(2)
    kept = int(columns) - 10
    if kept >= 6:
        assert error(kept // 3) > epsilon


@pytest.mark.verifies("kfac.damping.condition_number")
@pytest.mark.parametrize(("sizes", "rows"), [((20, 30), 10), ((64, 8), 6)])
def test_condition_number_of_a_damped_factor(sizes: tuple[int, int], rows: int) -> None:
    """Fewer rows than either dimension: the smallest eigenvalue is zero, as the formula supposes."""
    generator = torch.Generator().manual_seed(0)
    raw = [factors.full_product(torch.randn(1, rows, size, dtype=DOUBLE, generator=generator)) / rows for size in sizes]
    traces = [float(torch.trace(factor[0])) for factor in raw]
    mean_curvature = traces[0] / sizes[0] * traces[1] / sizes[1]
    for damping in (1e-1, 1e-3):
        for factor, shifted, trace, size in zip(raw, factors.damped(*raw, damping)[:2], traces, sizes, strict=True):
            stable_rank = trace / float(torch.linalg.matrix_norm(factor[0], 2))
            expected = formulas.get("kfac.damping.condition_number").evaluate(
                n=size, s_r=stable_rank, theta=mean_curvature, damping=damping
            )
            assert float(torch.linalg.cond(shifted[0])) == pytest.approx(expected, rel=1e-9)
