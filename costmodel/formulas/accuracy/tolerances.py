"""What takes the place of epsilon in the times and energies of a run on the arrays, by method and by flaw.

``inverse.settle_time().substitute(epsilon=tolerances.inverse_settle().expression)`` is the burn-in at which training
bears what it leaves; the energy of that run takes the same. Splits are those of overdamped cells: on underdamped ones
both costs shrink alike, to within a factor of two, where the least time is flat.
"""

from __future__ import annotations

from costmodel.formulas.accuracy import sampling, settling, split
from costmodel.formulas.accuracy.moments import SOURCE
from costmodel.formulas.formula import Formula
from costmodel.formulas.registry import formula
from costmodel.quantities.symbols import Expression, c_r, epsilon_n, epsilon_t
from costmodel.quantities.units import one

_SETTLING = ("accuracy.settling.tolerance", "accuracy.split.settling")
_INVERSE = "accuracy.split.inverse.cost_ratio"
_SOLVE = "accuracy.split.solve.cost_ratio"


def _settle(ratio: Formula) -> Expression:
    part = split.settling().expression.subs(c_r, ratio.expression)
    return settling.tolerance().expression.subs(epsilon_t, part)


def _sample(tolerance: Formula, ratio: Formula) -> Expression:
    part = split.sampled().expression.subs(c_r, ratio.expression)
    return tolerance.expression.subs(epsilon_n, part)


@formula("accuracy.inverse.settle", one, SOURCE, composed_of=(*_SETTLING, _INVERSE))
def inverse_settle() -> Expression:
    """For the burn-in of Method 1, on both kinds of cells.

    >>> round(inverse_settle().evaluate(T_t=0.75, T_n=0.2, epsilon_s=0, n=512, d_e=10, q=0.7), 6)
    0.001134
    """
    return _settle(split.inverse_cost_ratio())


@formula(
    "accuracy.inverse.sample",
    one,
    SOURCE,
    composed_of=("accuracy.sampling.covariance.tolerance", "accuracy.split.sampling", _INVERSE),
)
def inverse_sample() -> Expression:
    """For the sampling of Method 1.

    >>> round(inverse_sample().evaluate(T_n=0.2, epsilon_s=0, n=512, d_e=10, q=0.7), 4)
    0.1363
    """
    return _sample(sampling.covariance_tolerance(), split.inverse_cost_ratio())


@formula(
    "accuracy.inverse.underdamped.sample",
    one,
    SOURCE,
    composed_of=("accuracy.sampling.underdamped.tolerance", "accuracy.split.sampling", _INVERSE),
)
def inverse_underdamped_sample() -> Expression:
    """For the sampling of Method 1 on underdamped cells.

    >>> round(inverse_underdamped_sample().evaluate(T_n=0.2, epsilon_s=0, n=512, d_e=10, q=0.7), 4)
    0.1301
    """
    return _sample(sampling.underdamped_tolerance(), split.inverse_cost_ratio())


@formula("accuracy.solve.settle", one, SOURCE, composed_of=(*_SETTLING, _SOLVE))
def solve_settle() -> Expression:
    """For the settling of Method 2, block elimination's own solves included.

    >>> values = {"n": 512, "nu": 4e-12, "mu_2": 90, "s_x": 20, "h": 2, "kappa": 10}
    >>> round(solve_settle().evaluate(T_t=0.75, T_n=0.2, epsilon_s=0, **values), 4)
    0.4997
    """
    return _settle(split.solve_cost_ratio())


@formula(
    "accuracy.solve.average",
    one,
    SOURCE,
    composed_of=("accuracy.sampling.mean.tolerance", "accuracy.split.sampling", _SOLVE),
)
def solve_average() -> Expression:
    """For averaging noise out in Method 2; above 1 where the worst case is far from a gradient.

    >>> values = {"n": 512, "nu": 4e-12, "mu_2": 90, "s_x": 20, "h": 2, "kappa": 10}
    >>> round(solve_average().evaluate(T_n=0.2, epsilon_s=0, **values), 4)
    0.0098
    """
    return _sample(sampling.mean_tolerance(), split.solve_cost_ratio())
