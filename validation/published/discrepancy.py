"""How far a published card may be off on a network that it has not seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.stats import t

from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import one

#: No interval is narrower than this factor: totals over a network cannot show how a law errs at one size. Assumed.
MARGIN: Final = 1.1


def scatter(left_out: Sequence[float], what: str) -> Quantity:
    """The factor on a law from its errors on networks left out of its fit.

    The errors' logarithms are taken to scatter about zero; with as few as two or three of them the 90 % interval takes
    Student's t, which is what not knowing the spread costs.

    Args:
        left_out: Predicted over measured, less one, for each network left out.
        what: What was timed.

    >>> found = scatter([0.5, 1 / 3], "passes")  # too long by half, too long by a third
    >>> round(found.high, 2)
    2.79
    """
    logs = np.log1p(np.asarray(left_out))
    deviation = math.sqrt(float(np.mean(logs**2)))
    factor = max(MARGIN, math.exp(float(t.isf(0.05, len(logs))) * deviation))
    errors = ", ".join(f"{error:+.1%}" for error in left_out)
    source = f"{what}: errors on each network left out {errors}; Student's t of {len(logs)}, at least 10 %"
    return Quantity(1.0, 1 / factor, factor, one, Status.INTERPOLATED, source)
