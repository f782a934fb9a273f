"""The cards that are shipped with timings, and where those lie."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from costmodel.machines.operations import OPERATIONS
from validation.fit.gpu_networks import held_out_networks, read_steps
from validation.fit.gpu_products import PRECISIONS, read_products
from validation.fit.networks import TimedNetwork
from validation.measure.timings import Point
from validation.score.scoring import LARGE_FROM

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
        products: File of products in other precisions, beside it; empty where there is none.
        rates: File of rates at sizes beyond the timings, beside it, which no fit reads; empty where there is none.
    """

    card: str
    timings: str
    threads: int
    steps: str = ""
    products: str = ""
    rates: str = ""

    @property
    def file(self) -> Path:
        """The timing file."""
        return DATA / self.timings

    def held_out_networks(self) -> list[TimedNetwork]:
        """Networks of the file of steps that no fit has read."""
        timed = read_steps(self.file.parent / self.steps) if self.steps else []
        held = held_out_networks(timed)
        return [each for each in timed if each.model.model in held]

    def held_out_products(self) -> dict[Point, float]:
        """Products of the file of products that no fit has read, of sizes at which work decides and no launch."""
        file = self.file.parent / self.products
        every = [read_products(file, each, held_out=True) for each in PRECISIONS] if self.products else []
        return {point: seconds for each in every for point, seconds in each.items() if point.n >= LARGE_FROM}

    def held_out_rates(self) -> dict[Point, float]:
        """Seconds at sizes above those of the timings, from rates given to two digits."""
        if not self.rates:
            return {}
        with (self.file.parent / self.rates).open(encoding="utf-8") as stream:
            rows = [(row["op"], int(row["n"]), 1e12 * float(row["tflops"])) for row in csv.DictReader(stream)]
        return {Point(op, "float32", 1, n, n): OPERATIONS[op].flops(n, n) / rate for op, n, rate in rows}


SHIPPED: Final = (
    ShippedCard("epyc-milan-1-thread", "epyc-milan.jsonl", 1),
    ShippedCard("epyc-milan-2-threads", "epyc-milan-2-threads.jsonl", 2),
    ShippedCard("h100-sxm", "../h100/timings.jsonl.gz", 1, "kfac_steps.csv", "products_tf32_bf16.csv", "large.csv"),
)
