"""Runs on single arrays: what one programming of the couplings can be asked for."""

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from solver.ledger import Ledger
from solver.machine import Machine
from solver.modes import Modes
from solver.moments import Process, averaged_response, averaged_variance
from solver.noise import Noise
from solver.sampling import sample_moments

# Gain control of a sampled node keeps this many standard deviations of the loudest node in range.
_HEADROOM = 5.0


class Accumulation(StrEnum):
    """Who sums the products of Method 1."""

    ANALOG = "analog"  # a correlator on each pair of cells: p^2 values are converted once
    DIGITAL = "digital"  # every sample is converted and multiplied out digitally: 2 p^2 FLOPs a sample


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """Method 1 on one array; times in units of tau."""

    burn_in: float
    samples: int
    spacing: float
    friction: float


@dataclass(frozen=True, slots=True)
class AveragingPlan:
    """Method 2 for one right-hand side; times in units of tau."""

    settle: float
    window: float
    friction: float


@dataclass(frozen=True, slots=True)
class Programmed:
    """Matrices as they stand on the arrays: `modes` of the flawed A / scale."""

    modes: Modes
    scale: Tensor  # (b, 1, 1), largest eigenvalue of what was asked for


def program(machine: Machine, A: Tensor, noise: Noise) -> Programmed:
    """Scale matrices of shape (b, p, p) to a largest eigenvalue of 1 and load them.

    Raises:
        MatrixError: not positive definite, before or after programming.
    """
    scale = Modes.of(A, "the block").eigenvalues[:, -1, None, None]
    return Programmed(machine.program(A / scale, noise), scale)


def sample_inverse(
    machine: Machine, array: Programmed, plan: SamplingPlan, how: Accumulation, noise: Noise
) -> tuple[Tensor, Ledger]:
    """Method 1: the inverse as the covariance of the settled noise, shape (b, p, p).

    With no drive the mean is known to be 0, so the second moment needs no subtraction and is unbiased.
    Source: arXiv 2308.05660; the ledger is derived in docs/solver.md.
    """
    b, p = array.modes.eigenvalues.shape
    theta = machine.sampling_variance
    if theta == 0:
        raise ValueError("Method 1 reads the noise, and this machine has none; set injected_noise > 0")
    process = Process(array.modes, machine.regime, theta, plan.friction)
    read = None
    if how is Accumulation.DIGITAL:
        rms = ((array.modes.basis**2 / array.modes.eigenvalues[:, None, :]).sum(-1) * theta).sqrt()
        top = _HEADROOM * rms.amax(-1, keepdim=True)

        def read(x: Tensor) -> Tensor:
            return machine.adc.convert(x, 1, noise, top)

    moments = sample_moments(process, plan.samples, plan.spacing, noise, burn_in=plan.burn_in, read=read)
    second = moments.second / theta
    if how is Accumulation.ANALOG:
        lower = machine.adc.convert(second, 2, noise).tril()
        second = lower + lower.tril(-1).mT
    rounds, _ = machine.spread(b)
    read_values = b * p * p if how is Accumulation.ANALOG else b * p * plan.samples
    ledger = Ledger(
        programmings=b,
        dac_conversions=b * p * p,
        settling_time_s=rounds * plan.burn_in * machine.tau_s,
        sampling_time_s=rounds * plan.samples * plan.spacing * machine.tau_s,
        samples=b * plan.samples,
        conversions=read_values,
        digital_flops=0 if how is Accumulation.ANALOG else 2 * b * p * p * plan.samples,
    )
    link = machine.link.ledger(b * p * p, machine.dac.word, read_values, machine.adc.word, transfers=2 * b)
    if how is Accumulation.ANALOG:
        ledger += machine.reading(rounds, 0.0, p * p, read_values)
    else:
        ledger += machine.streaming(rounds, plan.spacing * machine.tau_s, plan.samples, p, read_values)
    return second / array.scale, ledger + link


def average_solutions(
    machine: Machine,
    array: Programmed,
    B: Tensor,
    plan: AveragingPlan,
    noise: Noise,
    *,
    load: bool = True,
    start: Tensor | None = None,
    readings: int = 1,
) -> tuple[Tensor, Ledger]:
    """Method 2: each column of B is driven from rest, settles, and its mean is read; shape (b, p, k).

    The reading is drawn from its exact law: the transient response to the drive, plus the noise that the window leaves.
    Columns are scaled to a largest entry of 1 on the way in and back on the way out. A start is what of it the free
    motion leaves: 1 - lambda times the response, on both kinds of cells, which start without speed.

    Args:
        machine: the machine.
        array: what is programmed.
        B: shape (b, p, k).
        plan: settling and averaging time of one column.
        noise: of the cells and of rounding.
        load: whether the ledger includes the programming; False when the matrix still stands on the arrays.
        start: solutions that the nodes are put to before they are driven, shape (b, p, k); rest unless given.
        readings: of every settled state, whose mean is taken; see `Converter.read`.
    """
    b, p, k = B.shape
    process = Process(array.modes, machine.regime, machine.thermal_variance, plan.friction)
    top = B.abs().amax(-2, keepdim=True)
    top = torch.where(top > 0, top, torch.ones_like(top))
    drive = machine.dac.convert((B / top).mT, 1, noise).mT
    response = averaged_response(process, plan.settle, plan.window)[..., None]
    modal = response * (array.modes.basis.mT @ drive)
    if start is not None:
        put = machine.dac.convert((start * array.scale / top).mT, 1, noise).mT
        modal = modal + (1 - array.modes.eigenvalues[..., None] * response) * (array.modes.basis.mT @ put)
    if process.temperature > 0:
        std = averaged_variance(process, plan.settle, plan.window).sqrt()
        modal = modal + std[..., None] * noise.normal(tuple(B.shape), B)
    reading = machine.adc.read((array.modes.basis @ modal).mT, 1, noise, readings).mT
    rounds, loaded = machine.spread(b, k)
    onto = b * p * k * (1 if start is None else 2)  # values put onto nodes
    ledger = Ledger(
        programmings=loaded if load else 0,
        dac_conversions=(loaded * p * p if load else 0) + onto,
        settling_time_s=rounds * plan.settle * machine.tau_s,
        sampling_time_s=rounds * plan.window * machine.tau_s,
        samples=b * k,
        conversions=b * p * k * readings,
    )
    up = (b * p * p if load else 0) + onto
    back = b * p * k * readings
    link = machine.link.ledger(up, machine.dac.word, back, machine.adc.word, transfers=b * (3 if load else 2))
    run = (plan.settle + plan.window) * machine.tau_s
    return reading * (top / array.scale), ledger + link + machine.reading(rounds, run, p * readings, back)
