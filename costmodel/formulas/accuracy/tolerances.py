"""What takes the place of epsilon in the times and energies of a run on the arrays, by method and by flaw.

``inverse.settle_time().substitute(epsilon=tolerances.inverse_settle().expression)`` is the burn-in at which training
bears what it leaves; the energy of that run takes the same. Splits are those of overdamped cells: on underdamped ones
both costs shrink alike, to within a factor of two, where the least time is flat.
"""

from __future__ import annotations

from costmodel.formulas.accuracy import iterations, sampling, settling, split
from costmodel.formulas.accuracy.moments import SOURCE
from costmodel.formulas.formula import Formula
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, T_t, c_r, epsilon_n, epsilon_t, u_i, u_p, u_s, u_x
from costmodel.quantities.units import one

_SETTLING = ("accuracy.settling.tolerance", "accuracy.split.settling")
_INVERSE = "accuracy.split.inverse.cost_ratio"
_SOLVE = "accuracy.split.solve.cost_ratio"


def settled(ratio: Formula, systematic: Expression) -> Expression:
    """What settling may leave where sampling costs a ratio of it and some flaws take a systematic share."""
    part = split.settling().expression.subs({c_r: ratio.expression, u_s: systematic})
    return settling.tolerance().expression.subs(epsilon_t, part)


def sampled(tolerance: Formula, ratio: Formula, systematic: Expression) -> Expression:
    """What sampling may be off by the same split."""
    part = split.sampled().expression.subs({c_r: ratio.expression, u_s: systematic})
    return tolerance.expression.subs(epsilon_n, part)


@formula("accuracy.inverse.settle", one, SOURCE, composed_of=(*_SETTLING, _INVERSE))
def inverse_settle() -> Expression:
    """For the burn-in of Method 1, on both kinds of cells.

    >>> round(inverse_settle().evaluate(T_t=0.75, T_n=0.2, u_i=0, n=512, d_e=10, q=0.7), 6)
    0.001134
    """
    return settled(split.inverse_cost_ratio(), u_i)


@formula(
    "accuracy.inverse.sample",
    one,
    SOURCE,
    composed_of=("accuracy.sampling.covariance.tolerance", "accuracy.split.sampling", _INVERSE),
)
def inverse_sample() -> Expression:
    """For the sampling of Method 1.

    >>> round(inverse_sample().evaluate(T_n=0.2, u_i=0, n=512, d_e=10, q=0.7), 4)
    0.1363
    """
    return sampled(sampling.covariance_tolerance(), split.inverse_cost_ratio(), u_i)


@formula(
    "accuracy.inverse.underdamped.sample",
    one,
    SOURCE,
    composed_of=("accuracy.sampling.underdamped.tolerance", "accuracy.split.sampling", _INVERSE),
)
def inverse_underdamped_sample() -> Expression:
    """For the sampling of Method 1 on underdamped cells.

    >>> round(inverse_underdamped_sample().evaluate(T_n=0.2, u_i=0, n=512, d_e=10, q=0.7), 4)
    0.1301
    """
    return sampled(sampling.underdamped_tolerance(), split.inverse_cost_ratio(), u_i)


@formula("accuracy.inverse.iterate", one, SOURCE, verified_by=Oracle.SPLIT)
def inverse_iterate() -> Expression:
    """Residual of each inverse by Newton-Schulz whose products run on arrays: nothing is sampled, all is for settling.

    >>> round(inverse_iterate().evaluate(T_t=0.75, u_p=0.6), 4)  # 0.8 of what the digital iteration may leave
    0.4243
    """
    part = T_t * sp.sqrt(split.left().subs(u_s, u_p))
    return iterations.newton_schulz_tolerance().expression.subs(T_t, part)


@formula("accuracy.solve.settle", one, SOURCE, composed_of=(*_SETTLING, _SOLVE))
def solve_settle() -> Expression:
    """For the settling of Method 2, block elimination's own solves included.

    >>> values = {"n": 512, "nu": 4e-12, "mu_2": 90, "s_x": 20, "h": 2, "kappa": 10}
    >>> round(solve_settle().evaluate(T_t=0.75, T_n=0.2, u_x=0, **values), 4)
    0.4997
    """
    return settled(split.solve_cost_ratio(), u_x)


@formula(
    "accuracy.solve.average",
    one,
    SOURCE,
    composed_of=("accuracy.sampling.mean.tolerance", "accuracy.split.sampling", _SOLVE),
)
def solve_average() -> Expression:
    """For averaging noise out in Method 2; above 1 where the worst case is far from a gradient.

    >>> values = {"n": 512, "nu": 4e-12, "mu_2": 90, "s_x": 20, "h": 2, "kappa": 10}
    >>> round(solve_average().evaluate(T_n=0.2, u_x=0, **values), 4)
    0.0098
    """
    return sampled(sampling.mean_tolerance(), split.solve_cost_ratio(), u_x)
