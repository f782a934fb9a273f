"""Run one trial on the simulated machine, and say what each form of its law expects."""

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from scipy.stats import norm
from torch import Tensor

from solver import Converter, Machine, Regime, invert, solve
from solver.array import AveragingPlan, average_solutions, program
from solver.durations import (
    lag_sum,
    predicted_covariance_error,
    relaxation,
    samples_for_covariance,
    settling_of_mean,
)
from solver.moments import averaged_variance, response
from solver.noise import Noise
from validation.simulator.directions import gradient_burn_in, gradient_sampling, root_before_damping
from validation.simulator.outcome import REPEATS, Outcome, from_squares, last_above, process_of
from validation.simulator.spectra import FAMILIES, before_damping, matrices
from validation.simulator.trials import GRADIENTS, Trial

_DRIVES = 8
# Variance of a node in trials of averaging, in full scales squared; a drive's largest entry is one full scale.
NOISE = 1e-4
# Of samples, in slowest relaxations.
SPACING = 0.5


def run(trial: Trial) -> Outcome:
    """Measure a trial."""
    spectrum = FAMILIES[trial.spectrum](trial.n, trial.kappa)
    return _MEASURES[trial.law](trial, spectrum, matrices(spectrum, REPEATS, trial.seed))


def _drives(trial: Trial, A: Tensor) -> Tensor:
    """Inputs, shape (repeats, n, drives): of one variance in every mode, or distributed as a gradient is."""
    white = Noise(trial.seed + 1).fill(torch.empty(REPEATS, trial.n, _DRIVES, dtype=torch.float64))
    return root_before_damping(A) @ white if trial.law in GRADIENTS else white


def _drive_power(trial: Trial, spectrum: Tensor) -> Tensor:
    """Variance of a drive's component along each mode."""
    return before_damping(spectrum) if trial.law in GRADIENTS else torch.ones_like(spectrum)


def measure_settling(trial: Trial, spectrum: Tensor, A: Tensor) -> Outcome:
    """Last time at which the root mean square error of the machine's readings exceeds the asked error."""
    machine, noise, B = Machine(regime=trial.regime), Noise(trial.seed), _drives(trial, A)
    array, exact = program(machine, A, noise), torch.linalg.solve(A, B)

    def squares(t: float) -> Tensor:
        plan = AveragingPlan(t, 0.0, machine.friction(trial.kappa))
        estimate, _ = average_solutions(machine, array, B, plan, noise)
        left: Tensor = ((estimate - exact) ** 2).sum((-1, -2)) / (exact**2).sum((-1, -2)).mean()
        return left

    process, power = process_of(trial, spectrum), _drive_power(trial, spectrum)

    def expected(t: float) -> float:
        left = 1 / spectrum - response(process, t)
        return math.sqrt(((power * left**2).sum() / (power * spectrum**-2).sum()).item())

    scale = relaxation(trial.kappa, trial.regime)
    time = last_above(lambda t: math.sqrt(squares(t).mean().item()), trial.knob, scale)
    at = squares(time)
    step = 1.01
    slope = math.log(max(squares(time * step).mean().item(), 1e-300) / at.mean().item()) / 2 / math.log(step)
    log_se = at.std().item() / math.sqrt(REPEATS) / (2 * at.mean().item()) / max(abs(slope), 0.1)
    worst = settling_of_mean(trial.kappa, trial.knob, trial.regime)
    return Outcome(time, log_se, last_above(expected, trial.knob, scale), worst)


def _averaging(trial: Trial, spectrum: Tensor, A: Tensor) -> Outcome:
    """Thermal noise on the averaged mean; the drive's own power is known before the run."""
    theta, window = NOISE, trial.knob * relaxation(trial.kappa, trial.regime)
    machine = Machine(tau_s=1.0, regime=trial.regime, noise=math.sqrt(theta))
    B = _drives(trial, A)
    exact = torch.linalg.solve(A, B)
    bound = trial.kappa * 1.0001
    result = solve(A, B, machine, averaging_time_s=window, settle_error=1e-7, kappa=bound, seed=trial.seed)
    squares = ((result.estimate - exact) ** 2).sum((-1, -2)) / (exact**2).sum((-1, -2)).mean()
    peak = (B.abs().amax(-2) ** 2).mean()  # the full scale, in the drive's own units
    signal = (_drive_power(trial, spectrum) * spectrum**-2).sum()
    noise = averaged_variance(
        process_of(trial, spectrum, theta), settling_of_mean(trial.kappa, 1e-7, trial.regime), window
    )
    spectral = math.sqrt((peak * noise.sum() / signal).item())
    friction = 1.0 if trial.regime is Regime.OVERDAMPED else machine.friction(trial.kappa)
    found = from_squares(squares, spectral, math.sqrt(2 * friction * theta * trial.n / window) * trial.kappa)
    # Nodes swing both ways.
    return replace(found, swing=2 * math.sqrt(((exact.abs().amax(-2) ** 2).mean() / peak).item()))


