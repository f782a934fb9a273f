"""What a trial found, and what every kind of trial needs to say it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from solver import Modes, Process
from validation.simulator.trials import Trial

# Repetitions in random bases: enough that a trial knows its own scatter.
REPEATS = 24


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial found."""

    value: float  # a time in units of tau (settling) or a relative error (all others)
    log_se: float  # standard error of its logarithm, from the repetitions
    spectral: float  # the law that knows the spectrum
    worst: float  # the law that knows n and kappa only
    swing: float = 1.0  # range of voltages that holds its solutions, the largest input being one; of averaging only


def from_squares(squares: Tensor, spectral: float, worst: float) -> Outcome:
    """From the squared relative errors of the repetitions: their root mean and its standard error."""
    mean = squares.mean().item()
    return Outcome(math.sqrt(mean), squares.std().item() / math.sqrt(squares.numel()) / (2 * mean), spectral, worst)


def process_of(trial: Trial, spectrum: Tensor, theta: float = 1.0) -> Process:
    """The trial's cells in the eigenbasis, with the friction that is critical for the slowest mode."""
    modes = Modes(spectrum, torch.eye(trial.n, dtype=torch.float64))
    return Process(modes, trial.regime, theta, 2 / math.sqrt(trial.kappa))


def last_above(error: Callable[[float], float], target: float, scale: float) -> float:
    """Largest time with an error above the target, on a grid and then by bisection."""
    grid = [scale * 12.0 * 0.96**i for i in range(220)]
    for later, earlier in pairwise(grid):
        if error(earlier) > target:
            low, high = earlier, later
            for _ in range(30):
                middle = (low + high) / 2
                low, high = (middle, high) if error(middle) > target else (low, middle)
            return high
    return grid[-1]
