"""Trials of Method 1 by what it is for: the error of a preconditioned gradient, not that of the inverse as a matrix.

A gradient of a layer has the covariance of its factors, so its component along a mode of A has the variance alpha, the
eigenvalue before damping. Errors are root mean squares over such gradients, relative to the exact solutions.
"""

import math
from typing import Final

import torch
from torch import Tensor

from solver import Machine, invert
from solver.durations import (
    lag_sum,
    predicted_direction_error,
    relaxation,
    samples_for_covariance,
    settling_of_covariance,
)
from solver.moments import variance
from validation.simulator.outcome import Outcome, from_squares, last_above, process_of
from validation.simulator.spectra import before_damping
from validation.simulator.trials import Trial

#: Of samples, in slowest relaxations: dense, since a projection's correlators do not wait at all. Over the trials'
#: spectra such samples take up to 8 % longer than a correlator (median 2 %), on underdamped cells not at all.
SPACING: Final = 0.1


def root_before_damping(A: Tensor) -> Tensor:
    """Symmetric roots of matrices less their damping, the smallest eigenvalue; shape of A."""
    eigenvalues, basis = torch.linalg.eigh(A)
    power = (eigenvalues - eigenvalues[..., :1]).clamp(min=0)
    root: Tensor = (basis * power.sqrt()[..., None, :]) @ basis.mT
    return root


def gradient_burn_in(trial: Trial, spectrum: Tensor, A: Tensor) -> Outcome:
    """Last time at which the covariance of a machine started at rest is further off than the asked error.

    Exact second moments: what an instrument without sampling noise reads. They are those of the modes, in any basis.
    """
    process, power = process_of(trial, spectrum), before_damping(spectrum)

    def error(t: float) -> float:
        left = variance(process, t) - 1 / spectrum
        return math.sqrt(((power * left**2).sum() / (power / spectrum**2).sum()).item())

    time = last_above(error, trial.knob, relaxation(trial.kappa, trial.regime))
    return Outcome(time, 0.0, time, settling_of_covariance(trial.kappa, trial.knob, trial.regime))


def gradient_sampling(trial: Trial, spectrum: Tensor, A: Tensor) -> Outcome:
    """The inverse by Method 1, applied to gradients; the mean over all gradients is that over columns of their root."""
    count = samples_for_covariance(trial.n, trial.knob, SPACING, trial.regime)
    machine, bound = Machine(regime=trial.regime), trial.kappa * (1 + 1e-9)
    found = invert(A, machine, samples=count, burn_in_error=1e-6, kappa=bound, spacing=SPACING, seed=trial.seed)
    root = root_before_damping(A)
    exact = torch.linalg.solve(A, root)
    squares = ((found.estimate @ root - exact) ** 2).sum((-1, -2)) / (exact**2).sum((-1, -2))
    step, power = SPACING * relaxation(trial.kappa, trial.regime), before_damping(spectrum)
    spectral = predicted_direction_error(process_of(trial, spectrum), power, count, step).item()
    worst = math.sqrt(2 * (trial.n + 1) * lag_sum(SPACING, trial.regime) / count)
    return from_squares(squares, spectral, worst)
