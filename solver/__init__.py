"""The reference simulator: an Ornstein-Uhlenbeck machine with its flaws, and what it gets wrong and how long it takes.

>>> import torch, solver
>>> A = torch.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=torch.float64)
>>> machine = solver.Machine(tau_s=1e-6, dac=solver.Converter(bits=12), adc=solver.Converter(bits=12))
>>> result = solver.invert(A, machine, error=0.05, seed=1)
>>> bool((result.estimate - torch.linalg.inv(A)).norm() < 0.1 * torch.linalg.inv(A).norm())
True
>>> result.ledger.uploaded_values, result.ledger.conversions
(4, 4)
"""

from solver.array import Accumulation
from solver.columns import invert_by_columns
from solver.converters import Converter
from solver.euler import euler_moments
from solver.invert import invert
from solver.ledger import Ledger
from solver.machine import Link, Machine
from solver.matrices import MatrixError
from solver.modes import Modes, Regime
from solver.moments import Process
from solver.noise import Noise
from solver.products import invert_by_products
from solver.results import MissedTarget, Mitigation, Result
from solver.sampling import Moments, sample_moments
from solver.solve import Session, solve
from solver.starts import Start

__all__ = [
    "Accumulation",
    "Converter",
    "Ledger",
    "Link",
    "Machine",
    "MatrixError",
    "MissedTarget",
    "Mitigation",
    "Modes",
    "Moments",
    "Noise",
    "Process",
    "Regime",
    "Result",
    "Session",
    "Start",
    "euler_moments",
    "invert",
    "invert_by_columns",
    "invert_by_products",
    "sample_moments",
    "solve",
]
