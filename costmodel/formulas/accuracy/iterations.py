"""What digital iterations may leave, so that training bears it: the tolerance T_t of settling too briefly.

What an iteration leaves is a filter of the spectrum, as what settling leaves is: it mixes no modes and keeps a
direction of descent. It is a digital arm's only flaw and gets all of the budget. Newton-Schulz and conjugate gradients
count their steps by the residual and by the energy norm. These are the values to give them in place of epsilon.
"""

from __future__ import annotations

from costmodel.formulas.accuracy import chain
from costmodel.formulas.accuracy.moments import SOURCE
from costmodel.formulas.extremes import larger, smaller
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression, T_t, d_e, epsilon, kappa, n, q, s_r
from costmodel.quantities.units import one

#: Columns of a sketch beyond the modes that are wanted: Halko, Martinsson and Tropp's advice.
OVERSAMPLING = 10
#: What a share of damping counts as at most: sin(pi q) vanishes at 1, where no mode exceeds the damping.
_SHARE = 0.999


def _crossing() -> Expression:
    """Rank at which a power law passes the damping; its effective dimension is pi q / sin(pi q) times that."""
    share = smaller(q, _SHARE)
    return d_e * sp.sin(sp.pi * share) / (sp.pi * share)


@formula("accuracy.iterations.newton_schulz.tolerance", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def newton_schulz_tolerance() -> Expression:
    """Largest residual (spectral norm) of each inverse by Newton-Schulz: T_t / sqrt(2).

    I - F Z commutes with F, so no direction is off by more than the residual. Chebyshev's polynomial swings through
    zero, which takes 1 / sqrt(2) off for one factor, and two residuals of changing sign add in squares.

    >>> round(newton_schulz_tolerance().evaluate(T_t=0.1), 5)
    0.07071
    """
    return T_t / sp.sqrt(2)


@formula("accuracy.iterations.cg.tolerance", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def cg_tolerance() -> Expression:
    """Error in the energy norm to which each factor's solves are iterated.

    A Euclidean error is at most the energy norm's over sqrt(gamma); a gradient's solution has sqrt(q / gamma) of its
    own. So 1 / sqrt(q), not sqrt(kappa), lies between the two norms.

    >>> round(cg_tolerance().evaluate(T_t=0.21, q=0.64), 9)
    0.08
    """
    return chain.bounded().expression.subs(epsilon, T_t) * sp.sqrt(q)


@formula("accuracy.iterations.low_rank.error", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def low_rank_error() -> Expression:
    """Error of a gradient when one inverse leaves out every mode, taking it for the damping: the most it can be.

    Mode i is enlarged by lambda / gamma, off by alpha / gamma. The sum of alpha^3 / (lambda gamma)^2 is
    (sum alpha - d_e gamma (2 - q)) / gamma^2.

    >>> round(low_rank_error().evaluate(kappa=4, s_r=4 / 3, d_e=1.25, q=0.35), 4)
    2.1044
    """
    left_out = larger(0, s_r * (kappa - 1) - d_e * (2 - q))  # rounding may take it below
    return sp.sqrt(left_out / (d_e * q))


@formula("accuracy.iterations.low_rank.rank", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def low_rank_rank() -> Expression:
    """Modes that each low-rank inverse keeps, so that a gradient has T_t; oversampling not counted.

    Beyond mode r_1, where alpha = gamma, a power law alpha = gamma (r / r_1)^(-1 / q) is left out. Its d_e is
    r_1 pi q / sin(pi q), and what is left out adds up to r_1^(3/q) r^(1 - 3/q) / ((3 - q) d_e) of the squared norm.

    >>> round(low_rank_rank().evaluate(d_e=30, q=0.5, T_t=0.1), 2)
    41.92
    """
    return _crossing() ** (3 / (3 - q)) * (2 / ((3 - q) * d_e * T_t**2)) ** (q / (3 - q))


@formula("accuracy.iterations.low_rank.columns", one, SOURCE, composed_of=("accuracy.iterations.low_rank.rank",))
def low_rank_columns() -> Expression:
    """Columns of a low-rank sketch, so that a gradient has T_t: the modes kept and ten more, never more than n.

    >>> low_rank_columns().evaluate(n=1024, d_e=30, q=0.5, T_t=0.1)
    52.0
    """
    return smaller(n, sp.ceiling(low_rank_rank().expression) + OVERSAMPLING)


@formula("accuracy.iterations.cg.steps", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def cg_steps() -> Expression:
    """Iterations of each factor's solves where eigenvalues fall as a power law near the damping, never above the bound.

    Spending one iteration on each of the first i - 1 modes leaves the bound for a condition number of
    1 + (i / r_1)^(-1 / q), r_1 the mode where alpha = gamma. With L = ln(2 / tolerance) the best i is near
    (L / (4 q))^(2q / (2q + 1)) r_1^(1 / (2q + 1)).

    >>> cg_steps().evaluate(kappa=10001, d_e=157, q=0.5, T_t=0.1)
    28.0
    """
    log = sp.log(2 / cg_tolerance().expression)
    best = larger(1, (log / (4 * q)) ** (2 * q / (2 * q + 1)) * _crossing() ** (1 / (2 * q + 1)))
    kept = best - 1 + sp.sqrt(1 + (best / _crossing()) ** (-1 / q)) * log / 2
    return sp.ceiling(smaller(sp.sqrt(kappa) * log / 2, kept))
