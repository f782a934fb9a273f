"""All figures, in the order they are drawn."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from paper_figures import quantization, scaling, time_profile, time_to_target
from paper_figures.figure import FAST, Figure

if TYPE_CHECKING:
    import pandas as pd

FIGURES: Final[dict[str, Figure]] = {
    each.name: each for each in (time_profile.FIGURE, scaling.FIGURE, quantization.FIGURE, time_to_target.FIGURE)
}


@cache
def fast_frame(name: str) -> pd.DataFrame:
    """Data of a figure at little effort, made once."""
    return FIGURES[name].data(FAST)
