"""How far a law goes wrong beyond what it was fitted to: the H100's timings, the larger sizes kept from the fit."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Final

from validation.cards.fitted import card as card_of
from validation.fit.calibration import calibrate, point_times
from validation.measure import journal
from validation.score.scoring import Scored, score_times
from validation.score.shipped import H100

#: Half of the largest size of the file: what is asked of a law is a factor of two.
HALF: Final = 3072
LARGEST: Final = 6144


@cache
def extrapolated(largest: int, to: int = LARGEST) -> tuple[Scored, ...]:
    """Larger sizes than ``largest`` by laws fitted to sizes up to it alone."""
    read = journal.read(H100 / "timings.jsonl.gz")
    part = replace(read, timings=[each for each in read.timings if each.point.model or each.point.n <= largest])
    card = card_of(calibrate(part, hold_out=True), "part")
    times = point_times(read.timings, read)
    return tuple(score_times(card, {point: each for point, each in times.items() if largest < point.n <= to}))
