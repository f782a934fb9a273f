"""K-FAC whose solves run digitally or on the simulated machine."""

from solver.kfac.backends import (
    Backend,
    Cholesky,
    Eigen,
    NewtonSchulz,
    ThermoColumns,
    ThermoInverse,
    ThermoProducts,
    ThermoSolve,
)
from solver.kfac.curvature import exact_cross_entropy, sampled_cross_entropy, sampled_square
from solver.kfac.damping import Damping, damp
from solver.kfac.factors import Sharing
from solver.kfac.optimizer import KFAC

__all__ = [
    "KFAC",
    "Backend",
    "Cholesky",
    "Damping",
    "Eigen",
    "NewtonSchulz",
    "Sharing",
    "ThermoColumns",
    "ThermoInverse",
    "ThermoProducts",
    "ThermoSolve",
    "damp",
    "exact_cross_entropy",
    "sampled_cross_entropy",
    "sampled_square",
]