def _sampling(trial: Trial, spectrum: Tensor, A: Tensor) -> Outcome:
    """Method 1 with as many samples as its worst case asks for."""
    spacing = SPACING
    count = samples_for_covariance(trial.n, trial.knob, spacing, trial.regime)
    machine = Machine(regime=trial.regime)
    bound = trial.kappa * (1 + 1e-9)
    run = invert(A, machine, samples=count, burn_in_error=1e-6, kappa=bound, spacing=spacing, seed=trial.seed)
    process, step = process_of(trial, spectrum), spacing * relaxation(trial.kappa, trial.regime)
    spectral = predicted_covariance_error(process, count, step).item()
    worst = math.sqrt((trial.n + 1) * lag_sum(spacing, trial.regime) / count)
    return from_squares(_inverse_squares(run.estimate, A), spectral, worst)


def _inverse_squares(estimate: Tensor, A: Tensor) -> Tensor:
    exact = torch.linalg.inv(A)
    squares: Tensor = ((estimate - exact) ** 2).sum((-1, -2)) / (exact**2).sum((-1, -2)).mean()
    return squares


def _noiseless_inverse(trial: Trial, A: Tensor, machine: Machine) -> Tensor:
    eye = torch.eye(trial.n, dtype=torch.float64).expand(A.shape)
    return solve(A, eye, machine, error=1e-9, kappa=trial.kappa * 1.0001, seed=trial.seed).estimate


def _first_order(spectrum: Tensor, off: float, on: float) -> float:
    """Relative error of the inverse, |A^-1 E A^-1| / |A^-1|, for a small random E in a random basis.

    Entries of E in the eigenbasis have variance `off` off the diagonal and `on` on it, so the square is
    [off (S2^2 - S4) + on S4] / S2 with S2 = sum l^-2 and S4 = sum l^-4.
    """
    s2, s4 = (spectrum**-2).sum().item(), (spectrum**-4).sum().item()
    return math.sqrt((off * (s2**2 - s4) + on * s4) / s2)


def _input_bits(trial: Trial, spectrum: Tensor, A: Tensor) -> Outcome:
    """Rounded couplings: symmetric errors of deviation step / sqrt(12), twice that variance on the diagonal modes."""
    # The fewest bits whose rounding, step sqrt(n / 3) at worst, stays below the smallest eigenvalue.
    bits = math.ceil(1 + math.log2(1 + trial.kappa * math.sqrt(trial.n / 3))) + int(trial.knob)
    peak = A.abs().amax((-1, -2)).mean().item()
    deviation = peak / (2 ** (bits - 1) - 1) / math.sqrt(12)
    estimate = _noiseless_inverse(trial, A, Machine(regime=trial.regime, dac=Converter(bits=bits)))
    spectral = _first_order(spectrum, deviation**2, 2 * deviation**2)
    return from_squares(_inverse_squares(estimate, A), spectral, deviation * math.sqrt(trial.n) * trial.kappa)


def _mismatch(trial: Trial, spectrum: Tensor, A: Tensor) -> Outcome:
    """Couplings wrong by a fixed relative error m: in a random basis the diagonal of A is near its mean eigenvalue.

    With mean square `off` of the other entries, modes k and l of E have variance m^2 (mean^2 / n + off), and a mode
    with itself m^2 (3 mean^2 / n + 2 off), from the fourth moments of a random direction.
    """
    mismatch, n = trial.knob / trial.kappa, trial.n
    machine = Machine(regime=trial.regime, mismatch=mismatch, arrays=REPEATS, chip=trial.seed)
    estimate = _noiseless_inverse(trial, A, machine)
    mean, square = spectrum.mean().item(), (spectrum**2).sum().item()
    off = (square - n * mean**2) / n**2
    spectral = _first_order(spectrum, mismatch**2 * (mean**2 / n + off), mismatch**2 * (3 * mean**2 / n + 2 * off))
    return from_squares(_inverse_squares(estimate, A), spectral, trial.knob)


def _output_bits(trial: Trial, spectrum: Tensor, A: Tensor) -> Outcome:
    """Rounded readings: half a step of a range set by the largest of n entries, which is its crest factor."""
    bits, B = int(trial.knob), _drives(trial, A)
    machine = Machine(regime=trial.regime, adc=Converter(bits=bits))
    exact = torch.linalg.solve(A, B)
    estimate = solve(A, B, machine, error=1e-9, kappa=trial.kappa * 1.0001, seed=trial.seed).estimate
    # Each column has its own range, so errors are relative to its own length.
    squares = (((estimate - exact) ** 2).sum(-2) / (exact**2).sum(-2)).mean(-1)
    step = 1 / (2 ** (bits - 1) - 1) / math.sqrt(12)
    # Median of the largest of n normals, whose root mean square is 1.
    crest = float(norm.isf((1 - 0.5 ** (1 / trial.n)) / 2))
    return from_squares(squares, step * crest, step * math.sqrt(trial.n))


_MEASURES: dict[str, Callable[[Trial, Tensor, Tensor], Outcome]] = {
    "settling": measure_settling,
    "averaging": _averaging,
    "sampling": _sampling,
    "input_bits": _input_bits,
    "output_bits": _output_bits,
    "mismatch": _mismatch,
    "gradient_settling": measure_settling,
    "gradient_burn_in": gradient_burn_in,
    "gradient_averaging": _averaging,
    "gradient_sampling": gradient_sampling,
}
