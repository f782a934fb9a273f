"""Special functions that numpy lacks."""

from __future__ import annotations

from typing import Any

import numpy as np


def lambert_lower(argument: Any) -> Any:
    """Lambert's W on its lower branch, for -1/e < argument < 0: Newton's method on w + log(-w) = log(-argument).

    The start is Chatzigeorgiou's lower bound; from there the iterates of a concave function rise to the root. scipy has
    it too, at the price of an import that takes longer than evaluating every formula.

    >>> round(float(lambert_lower(-0.01 * np.exp(-1))), 6)
    -7.638352
    """
    target = np.log(-np.asanyarray(argument, dtype=float))
    depth = -1 - target
    w = -1 - np.sqrt(2 * depth) - depth
    for _ in range(4):  # as many as double precision takes
        w = w - (w + np.log(-w) - target) * w / (w + 1)
    return w
