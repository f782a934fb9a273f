"""All figures, in the order they are drawn."""

from __future__ import annotations

from typing import Final

from paper_figures import quantization, scaling, time_profile, time_to_target
from paper_figures.figure import Figure

FIGURES: Final[dict[str, Figure]] = {
    each.name: each for each in (time_profile.FIGURE, scaling.FIGURE, quantization.FIGURE, time_to_target.FIGURE)
}
