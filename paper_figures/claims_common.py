"""What the claims share: data, sources, commands, bounds and assumptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from paper_figures.figure import Frame

Frames = Mapping[str, Frame]
ABSTRACT: Final = "abstract"
SECOND: Final = "public summary, second-hand"
DRAW: Final = "python -m paper_figures --fast --only"
#: A gain below this is not substantial.
SUBSTANTIAL: Final = 1.2
#: Powers of n that differ by less are of one order.
NEARLY: Final = 0.5
WHOLE: Final = "the array is as large as the matrix"
EXACT: Final = "the rival inverts exactly"
EVERY: Final = "inverses are renewed in every step"


def explain(name: str) -> str:
    """What explains a formula or a method on the model and cards that are taken where none are named."""
    return f"python -m costmodel explain {name}"
