"""Which visits to a point were undisturbed, and the one time a point is given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from validation.measure.timings import Point, Timing

#: A visit with less of the processor than this was preempted.
LEAST_CPU_SHARE: Final = 0.93
#: A reference product slower than its best by more than this says that something shares a core or a cache.
MOST_REFERENCE: Final = 1.12
#: Visits to a point of a GPU that lie further above its shortest were disturbed. Kernels of a millisecond repeat
#: within 5 %; what the host queues in 10 us comes in two speeds 1.4 times apart.
MOST_APART: Final = 1.12
#: A reference product of a GPU that is quicker is mostly launches: it tells how the host fares, not the device.
LEAST_REFERENCE: Final = 2e-4


def undisturbed(timings: Sequence[Timing], best_reference: float, device: str) -> npt.NDArray[np.bool_]:
    """Which visits to one point count.

    A processor is shared, and CPU time and the reference product tell when. A GPU does one thing at a time: its visits
    are judged by each other, and by the reference only where that is no launch.
    """
    if device != "cuda":
        return np.array([clean(timing, best_reference) for timing in timings], dtype=bool)
    times = np.array([seconds(timing) for timing in timings])
    references = np.array([timing.statistics.reference_s for timing in timings])
    quiet = (references <= MOST_REFERENCE * best_reference) | (best_reference < LEAST_REFERENCE)
    kept: npt.NDArray[np.bool_] = quiet & (times <= MOST_APART * times[quiet].min(initial=np.inf))
    return kept


def clean(timing: Timing, best_reference: float) -> bool:
    """Whether nothing else disturbed a visit, as far as CPU time and the reference product can tell.

    Where CPU time is kept it is used, and lost processors do no harm. With several threads it says nothing: threads
    wait for each other in a loop, and what is lost shows in the share only when most of it is.
    """
    alone = timing.statistics.cpu_s > 0
    share = 1.0 if alone or timing.point.threads > 1 else timing.statistics.cpu_share
    return share >= LEAST_CPU_SHARE and timing.statistics.reference_s <= MOST_REFERENCE * best_reference


def seconds(timing: Timing) -> float:
    """Time of a visit: its lower quartile, in CPU time where one thread did the work and waited for a processor."""
    wall, cpu = timing.statistics.q1_s, timing.statistics.cpu_s
    return min(wall, cpu) if cpu > 0 else wall


def best_references(timings: Iterable[Timing]) -> dict[int, float]:
    """Reference time of the undisturbed machine by thread count: the 5th percentile, as a minimum can be a fluke."""
    found: dict[int, list[float]] = {}
    for timing in timings:
        found.setdefault(timing.point.threads, []).append(timing.statistics.reference_s)
    return {threads: float(np.quantile(seconds, 0.05)) for threads, seconds in found.items()}


def settled(timings: Sequence[Timing], best_reference: float, device: str = "cpu") -> tuple[float, float]:
    """The time of a point and how far its visits disagree.

    Disturbances only ever lengthen a time. So a visit is summed up by its lower quartile, and the visits by the median
    of the clean ones, or, where fewer than two were clean, by the shortest of all.

    Returns:
        Seconds a call, and the spread: median over shortest of the visits used, less one.
    """
    quartiles = np.array([seconds(timing) for timing in timings])
    kept = undisturbed(timings, best_reference, device)
    if kept.sum() < 2:
        return float(quartiles.min()), float(np.median(quartiles) / quartiles.min() - 1)
    used = np.sort(quartiles[kept])
    # Of visits that all look clean the shorter half: a neighbour in the cache leaves no other trace.
    time = float(np.median(used[: (len(used) + 1) // 2]))
    return time, float(np.median(used) / used[0] - 1)


def by_point(timings: Iterable[Timing]) -> dict[Point, list[Timing]]:
    """Visits of each point, in order of first visit."""
    grouped: dict[Point, list[Timing]] = {}
    for timing in timings:
        grouped.setdefault(timing.point, []).append(timing)
    return grouped
