"""The cards that are shipped with timings, and where those lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from validation.fit.gpu_networks import held_out_networks, read_steps
from validation.fit.networks import TimedNetwork

DATA: Final = Path(__file__).parents[1] / "data" / "measured"
H100: Final = DATA.parent / "h100"


@dataclass(frozen=True, slots=True)
class ShippedCard:
    """A card of the catalog that was made with ``calibrate --hold-out``.

    Attributes:
        card: Its name in the catalog.
        timings: File under :data:`DATA`.
        threads: Thread count.
        steps: File of networks timed by phase, beside it; empty where networks are in the timings.
    """

    card: str
    timings: str
    threads: int
    steps: str = ""

    @property
    def file(self) -> Path:
        """The timing file."""
        return DATA / self.timings

    def held_out_networks(self) -> list[TimedNetwork]:
        """Networks of the file of steps that no fit has read."""
        timed = read_steps(self.file.parent / self.steps) if self.steps else []
        held = held_out_networks(timed)
        return [each for each in timed if each.model.model in held]


SHIPPED: Final = (
    ShippedCard("epyc-milan-1-thread", "epyc-milan.jsonl", 1),
    ShippedCard("epyc-milan-2-threads", "epyc-milan-2-threads.jsonl", 2),
    ShippedCard("h100-sxm", "../h100/timings.jsonl.gz", 1, "kfac_steps.csv"),
)
