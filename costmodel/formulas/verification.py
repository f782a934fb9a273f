"""How far each formula has been checked against something that is not itself.

A formula says in its decorator what it was compared with. Which tests do that they say themselves, with the markers
``verifies`` and ``composes``. Decorators and marks must agree; a marked test that never evaluates its formula fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from costmodel.formulas.registry import get


class Oracle(StrEnum):
    """What formulas were compared with."""

    COUNTED = "operations counted in PyTorch on linear, token, convolution, graph and recurrent layers"
    TENSORS = "sizes of the tensors that a PyTorch implementation keeps or moves"
    TORCH = "operations and state of torch.optim's own implementation"
    MESSAGES = "messages counted one by one in a simulated placement"
    MOTION = "matrix exponentials and Lyapunov equations of designed matrices"
    AVERAGES = "quadrature of autocovariances and generalized eigenvalue problems of designed matrices"
    BLOCKS = "block elimination run on designed matrices, its operations counted"
    PHASES = "values, conversions and runs counted block by block"
    LIMITS = "rounded and disturbed matrices of designed spectra, noise by quadrature, published converters"
    ENERGY = "dissipation of designed networks by quadrature, sums over blocks in a loop"
    ROOTS = "roots found by bisection, a step added up, slopes between two widths"
    ERROR_REACHED = "error of the inverse or solution reached on matrices of known spectrum, and missed with fewer"
    REAL_SPECTRA = "errors of preconditioned gradients, exact or sampled, on the measured spectra of trained networks"
    SPLIT = "the least time of all splits on a grid"
    SCHEDULE = "a simulation of the schedule, event by event"
    DRIFTS = "drifts of inverses measured between refreshes while networks train"
    CONDITION = "condition number of damped factors of random rows"


class Check(StrEnum):
    """How far a formula has been checked, the furthest first."""

    VERIFIED = "verified"  # a test compares it with counted operations, a simulation or an independent implementation
    COMPOSED = "composed"  # a test adds it up over blocks and runs, from formulas that are themselves verified
    UNVERIFIED = "unverified"  # its source is all there is


@dataclass(frozen=True, slots=True)
class Evidence:
    """What stands behind a formula.

    Attributes:
        check: How far it has been checked.
        by: What it was compared with, what it is composed of, or where it comes from.
    """

    check: Check
    by: str


def evidence(name: str) -> Evidence:
    """What stands behind a formula.

    >>> evidence("kfac.cholesky.refresh.flops").check
    <Check.VERIFIED: 'verified'>
    >>> evidence("thermo.inverse.settle.time")
    Evidence(check=<Check.COMPOSED: 'composed'>, by='added up from thermo.transient.covariance.time')
    >>> evidence("muon.update.bytes").check
    <Check.UNVERIFIED: 'unverified'>
    """
    formula = get(name)
    if formula.verified_by:
        return Evidence(Check.VERIFIED, str(formula.verified_by))
    if formula.composed_of:
        return Evidence(Check.COMPOSED, f"added up from {', '.join(formula.composed_of)}")
    return Evidence(Check.UNVERIFIED, formula.source)
