"""Exponent with which the simulated settling time grows in kappa."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from solver import Regime
from validation.simulator.measure import measure_settling
from validation.simulator.outcome import REPEATS
from validation.simulator.spectra import matrices
from validation.simulator.trials import Trial

_OCTAVES = tuple(range(3, 14))  # kappa from 8 to 8192


@dataclass(frozen=True, slots=True)
class Exponent:
    """Slope of log time on log kappa with its standard error."""

    exponent: float
    standard_error: float
    kappas: tuple[float, ...]


def settling_exponent(regime: Regime, seed: int, error: float = 0.001) -> Exponent:
    """Fit the slope by least squares weighted with the trials' own errors.

    The spectrum is one eigenvalue an octave, 2^j / kappa up to 1: its slow end, which decides, looks the same for every
    kappa, so that nothing but kappa changes. (Other families with a fixed n change the share of the slowest mode as
    well.)
    """
    kappas, outcomes = [], []
    for octaves in _OCTAVES:
        kappa = 2.0**octaves
        spectrum = 2.0 ** torch.arange(-octaves, 1, dtype=torch.float64)
        trial = Trial("settling", regime, octaves + 1, kappa, "octaves", error, seed + octaves)
        outcomes.append(measure_settling(trial, spectrum, matrices(spectrum, REPEATS, trial.seed)))
        kappas.append(kappa)
    x, y = np.log(kappas), np.log([o.value for o in outcomes])
    weight = 1 / np.array([o.log_se for o in outcomes]) ** 2
    center = (weight * x).sum() / weight.sum()
    slope = (weight * (x - center) * y).sum() / (weight * (x - center) ** 2).sum()
    left = y - (weight * y).sum() / weight.sum() - slope * (x - center)
    # The larger of the trials' own errors and the scatter about the line.
    excess = max(1.0, float((weight * left**2).sum()) / (len(x) - 2))
    return Exponent(float(slope), math.sqrt(excess / (weight * (x - center) ** 2).sum()), tuple(kappas))
