"""Method 1: the inverse of a matrix as the covariance of a settled, noisy array."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from solver.array import Accumulation, SamplingPlan, program, sample_inverse
from solver.blocks import sweep_inverse
from solver.deflation import Deflated
from solver.durations import relaxation, samples_for_covariance, settling_of_covariance
from solver.ledger import Ledger
from solver.machine import Machine
from solver.matrices import check_matrix
from solver.noise import Noise
from solver.planning import bound_kappa, require_instant_conversions, require_one, seconds_a_run
from solver.refinement import refine
from solver.results import Mitigation, Result


@torch.no_grad()
def invert(
    A: Tensor,
    machine: Machine,
    *,
    error: float | None = None,
    samples: int | None = None,
    time_s: float | None = None,
    burn_in_error: float = 0.01,
    spacing: float = 0.5,
    kappa: float | None = None,
    accumulation: Accumulation = Accumulation.ANALOG,
    mitigation: Mitigation | None = None,
    seed: int = 0,
) -> Result:
    """Estimate the inverse of symmetric positive definite matrices on a machine.

    Exactly one of `error`, `samples`, `time_s` says how long every block runs.

    Args:
        A: shape (..., n, n).
        machine: the machine.
        error: relative Frobenius error of sampling, reached for the worst spectrum of this kappa, block by block.
        samples: states sampled by each array.
        time_s: everything on the machine and link, in s.
        burn_in_error: relative deficit of the covariance when sampling starts.
        spacing: time between samples, in slowest relaxation times (kappa tau, or sqrt(kappa) tau when underdamped).
        kappa: bound on the condition number, as the damping gives it; None measures it.
        accumulation: analog correlators, or digital sums of converted samples.
        mitigation: averaging over roundings, deflation, Newton-Schulz refinement.
        seed: of everything random in the run.

    Returns:
        A result whose estimate has the shape of A.

    Raises:
        MatrixError: a matrix the machine cannot take.
        ValueError: not exactly one target, a time too short, or several readings.
        ArithmeticError: Newton-Schulz refinement of too coarse an estimate.
    """
    target = _Target(error, samples, time_s, burn_in_error, spacing, accumulation)
    mitigation = (mitigation or Mitigation()).read_once()
    check_matrix(A)
    matrices = A.reshape(-1, *A.shape[-2:])
    bound_kappa(matrices, None)
    work, noise, deflated = matrices, Noise(seed, A.device), None
    if mitigation.deflation and A.shape[-1] > 1:
        deflated = Deflated.of(matrices, mitigation.deflation, noise)
        work = deflated.matrix
    bound = bound_kappa(work, kappa)
    estimate, ledger = _sample(work, machine, target, bound, mitigation.roundings, noise)
    if deflated is not None:
        estimate, flops = deflated.restore_inverse(estimate)
        ledger += Ledger(digital_flops=deflated.flops + flops)
    estimate, flops = refine(matrices, estimate, mitigation.refinements)
    result = Result(estimate.reshape(A.shape), bound, ledger + Ledger(digital_flops=flops))
    return result if error is None else result.judged(error, torch.linalg.inv(A))


def _sample(
    work: Tensor, machine: Machine, target: "_Target", bound: float, roundings: int, noise: Noise
) -> tuple[Tensor, Ledger]:
    """Inverses of matrices (b, n, n) of at most this kappa, block by block, the mean of some roundings each."""
    b, n, _ = work.shape

    def block(pivot: Tensor) -> tuple[Tensor, Ledger]:
        plan = target.plan(machine, bound, b * roundings, n, pivot.shape[-1])
        return sample_inverse(machine, program(machine, pivot, noise), plan, target.accumulation, noise)

    estimate, events = sweep_inverse(work.repeat(roundings, 1, 1), machine.blocks(n), block)
    return estimate.reshape(roundings, b, n, n).mean(0), events


@dataclass(frozen=True, slots=True)
class _Target:
    """What `invert` is asked for."""

    error: float | None
    samples: int | None
    time_s: float | None
    burn_in_error: float
    spacing: float
    accumulation: Accumulation

    def __post_init__(self) -> None:
        """Refuse anything but exactly one target."""
        require_one(error=self.error, samples=self.samples, time_s=self.time_s)
        if self.samples is not None and not isinstance(self.samples, int):
            raise ValueError(f"samples must be a whole number, got {self.samples}")
        if self.time_s is not None and self.accumulation is Accumulation.DIGITAL:
            raise ValueError("a time budget needs analog accumulation; give samples or error instead")

    def plan(self, machine: Machine, kappa: float, members: int, n: int, p: int) -> SamplingPlan:
        """Burn-in and samples of one block of p rows of `members` matrices of n."""
        burn_in = settling_of_covariance(kappa, self.burn_in_error, machine.regime)
        step = self.spacing * relaxation(kappa, machine.regime)
        count = self.samples
        if self.error is not None:
            count = samples_for_covariance(p, self.error, self.spacing, machine.regime)
        elif self.time_s is not None:
            require_instant_conversions(machine)
            sizes = machine.blocks(n)
            values = members * sum(size**2 for size in sizes)
            link = machine.link.ledger(values, machine.dac.word, values, machine.adc.word, 2 * members * len(sizes))
            runs = len(sizes) * machine.spread(members)[0]
            seconds = seconds_a_run(self.time_s, link.link_time_s, runs, (burn_in + step) * machine.tau_s)
            # A hair of slack, so that a budget made from a whole number of samples gets all of them.
            count = math.floor((seconds / machine.tau_s - burn_in) / step * (1 + 1e-9))
        assert count is not None
        return SamplingPlan(burn_in, count, step, machine.friction(kappa))
