"""The cards that are shipped with timings, and where those lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

DATA: Final = Path(__file__).parents[1] / "data" / "measured"
H100: Final = DATA.parent / "h100"


@dataclass(frozen=True, slots=True)
class ShippedCard:
    """A card of the catalog that was made with ``calibrate --hold-out``.

    Attributes:
        card: Its name in the catalog.
        timings: File under :data:`DATA`.
        threads: Thread count.
    """

    card: str
    timings: str
    threads: int

    @property
    def file(self) -> Path:
        """The timing file."""
        return DATA / self.timings


SHIPPED: Final = (
    ShippedCard("epyc-milan-1-thread", "epyc-milan.jsonl", 1),
    ShippedCard("epyc-milan-2-threads", "epyc-milan-2-threads.jsonl", 2),
)
