"""What a method is asked for beyond its inputs, and what it gives back."""

from dataclasses import dataclass

from torch import Tensor

from solver.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Mitigation:
    """Ways to get a better answer out of a coarse machine.

    * roundings: average over this many independent stochastic roundings of the matrix, which turns the bias of rounding
      into one of second order (arXiv 2401.16231); needs a DAC with stochastic rounding.
    * deflation: iterations of the search for the top mode, which is then solved digitally; 0 is off, and a
      1 by 1 matrix has nothing to deflate.
    * refinements: digital correction steps. Method 2 solves for the residual again; Method 1 takes Newton-Schulz steps
      X (2 I - A X), which converge only from a relative error below 1.
    """

    roundings: int = 1
    deflation: int = 0
    refinements: int = 0

    def __post_init__(self) -> None:
        """Refuse counts that mean nothing."""
        if self.roundings < 1 or self.deflation < 0 or self.refinements < 0:
            raise ValueError(f"need roundings >= 1, deflation >= 0, refinements >= 0, got {self}")


@dataclass(frozen=True, slots=True)
class Result:
    """An estimate with the time and the events that it took."""

    estimate: Tensor
    kappa: float  # the bound that the run was planned with, after deflation
    ledger: Ledger

    @property
    def time_s(self) -> float:
        """Seconds on the machine and its link."""
        return self.ledger.time_s
