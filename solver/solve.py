"""Method 2: linear systems as the mean of a driven, settled array."""

import math

import torch
from torch import Tensor

from solver.array import AveragingPlan, Programmed, average_solutions, program
from solver.blocks import eliminate, substitute
from solver.deflation import Deflated
from solver.durations import averaging_for_mean, settling_of_mean
from solver.ledger import Ledger
from solver.machine import Machine
from solver.matrices import check_matrix, check_right_hand_sides
from solver.noise import Noise
from solver.planning import bound_kappa, require_instant_conversions, require_one, seconds_a_run
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
        time_s: everything on the machine and link but for refinements, in s; what settling leaves is averaged.
        settle_error: relative error left by settling; the default is `error` / 2, else 1e-3.
        kappa: bound on the condition number, as the damping gives it; None measures it.
        mitigation: averaging over roundings, deflation, refinement by residuals.
        seed: of everything random in the run.

    Returns:
        A result whose estimate has the shape of B.

    Raises:
        MatrixError: a matrix or right-hand side the machine cannot take.
        ValueError: not exactly one target, a time too short, or several readings.
    """
    session = Session(A, machine, kappa=kappa, mitigation=mitigation, seed=seed)
    return session.solve(B, error=error, averaging_time_s=averaging_time_s, time_s=time_s, settle_error=settle_error)


class Session:
    """A matrix that stays on a machine while right-hand sides come and go.

    The first call of `solve` pays for the programming and, in blocks, for the elimination; later calls only for
    their own systems (and for loading again what did not fit: several blocks, or more matrices than arrays).
    Mismatch and rounding are the same in all of them.
    """

    @torch.no_grad()
    def __init__(
        self,
        A: Tensor,
        machine: Machine,
        *,
        kappa: float | None = None,
        mitigation: Mitigation | None = None,
        seed: int = 0,
    ) -> None:
        check_matrix(A)
        self.A, self.machine, self.mitigation = A, machine, (mitigation or Mitigation()).read_once()
        self._matrices = A.reshape(-1, *A.shape[-2:])
        bound_kappa(self._matrices, None)
        noise = Noise(seed, A.device)
        self._search = Ledger()
        self._exact: Tensor | None = None
        self._deflated: Deflated | None = None
        self._w: Tensor | None = None  # (A - deflated)^-1 direction, once it is known
        work = self._matrices
        if self.mitigation.deflation and work.shape[-1] > 1:
            self._deflated = Deflated.of(work, self.mitigation.deflation, noise)
            work, self._search = self._deflated.matrix, Ledger(digital_flops=self._deflated.flops)
        self.kappa = bound_kappa(work, kappa)
        self._run = _Run(machine, work.repeat(self.mitigation.roundings, 1, 1), self.mitigation.roundings, noise)

    @torch.no_grad()
    def solve(
        self,
        B: Tensor,
        *,
        error: float | None = None,
        averaging_time_s: float | None = None,
        time_s: float | None = None,
        settle_error: float | None = None,
    ) -> Result:
        """Solve for right-hand sides of shape (..., n, k); arguments and errors as for `solver.solve`."""
        require_one(error=error, averaging_time_s=averaging_time_s, time_s=time_s)
        check_right_hand_sides(self.A, B)
        right = B.reshape(-1, *B.shape[-2:])
        b, n, k = right.shape
        columns = k + (1 if self._deflated is not None and self._w is None else 0)
        shape = (b * self.mitigation.roundings, n, columns)
        plans = _plans(self.machine, self.kappa, shape, error, averaging_time_s, time_s, settle_error)
        estimate, ledger = self._pass(right, plans)
        for _ in range(self.mitigation.refinements):
            correction, events = self._pass(right - self._matrices @ estimate, plans)
            estimate = estimate + correction
            ledger += events + Ledger(digital_flops=b * 2 * n * n * k)
        result = Result(estimate.reshape(B.shape), self.kappa, ledger)
        return result if error is None else result.judged(error, torch.cholesky_solve(B, self._root()))

    def _root(self) -> Tensor:
        """Cholesky factor of the matrix, which errors are judged by; it is made once."""
        if self._exact is None:
            self._exact = torch.linalg.cholesky(self.A)
        return self._exact

    def _pass(self, B: Tensor, plans: list[AveragingPlan]) -> tuple[Tensor, Ledger]:
        """One set of systems, the deflated mode put back."""
        if self._deflated is None:
            return self._run.solve(B, plans)
        ledger = Ledger()
        if self._w is None:
            Y, events = self._run.solve(torch.cat([B, self._deflated.direction], -1), plans)
            Y, self._w = Y[..., :-1], Y[..., -1:]
            ledger += self._search
        else:
            Y, events = self._run.solve(B, plans)
        restored, flops = self._deflated.restore_solution(Y, self._w)
        return restored, ledger + events + Ledger(digital_flops=flops)


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
    require_instant_conversions(machine)
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
    """Blocks of a matrix on a machine, with what a second set of right-hand sides can reuse."""

    def __init__(self, machine: Machine, A: Tensor, copies: int, noise: Noise) -> None:
        self.machine, self.A, self.copies, self.noise = machine, A, copies, noise
        self.sizes = machine.blocks(A.shape[-1])
        self.arrays: list[Programmed] = []
        self.couplings: list[Tensor] = []

    def solve(self, B: Tensor, plans: list[AveragingPlan]) -> tuple[Tensor, Ledger]:
        """Solve for B of shape (b, n, k) and average over the copies; the first call programs."""
        systems = B.repeat(self.copies, 1, 1)
        if self.arrays:
            X, ledger = self._again(systems, plans)
        else:
            X, ledger = self._first(systems, plans)
        return X.reshape(self.copies, *B.shape).mean(0), ledger

    def _first(self, B: Tensor, plans: list[AveragingPlan]) -> tuple[Tensor, Ledger]:
        def block(j: int, pivot: Tensor, systems: Tensor) -> tuple[Tensor, Ledger]:
            self.arrays.append(program(self.machine, pivot, self.noise))
            return average_solutions(self.machine, self.arrays[j], systems, plans[j], self.noise)

        X, self.couplings, ledger = eliminate(self.A, B, self.sizes, block)
        return X, ledger

    def _again(self, B: Tensor, plans: list[AveragingPlan]) -> tuple[Tensor, Ledger]:
        load = len(self.sizes) > 1 or self.A.shape[0] > self.machine.arrays

        def block(j: int, systems: Tensor) -> tuple[Tensor, Ledger]:
            return average_solutions(self.machine, self.arrays[j], systems, plans[j], self.noise, load=load)

        return substitute(B, self.couplings, self.sizes, block)
