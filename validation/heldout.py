"""The one rule that separates data no fit may read from data a fit is made of.

Three kinds are held out: sizes between those fitted, sizes beyond them, and whole models. The rule looks at a size or a
name alone, so it needs no list of measurements and a new measurement falls on the same side as an old one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from costmodel.machines.operations import OPERATIONS
from validation.measure.timings import Point, Timing

#: Networks that are timed to score a card and never to make one: the larger and odder of each family.
HELD_OUT_MODELS: Final = frozenset(
    {"mlp_wide", "mlp_uneven", "vit_deep", "vit_wide", "gpt_deep", "gpt_wide", "gnn_wide", "gnn_deep"}
    | {"resnet_deep", "resnet_wide"}
)
#: A GPU is fitted up to this many times the sizes of a processor, and timed further.
REACH: Final = {"cpu": 1, "cuda": 4}
BETWEEN: Final = "between"
BEYOND: Final = "beyond"
MODEL: Final = "model"


def held_out(point: Point, device: str = "cpu") -> str:
    """Why no fit may read a point: ``between``, ``beyond`` or ``model``; empty for a point that may be fitted.

    A third of all sizes lie between: those that leave a rest of 2 when divided by 3, which takes in aligned sizes
    (512), their neighbours (1025) and any other alike.

    >>> held_out(Point("gemm", "float32", 1, n=512)), held_out(Point("gemm", "float32", 1, n=513))
    ('between', '')
    >>> held_out(Point("gemm", "float32", 1, n=4000)), held_out(Point("inversion", "float32", 1, model="vit_deep"))
    ('beyond', 'model')
    >>> held_out(Point("gemm", "float32", 1, n=4000), "cuda"), held_out(Point("gemm", "float32", 1, n=8192), "cuda")
    ('', 'beyond')
    """
    if point.model:
        return MODEL if point.model in HELD_OUT_MODELS else ""
    if point.n > OPERATIONS[point.op].largest * REACH[device]:
        return BEYOND
    return BETWEEN if point.n % 3 == 2 else ""


def for_fitting(timings: Iterable[Timing], device: str = "cpu") -> list[Timing]:
    """Timings a fit may read."""
    return [timing for timing in timings if not held_out(timing.point, device)]


def for_scoring(timings: Iterable[Timing], device: str = "cpu") -> list[Timing]:
    """Timings that score a fit."""
    return [timing for timing in timings if held_out(timing.point, device)]
