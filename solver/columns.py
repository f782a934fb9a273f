"""The inverse of a matrix column by column: linear systems whose right-hand sides are the unit vectors."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from solver.array import AveragingPlan, Programmed, average_solutions, program
from solver.blocks import sweep_inverse
from solver.deflation import Deflated
from solver.durations import averaging_for_columns, settling_of_mean
from solver.ledger import Ledger
from solver.machine import Machine
from solver.matrices import check_matrix
from solver.noise import Noise
from solver.planning import bound_kappa
from solver.refinement import refine
from solver.results import Mitigation, Result
from solver.starts import Start, on_the_diagonal


@torch.no_grad()
def invert_by_columns(
    A: Tensor,
    machine: Machine,
    *,
    settle_error: float,
    noise_error: float | None = None,
    kappa: float | None = None,
    mitigation: Mitigation | None = None,
    start: Start | None = None,
    seed: int = 0,
) -> Result:
    """Estimate the inverse of symmetric positive definite matrices, one settled column after another.

    Args:
        A: shape (..., n, n).
        machine: the machine.
        settle_error: relative Frobenius error left by settling, before refinement squares it.
        noise_error: relative Frobenius error that thermal noise leaves; `settle_error` unless given.
        kappa: bound on the condition number, as the damping gives it; None measures it.
        mitigation: averaging over roundings and readings, deflation, Newton-Schulz refinement.
        start: what the nodes start from; rest unless given.
        seed: of everything random in the run.

    Returns:
        A result whose estimate has the shape of A and is symmetric, with the pivots that a next run can start from.

    Raises:
        MatrixError: a matrix the machine cannot take.
        ValueError: an error that is not between 0 and 1, or a start for other matrices.
        ArithmeticError: Newton-Schulz refinement of too coarse an estimate.
    """
    mitigation = mitigation or Mitigation()
    check_matrix(A)
    matrices = A.reshape(-1, *A.shape[-2:])
    bound_kappa(matrices, None)
    noise = Noise(seed, A.device)
    deflate = mitigation.deflation if A.shape[-1] > 1 else 0
    deflated = Deflated.of(matrices, deflate, noise) if deflate else None
    work = matrices if deflated is None else deflated.matrix
    bound = bound_kappa(work, kappa)
    settle = settling_of_mean(bound, settle_error if start is None else start.left(settle_error), machine.regime)
    left = settle_error if noise_error is None else noise_error

    def plan(size: int) -> AveragingPlan:
        window = averaging_for_columns(size, bound, left, machine.thermal_variance, machine.regime)
        return AveragingPlan(settle, window, machine.friction(bound))

    repeated = work.repeat(mitigation.roundings, 1, 1)
    estimate, ledger, pivots = _swept(machine, repeated, plan, noise, start, mitigation.readings)
    estimate = estimate.reshape(mitigation.roundings, *work.shape).mean(0)
    if deflated is not None:
        estimate, flops = deflated.restore_inverse(estimate)
        ledger += Ledger(digital_flops=deflated.flops + flops)
    estimate, flops = refine(matrices, estimate, mitigation.refinements)
    ledger += Ledger(digital_flops=flops)
    result = Result(estimate.reshape(A.shape), bound, ledger, pivots=on_the_diagonal(pivots))
    return result.judged(math.hypot(settle_error, left), torch.linalg.inv(A))


def _swept(
    machine: Machine,
    matrices: Tensor,
    plan: Callable[[int], AveragingPlan],
    noise: Noise,
    start: Start | None,
    readings: int,
) -> tuple[Tensor, Ledger, list[Tensor]]:
    """Inverses of matrices that may be larger than an array, block by block, and those of the blocks on the diagonal.

    ``plan`` says how long columns of some number of rows take.
    """
    if start is not None:
        start.check(matrices)
    pivots: list[Tensor] = []

    def block(pivot: Tensor) -> tuple[Tensor, Ledger]:
        array = program(machine, pivot, noise)
        fitted = None if start is None else start.fitted(pivot, sum(each.shape[-1] for each in pivots), noise)
        inverse, events = _columns(machine, array, plan(pivot.shape[-1]), noise, fitted, readings)
        pivots.append(inverse)
        return inverse, events

    estimate, ledger = sweep_inverse(matrices, machine.blocks(matrices.shape[-1]), block)
    return estimate, ledger, pivots


def _columns(
    machine: Machine, array: Programmed, plan: AveragingPlan, noise: Noise, start: Tensor | None, readings: int
) -> tuple[Tensor, Ledger]:
    """Inverses of what stands on the arrays, shape (b, p, p): the mean of both triangles of what is read.

    A switch drives one node at full scale, then the next: nothing is uploaded for it, and one node is driven a system.
    A start comes with the couplings, in the same message, and takes a conversion a value; what fits it, 4 p^2 FLOPs.
    """
    b, p = array.modes.eigenvalues.shape
    unit = torch.eye(p, dtype=array.scale.dtype, device=array.scale.device).expand(b, p, p)
    columns, _ = average_solutions(machine, array, unit, plan, noise, start=start, readings=readings)
    rounds, loaded = machine.spread(b, p)
    put = 0 if start is None else b * p * p
    back = b * p * p * readings
    ledger = Ledger(
        programmings=loaded,
        dac_conversions=loaded * p * p + b * p + put,
        settling_time_s=rounds * plan.settle * machine.tau_s,
        sampling_time_s=rounds * plan.window * machine.tau_s,
        samples=b * p,
        conversions=back,
        digital_flops=4 * put,
    )
    link = machine.link.ledger(b * p * p + put, machine.dac.word, back, machine.adc.word, transfers=2 * b)
    run = (plan.settle + plan.window) * machine.tau_s
    return (columns + columns.mT) / 2, ledger + link + machine.reading(rounds, run, p * readings, back)
