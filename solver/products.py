"""Inverses by a digital iteration that an analog array multiplies for: mixed-precision in-memory computing."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from solver.deflation import Deflated
from solver.ledger import Ledger
from solver.machine import Machine
from solver.matrices import check_matrix
from solver.modes import Modes
from solver.noise import Noise
from solver.planning import bound_kappa
from solver.refinement import refine
from solver.results import Mitigation, Result


@torch.no_grad()
def invert_by_products(
    A: Tensor,
    machine: Machine,
    *,
    error: float,
    passes: int = 1,
    kappa: float | None = None,
    mitigation: Mitigation | None = None,
    seed: int = 0,
) -> Result:
    """Estimate the inverse of symmetric positive definite matrices by Chebyshev's iteration on all columns.

    Source: Golub and Varga's semi-iteration; products as in Le Gallo et al., Nature Electronics 2018, rounded on the
    way in and out. Vectors are kept and added up digitally.

    Args:
        A: shape (..., n, n).
        machine: the machine; its `product_time_s` is that of one product with one tile, conversions included.
        error: what exact products would leave of any direction, relative, in one pass.
        passes: times that the array solves, first for the inverse, then for what is left of it: the residual is a
            digital product of 2 n^3 FLOPs.
        kappa: bound on the condition number, as the damping gives it; None measures it.
        mitigation: deflation, and Newton-Schulz refinement after the last pass; one rounding.
        seed: of stochastic rounding.

    Returns:
        A result whose estimate has the shape of A and is symmetric.

    Raises:
        MatrixError: a matrix the machine cannot take.
        ValueError: an error that is not between 0 and 1, a machine that does not multiply, no pass, several roundings
            or readings.
    """
    mitigation = (mitigation or Mitigation()).read_once()
    if not 0 < error < 1:
        raise ValueError(f"a relative error must lie between 0 and 1, got {error}")
    if machine.product_time_s is None:
        raise ValueError("this machine multiplies nothing; set product_time_s")
    if passes < 1 or mitigation.roundings > 1:
        raise ValueError(f"need passes >= 1 and one rounding, got {passes} and {mitigation.roundings}")
    check_matrix(A)
    matrices, noise = A.reshape(-1, *A.shape[-2:]), Noise(seed, A.device)
    bound_kappa(matrices, None)
    b, n, _ = matrices.shape
    work, deflated, flops = matrices, None, 0
    if mitigation.deflation and n > 1:
        deflated = Deflated.of(matrices, mitigation.deflation, noise)
        work, flops = deflated.matrix, deflated.flops
    bound = bound_kappa(work, kappa)
    steps = math.ceil(math.sqrt(bound) * math.log(2 / error) / 2)
    estimate = _passes(machine, work, bound, steps, passes, noise)
    flops += (passes - 1) * b * 2 * n**3
    if deflated is not None:
        estimate, more = deflated.restore_inverse(estimate)
        flops += more
    estimate, more = refine(matrices, estimate, mitigation.refinements)
    ledger = _ledger(machine, b, n, passes * steps) + Ledger(digital_flops=flops + more)
    return Result(estimate.reshape(A.shape), bound, ledger)


def _passes(machine: Machine, A: Tensor, kappa: float, steps: int, passes: int, noise: Noise) -> Tensor:
    """Inverses of what the arrays hold, corrected by passes for the digital residuals of A."""
    scale = Modes.of(A).eigenvalues[:, -1, None, None]
    held = machine.program(A / scale, noise)
    programmed = held.basis * held.eigenvalues[:, None, :] @ held.basis.mT

    def product(columns: Tensor) -> Tensor:
        driven = machine.dac.convert(columns.mT, 1, noise).mT
        return machine.adc.convert((programmed @ driven).mT, 1, noise).mT

    unit = torch.eye(A.shape[-1]).to(A).expand_as(A)
    estimate, residual = torch.zeros_like(A), unit
    for number in range(passes):
        correction = _chebyshev(product, residual, kappa, steps) / scale
        estimate = estimate + (correction + correction.mT) / 2 if number == 0 else estimate + correction
        residual = unit - A @ estimate
    return (estimate + estimate.mT) / 2


def _chebyshev(product: Callable[[Tensor], Tensor], right: Tensor, kappa: float, steps: int) -> Tensor:
    """Solutions after some products, for eigenvalues between 1 / kappa and 1."""
    centre, radius = (1 + 1 / kappa) / 2, (1 - 1 / kappa) / 2
    solution, residual = torch.zeros_like(right), right
    direction, ratio = right / centre, radius / centre
    for _ in range(steps):
        solution = solution + direction
        residual = residual - product(direction)
        following = 1 / (2 * centre / radius - ratio) if radius else 0.0
        direction = following * ratio * direction + (2 * following / radius * residual if radius else 0.0)
        ratio = following
    return solution


def _ledger(machine: Machine, members: int, n: int, steps: int) -> Ledger:
    tiles = len(machine.blocks(n))
    moved = members * steps * n * n
    rounds = -(-members * n * tiles**2 // machine.arrays)
    assert machine.product_time_s is not None
    link = machine.link.ledger(
        members * n * n + moved, machine.dac.word, moved, machine.adc.word, members * (1 + 2 * steps)
    )
    return link + Ledger(
        programmings=members * tiles**2,
        dac_conversions=members * n * n + tiles * moved,
        sampling_time_s=steps * rounds * machine.product_time_s,
        conversions=tiles * moved,
        samples=members * steps * n * tiles**2,
    )
