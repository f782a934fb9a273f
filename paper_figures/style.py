"""Colours, widths and marks that all figures share."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

STYLE: Final = Path(__file__).with_name("figures.mplstyle")
#: Inches of one and of two print columns: 80 and 170 mm.
COLUMN: Final = 80 / 25.4
PAGE: Final = 170 / 25.4
#: Okabe and Ito's colours by name.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
)  # fmt: skip
GREY: Final = "#808080"
#: One colour, dash and marker an arm in every figure; the three agree, so that a grey copy still tells them apart.
ARMS: Final[dict[str, dict[str, Any]]] = {
    "adam": {"color": BLACK, "linestyle": ":", "marker": "", "label": "Adam"},
    "cholesky": {"color": SKY, "linestyle": "-", "marker": "v", "label": "K-FAC, Cholesky"},
    "digital": {"color": BLUE, "linestyle": "-", "marker": "o", "label": "digital K-FAC, best"},
    "thermo.inverse": {"color": VERMILION, "linestyle": "--", "marker": "s", "label": "Method 1 (covariance)"},
    "thermo.solve": {"color": PURPLE, "linestyle": "-.", "marker": "^", "label": "Method 2 (solves)"},
    "columns": {"color": GREEN, "linestyle": (0, (5, 1)), "marker": "D", "label": "columns of the inverse"},
}
#: Colours of the phases of a step.
PHASES: Final = {
    "forward_backward": ("#999999", "forward and backward"),
    "factors": (SKY, "factors"),
    "inversion": (VERMILION, "inversion"),
    "precondition": (ORANGE, "preconditioning"),
    "update": (GREEN, "update"),
}
