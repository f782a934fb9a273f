"""What the total error is when settling and averaging are each given all of epsilon.

Adding the two parts would count a worst case that no input has. A transient of relative size epsilon needs a solution
along the slowest mode, which is kappa times larger than its input and so kappa times less noisy; noise of relative size
epsilon needs a solution along the fastest mode, which has long settled.
"""

from __future__ import annotations

from costmodel.formulas.extremes import larger
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, epsilon, kappa, n
from costmodel.quantities.units import one

_SOURCE = "derived: docs/derivations.md, error budget"


@formula("thermo.solve.error", one, _SOURCE, verified_by=Oracle.AVERAGES)
def solve_error() -> Expression:
    """Largest rms relative error of one solution that settled to epsilon and was averaged to epsilon, over all inputs.

    For a given spectrum the squared error is a mean over modes of exp(-2 lambda t / tau) + noise lambda^2, weighted by
    the solution's power, so it is largest for a single mode; the sum is convex in lambda, so that is the slowest or
    the fastest. Only at kappa = 1 do the two parts meet and add up to sqrt(2) epsilon.

    >>> round(solve_error().evaluate(kappa=10, epsilon=0.1), 5)
    0.1005
    """
    return epsilon * sp.sqrt(1 + larger(kappa**-2, epsilon ** (2 * kappa - 2)))


@formula("thermo.inverse.error", one, _SOURCE, verified_by=Oracle.AVERAGES)
def inverse_error() -> Expression:
    """Bound on the rms relative error (Frobenius) of a covariance burnt in to epsilon and then sampled to epsilon.

    What the burn-in leaves decays on during sampling and is averaged over it: its share is at most
    epsilon^3 / (2 (n + 1)), so the total is epsilon. The burn-in could be left out without missing epsilon by much.

    >>> round(inverse_error().evaluate(n=64, epsilon=0.1), 8)
    0.1
    """
    return epsilon * sp.sqrt(1 + epsilon**4 / (4 * (n + 1) ** 2))
