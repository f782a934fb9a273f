"""What a method is asked for beyond its inputs, and what it gives back."""

import warnings
from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from solver.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Mitigation:
    """Ways to get a better answer out of a coarse machine.

    * roundings: average over this many independent stochastic roundings of the matrix, which turns the bias of rounding
      into one of second order (arXiv 2401.16231); needs a DAC with stochastic rounding.
    * readings: read every settled column of an inverse this many times, offset by fractions of a step, and average: as
      a converter with as many times the steps. Roundings to nearest need a converter whose offset moves.
    * deflation: iterations of the search for the top mode, which is then solved digitally; 0 is off, and a
      1 by 1 matrix has nothing to deflate.
    * refinements: digital correction steps. Method 2 solves for the residual again; Method 1 takes Newton-Schulz steps
      X (2 I - A X), which converge only from a relative error below 1.
    """

    roundings: int = 1
    deflation: int = 0
    refinements: int = 0
    readings: int = 1

    def __post_init__(self) -> None:
        """Refuse counts that mean nothing."""
        if min(self.roundings, self.readings) < 1 or self.deflation < 0 or self.refinements < 0:
            raise ValueError(f"need roundings >= 1, readings >= 1, deflation >= 0, refinements >= 0, got {self}")

    def read_once(self) -> Self:
        """The same, for runs that read every result once.

        Raises:
            ValueError: several readings.
        """
        if self.readings > 1:
            raise ValueError(f"only columns of an inverse are read several times, got readings = {self.readings}")
        return self


# A sampled error is spread about its target by less than this; what is beyond it was not met by bad luck.
_BEYOND = 2.0


class MissedTarget(UserWarning):
    """A run whose machine is too coarse for the error that it was asked for."""


@dataclass(frozen=True, slots=True)
class Result:
    """An estimate with the time and the events that it took.

    Attributes:
        estimate: What was asked for.
        kappa: The bound on the condition number that the run was planned with, after deflation.
        ledger: Time and events.
        target: The relative error that was asked for, None where a time or a number of samples was.
        reached: The relative Frobenius error of the estimate, that of the worst matrix; None without a target.
        pivots: Inverses of the pivot blocks as the arrays gave them, on the diagonal of a matrix for every member and
            rounding, shape (members, n, n): what the next run of `invert_by_columns` can start from. None elsewhere.
    """

    estimate: Tensor
    kappa: float
    ledger: Ledger
    target: float | None = None
    reached: float | None = None
    pivots: Tensor | None = None

    @property
    def missed(self) -> bool:
        """Whether the error is more than twice the target, so that time or luck alone do not explain it."""
        return self.target is not None and self.reached is not None and not self.reached <= _BEYOND * self.target

    def judged(self, target: float | None, exact: Tensor) -> "Result":
        """The same with its error against the exact answer; a miss warns.

        Args:
            target: relative error asked for; None judges nothing.
            exact: shape of the estimate.
        """
        if target is None:
            return self
        size = exact.flatten(-2).norm(dim=-1)
        reached = ((self.estimate - exact).flatten(-2).norm(dim=-1) / size).max().item()
        result = replace(self, target=target, reached=reached)
        if result.missed:
            told = f"asked for a relative error of {target:.3g}, the machine left {reached:.3g}"
            warnings.warn(
                MissedTarget(f"{told}: bits, mismatch or noise, not time, limit it"), stacklevel=4
            )  # past the wrapper of torch.no_grad
        return result

    @property
    def time_s(self) -> float:
        """Seconds on the machine and its link."""
        return self.ledger.time_s
