"""Tuning on a grid without edges: from a start, to a better neighbour, until no neighbour in any dimension is better.

The grid has two values a decade (1 and 3). It is walked as far as the walk leads, so that the optimum is inside it in
every dimension, unless a limit of moves stops the walk or a dimension has a natural end (beta2 = 0).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from validation.study.arms import PROJECTED_DAMPING, Hyper

Point = tuple[int, ...]  # half decades by dimension

#: Moves after which a walk gives up.
MOVES = 20


@dataclass(frozen=True, slots=True)
class Search:
    """Where a walk starts and how a point becomes settings.

    Attributes:
        arm: the arm whose runs count.
        dimensions: names of what is tuned, in the order of a point; the rate is first, and so tried last, because it
            changes nothing while every step is clipped.
        starts: half decades; of the ends of the walks from each the best counts.
        hyper: settings of a point; None where there are none.
    """

    arm: str
    dimensions: tuple[str, ...]
    starts: tuple[Point, ...]
    hyper: Callable[[Point], Hyper | None]


def grid(k: int) -> float:
    """Value of a half decade.

    >>> [grid(k) for k in (-3, -2, -1, 0, 1)]
    [0.03, 0.1, 0.3, 1.0, 3.0]
    """
    return float(f"{(3 if k % 2 else 1) * 10.0 ** (k // 2):.3g}")


def _adam(point: Point) -> Hyper | None:
    lr, rest = point
    return Hyper(grid(lr), beta2=round(1 - grid(rest), 9)) if rest <= 0 else None


def _kfac(point: Point) -> Hyper:
    lr, damping, clip = point
    return Hyper(grid(lr), damping=grid(damping), clip=grid(clip))


def _projected(point: Point) -> Hyper:
    lr, clip = point
    return Hyper(grid(lr), damping=PROJECTED_DAMPING, clip=grid(clip))


#: By the name that arms give in `tuned`.
SEARCHES: dict[str, Search] = {
    "kfac": Search("kfac", ("lr", "damping", "clip"), ((-2, -2, -6), (-2, -6, -8)), _kfac),
    "adam": Search("adam", ("lr", "1 - beta2"), ((-4, -4),), _adam),
    "kfac_projected": Search("damping 0.001", ("lr", "clip"), ((-2, -7),), _projected),
}


def cost(runs: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Mean logarithm of the steps, a run that did not arrive counting with twice its limit; then the mean best loss.

    Both are rounded, because rates that change nothing while every step is clipped differ in the last bits.
    """
    steps = [run["steps"] or 2 * run["limit"] for run in runs]
    best = [math.inf if run["best"] is None else run["best"] for run in runs]
    return round(sum(map(math.log, steps)) / len(steps), 9), round(sum(best) / len(best), 9)


def neighbours(point: Point) -> list[Point]:
    """One step down and one up in each dimension, the last dimension first.

    >>> neighbours((0, 5))
    [(0, 4), (0, 6), (-1, 5), (1, 5)]
    """
    dimensions = reversed(range(len(point)))
    return [(*point[:i], point[i] + step, *point[i + 1 :]) for i in dimensions for step in (-1, 1)]


def walk(search: Search, price: Callable[[Hyper], tuple[float, float]]) -> tuple[Point, bool]:
    """Walk from every start to a point that no neighbour beats.

    Args:
        search: the starts and the grid.
        price: cost of settings; asked again for settings that it has seen, so it should remember.

    Returns:
        The best of the ends, and whether that walk ended by itself.
    """

    def at(point: Point) -> tuple[float, float]:
        hyper = search.hyper(point)
        return (math.inf, math.inf) if hyper is None else price(hyper)

    def end(here: Point) -> tuple[Point, bool]:
        for _ in range(MOVES):
            better = next((near for near in neighbours(here) if at(near) < at(here)), None)
            if better is None:
                return here, True
            here = better
        return here, False

    return min((end(start) for start in search.starts), key=lambda found: at(found[0]))
