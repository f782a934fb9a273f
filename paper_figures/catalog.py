"""All figures, in the order they are drawn."""

from __future__ import annotations

from functools import cache
from typing import Final

from paper_figures import answer, beyond, complexity, overview, quantization, scaling, time_profile, time_to_target
from paper_figures.figure import FAST, Figure, Frame

FIGURES: Final[dict[str, Figure]] = {
    each.name: each
    for each in (
        overview.FIGURE,
        time_profile.FIGURE,
        complexity.FIGURE,
        scaling.FIGURE,
        quantization.FIGURE,
        time_to_target.FIGURE,
        beyond.FIGURE,
        answer.FIGURE,
    )
}


@cache
def fast_frame(name: str) -> Frame:
    """Data of a figure at little effort, made once."""
    return FIGURES[name].data(FAST)
