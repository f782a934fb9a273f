"""Method 2: linear systems as the mean of a driven, settled array."""

import math

import torch
from torch import Tensor

from solver.array import AveragingPlan, Programmed, average_solutions, program
from solver.blocks import eliminate, substitute
from solver.deflation import Deflated
from solver.laws import averaging_for_mean, settling_of_mean
from solver.ledger import Ledger
from solver.machine import Machine
from solver.matrices import check_matrix, check_right_hand_sides
from solver.noise import Noise
from solver.planning import bound_kappa, require_one, seconds_a_run
from solver.results import Mitigation, Result


def solve(
    A: Tensor,
    B: Tensor,
    machine: Machine,
    *,
    error: float | None = None,
    averaging_time_s: float | None = None,
    time_s: float | None = None,
    settle_error: float | None = None,
    kappa: float | None = None,
    mitigation: Mitigation | None = None,
    seed: int = 0,
) -> Result:
    """Estimate the solutions of A X = B on a machine.

    Exactly one of `error`, `averaging_time_s`, `time_s` says how long every right-hand side is averaged.

    Args:
        A: shape (..., n, n), symmetric positive definite.
        B: shape (..., n, k).
        machine: the machine.
        error: relative error, block by block, for the worst drive and spectrum of this kappa, by settling and
            thermal noise together; without noise nothing is averaged.
        averaging_time_s: averaging window of each right-hand side, in s; 0 is a single reading.
        time_s: everything on the machine and link, in s; what settling leaves is averaged.
        settle_error: relative error left by settling; the default is `error` / 2, else 1e-3.
        kappa: bound on the condition number, as the damping gives it; None measures it.
        mitigation: averaging over roundings, deflation, refinement by residuals.
        seed: of everything random in the run.

    Returns:
        A result whose estimate has the shape of B.

    Raises:
        MatrixError: a matrix or right-hand side the machine cannot take.
        ValueError: not exactly one target, or a time too short.
    """
    require_one(error=error, averaging_time_s=averaging_time_s, time_s=time_s)
    mitigation = mitigation or Mitigation()
    noise = Noise(seed, A.device)
    check_matrix(A)
    matrices = A.reshape(-1, *A.shape[-2:])
    bound_kappa(matrices, None)
    check_right_hand_sides(A, B)
    right = B.reshape(-1, *B.shape[-2:])
    b, n, k = right.shape
    work, ledger, deflated, w = matrices, Ledger(), None, None
    if mitigation.deflation:
        deflated = Deflated.of(matrices, mitigation.deflation, noise)
        work, ledger = deflated.matrix, Ledger(digital_flops=deflated.flops)
    bound = bound_kappa(work, kappa)
    systems = right if deflated is None else torch.cat([right, deflated.direction], -1)
    copies = mitigation.roundings
    plans = _plans(machine, bound, (b * copies, n, systems.shape[-1]), error, averaging_time_s, time_s, settle_error)
    run = _Run(machine, work.repeat(copies, 1, 1), plans, copies, noise)
    estimate, events = run.first(systems)
    ledger += events
    if deflated is not None:
        w = estimate[..., -1:]
        estimate, flops = deflated.restore_solution(estimate[..., :-1], w)
        ledger += Ledger(digital_flops=flops)
    for _ in range(mitigation.refinements):
        correction, events = run.again(right - matrices @ estimate)
        ledger += events + Ledger(digital_flops=b * 2 * n * n * k)
        if deflated is not None and w is not None:
            correction, flops = deflated.restore_solution(correction, w)
            ledger += Ledger(digital_flops=flops)
        estimate = estimate + correction
    return Result(estimate.reshape(B.shape), bound, ledger)


def _plans(
    machine: Machine,
    kappa: float,
    shape: tuple[int, int, int],
    error: float | None,
    averaging_time_s: float | None,
    time_s: float | None,
    settle_error: float | None,
) -> list[AveragingPlan]:
    """Settling and averaging of every block, for `shape` = (members, rows, columns)."""
    sizes = machine.blocks(shape[1])
    if error is not None:
        rest = error / 2 if settle_error is None else settle_error
        if rest >= error:
            raise ValueError(f"settle_error = {rest} leaves nothing of error = {error} for noise; make it smaller")
        settle = settling_of_mean(kappa, rest, machine.regime)
        left = math.sqrt(error**2 - rest**2)
        windows = [averaging_for_mean(p, kappa, left, machine.thermal_variance, machine.regime) for p in sizes]
    else:
        settle = settling_of_mean(kappa, 1e-3 if settle_error is None else settle_error, machine.regime)
        if averaging_time_s is not None:
            windows = [averaging_time_s / machine.tau_s] * len(sizes)
        else:
            assert time_s is not None
            windows = [_window_left(machine, shape, settle, time_s)] * len(sizes)
    return [AveragingPlan(settle, window, machine.friction(kappa)) for window in windows]


def _window_left(machine: Machine, shape: tuple[int, int, int], settle: float, time_s: float) -> float:
    """Averaging window that a total time leaves to every system, in units of tau."""
    members, n, k = shape
    runs, up, down, below = 0, 0, 0, n
    for p in machine.blocks(n):
        below -= p
        runs += machine.spread(members, below + k)[0]
        up += members * p * (p + below + k)
        down += members * p * (below + k)
    link = machine.link.ledger(up, machine.dac.word, down, machine.adc.word, 3 * members * len(machine.blocks(n)))
    seconds = seconds_a_run(time_s, link.link_time_s, runs, settle * machine.tau_s)
    return max(0.0, seconds / machine.tau_s - settle)


class _Run:
    """A matrix on a machine, with what a second set of right-hand sides can reuse."""

    def __init__(self, machine: Machine, A: Tensor, plans: list[AveragingPlan], copies: int, noise: Noise) -> None:
        self.machine, self.A, self.plans, self.copies, self.noise = machine, A, plans, copies, noise
        self.sizes = machine.blocks(A.shape[-1])
        self.arrays: list[Programmed] = []
        self.couplings: list[Tensor] = []

    def first(self, B: Tensor) -> tuple[Tensor, Ledger]:
        """Program, solve, and average over the copies; B has shape (b, n, k)."""

        def block(j: int, pivot: Tensor, systems: Tensor) -> tuple[Tensor, Ledger]:
            self.arrays.append(program(self.machine, pivot, self.noise))
            return average_solutions(self.machine, self.arrays[j], systems, self.plans[j], self.noise)

        X, self.couplings, ledger = eliminate(self.A, B.repeat(self.copies, 1, 1), self.sizes, block)
        return X.reshape(self.copies, *B.shape).mean(0), ledger

    def again(self, B: Tensor) -> tuple[Tensor, Ledger]:
        """Solve for other right-hand sides; a matrix is still loaded only if one array of its own holds all of it."""
        load = len(self.sizes) > 1 or self.A.shape[0] > self.machine.arrays

        def block(j: int, systems: Tensor) -> tuple[Tensor, Ledger]:
            array, plan = self.arrays[j], self.plans[j]
            return average_solutions(self.machine, array, systems, plan, self.noise, load=load)

        X, ledger = substitute(B.repeat(self.copies, 1, 1), self.couplings, self.sizes, block)
        return X.reshape(self.copies, *B.shape).mean(0), ledger
