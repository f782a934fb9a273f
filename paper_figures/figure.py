"""What every figure has: data, a drawing, a caption filled from the data, and statements the data must bear out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

ROOT: Final = Path(__file__).parents[1]
DATA: Final = ROOT / "validation" / "data"
SEED: Final = 0
#: A table of pandas, or a row of one; its stubs make a union of twenty types of every cell.
Frame = Any


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a run spends.

    Attributes:
        full: Every point of a figure, or the fewer that its message rests on.
        draws: Behind each interval.
    """

    full: bool
    draws: int

    def either(self, fast: Any, full: Any) -> Any:
        """What this effort takes of two."""
        return full if self.full else fast


FAST: Final = Effort(full=False, draws=100)
FULL: Final = Effort(full=True, draws=500)


@dataclass(frozen=True, slots=True)
class Statement:
    """Something a figure says of its data, and whether the data bear it out."""

    text: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the paper, or one beyond it.

    Attributes:
        name: ``fig3``; files take it.
        title: One line.
        data: The frame that the drawing, the caption and the statements are made of, in SI units.
        draw: The picture of a frame.
        caption: What is measured, simulated, sourced or assumed in it, with numbers of the frame.
        message: What it says, each a test.
        inputs: Files it reads beside the catalog, for the manifest.
    """

    name: str
    title: str
    data: Callable[[Effort], pd.DataFrame]
    draw: Callable[[Frame], Drawing]
    caption: Callable[[Frame], str]
    message: Callable[[Frame], list[Statement]]
    inputs: tuple[Path, ...] = ()
