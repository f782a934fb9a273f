"""Moments of a spectrum of which only a few numbers are known: one mode, a gap, and a power law that breaks off.

The first eigenvalue and the trace are given by kappa and the stable rank, the second by the gap; the others fall as
(i / 2)^-s_d until the trace is used up. Where a power law over all modes does not use it up, what is left is spread
evenly over them.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, Final

import numpy as np

from costmodel.quantities.estimate import Draws

#: Modes that are added up one by one after the first; the rest by intervals that grow in proportion.
_ONE_BY_ONE: Final = 4
_INTERVALS: Final = 8
#: Logarithm of the rank that the power law starts at.
_SECOND: Final = np.log(2.0)
#: Points that are evaluated at once: the groups of modes then stay in a processor's cache.
_STRETCH: Final = 16_384
#: Of kappa - 1, below which no moment changes.
_LEAST: Final = 1e-9


def power_law_moments(n: Any, kappa: Any, s_r: Any, eta: Any, s_d: Any) -> dict[str, Draws]:
    """Moments that the formulas of accuracy need, by letter, for arrays that broadcast against each other.

    Args:
        n: Dimension of the factor.
        kappa: Condition number of the damped factor, 1 + lambda_1 / gamma.
        s_r: Stable rank before damping, at most n.
        eta: First eigenvalue over the second, before damping, at least 1 / (s_r - 1).
        s_d: Exponent with which eigenvalues fall from the second on.

    Returns:
        ``d_e``, ``q``, ``s_2``, and from them ``mu_2`` and ``s_x``.

    >>> found = power_law_moments(n=3, kappa=4, s_r=4 / 3, eta=3, s_d=50)  # 3, 1 and 0, damped by 1
    >>> {letter: round(float(value), 9) for letter, value in found.items()}
    {'d_e': 1.25, 'q': 0.35, 's_2': 1.3125, 'mu_2': 7.0, 's_x': 1.75}
    """
    given = [np.asanyarray(each, dtype=float) for each in (n, kappa, s_r, eta, s_d)]
    shape = np.broadcast_shapes(*(each.shape for each in given))
    if len(shape) < 2 or math.prod(shape) <= _STRETCH:
        return _moments(*given)
    found: list[dict[str, Draws]] = []
    step = max(1, _STRETCH * shape[0] // math.prod(shape))
    for start in range(0, shape[0], step):
        at = slice(start, start + step)
        rows = (each if each.ndim < len(shape) or len(each) == 1 else each[at] for each in given)
        found.append(_moments(*rows))
    return {letter: np.concatenate([each[letter] for each in found]) for letter in found[0]}


def _moments(n: Draws, kappa: Draws, s_r: Draws, eta: Draws, s_d: Draws) -> dict[str, Draws]:
    # Eigenvalues in dampings, kappa - 1 for the first.
    top = np.maximum(kappa - 1, _LEAST)
    left, groups = (s_r - 1) * top, []
    second, fall = top / eta, -s_d
    for logarithm, count in _modes(n):
        power = second * np.exp(fall * (logarithm - _SECOND))
        # Of a group that the trace does not reach to the end of, the modes it reaches; the rest are zero.
        reached = np.minimum(count, left / power)
        left = left - reached * power
        groups.append((power, count, reached))
    more = left / np.maximum(sum(reached for _, _, reached in groups), 1)
    effective, share, squared, inverse = top / kappa, top / kappa**2, kappa**2, kappa**-2
    for power, count, reached in groups:
        damped = 1 + power + more
        part = reached * (power + more) / damped
        effective = effective + part
        share = share + part / damped
        squared = squared + reached * damped * damped + count - reached
        inverse = inverse + reached / (damped * damped) + count - reached
    share = share / effective
    return {
        "d_e": effective,
        "q": share,
        "s_2": squared / kappa**2,
        "mu_2": kappa**2 * inverse / n,
        "s_x": kappa**2 * effective * share / (s_r * top),
    }


def _modes(n: Draws) -> list[tuple[Draws, Draws]]:
    """Logarithms of ranks that stand for modes 2 to n, and how many modes each of them stands for."""
    modes = [(np.log(np.full_like(n, rank)), (rank <= n).astype(float)) for rank in range(2, 2 + _ONE_BY_ONE)]
    start = 1.5 + _ONE_BY_ONE
    ranks = [start * np.maximum((n + 0.5) / start, 1) ** (edge / _INTERVALS) for edge in range(_INTERVALS + 1)]
    return modes + [((np.log(low) + np.log(high)) / 2, high - low) for low, high in itertools.pairwise(ranks)]
