"""How one point is timed on a machine that others use too, and how a disturbed visit is told from a clean one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from validation.measure.primitives import Call
from validation.measure.timings import Statistics

#: A sample spans several calls where one is shorter than this, so that the clock's own cost is below 1 %.
_SAMPLE_SECONDS: Final = {"cpu": 3e-5, "cuda": 1e-3}
#: A visit lasts about this long ...
_VISIT_SECONDS: Final = 8e-3
#: ... and takes at least this many samples, fewer where a call is long.
_SAMPLES: Final = 4
_LONG_CALL: Final = 0.15
_MOST_SAMPLES: Final = 40
#: Order of the reference product. On a processor 1.8 MB of operands: more than a core's own cache, so that it feels a
#: neighbour in the shared one. On a GPU 0.3 ms of work or more, so that the launch, 0.02 ms, does not show.
_REFERENCE: Final = {"cpu": 384, "cuda": 2048}


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall and CPU time, the device waited for.

    Attributes:
        device: Where the work runs.
        threads: Threads it may use.
    """

    device: torch.device
    threads: int

    @property
    def alone(self) -> bool:
        """One thread of the processor does all the work, so that its CPU time is the work's time."""
        return self.threads == 1 and self.device.type == "cpu"

    def wait(self) -> None:
        """Until everything queued has run."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def seconds(self, call: Call, repeats: int) -> tuple[float, float]:
        """Wall and CPU seconds of some calls in a row."""
        self.wait()
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(repeats):
            call()
        self.wait()
        return time.perf_counter() - wall, time.process_time() - cpu


class Reference:
    """A short product timed between points: slower than its best, something else disturbs the machine.

    A busy neighbour that shares a cache or a core slows work down without taking CPU time from it, so that wall time
    and CPU time agree; only known work shows it.
    """

    def __init__(self, clock: Clock) -> None:
        generator = torch.Generator(device=clock.device).manual_seed(0)
        n = _REFERENCE[clock.device.type]
        self._x = torch.randn(n, n, device=clock.device, generator=generator)
        self._clock = clock
        self.last = self.seconds()

    def seconds(self) -> float:
        """Shortest of two products, kept as ``last``."""
        samples = [self._clock.seconds(lambda: self._x @ self._x, 1) for _ in range(2)]
        self.last = min(cpu if self._clock.alone else wall for wall, cpu in samples)
        return self.last


def visit(call: Call, clock: Clock, reference: Reference, expected: float) -> Statistics:
    """Time a call: warm-up, then samples, the reference before and after.

    Args:
        call: What is timed.
        clock: Times it.
        reference: Its last time counts as the one before this visit.
        expected: Seconds a call is expected to take, 0 where nothing is known; long calls get no warm-up, as their
            inputs do not fit a cache anyway.
    """
    first = reference.last
    if expected < _LONG_CALL:
        call()
        expected = clock.seconds(call, 1)[0]
    repeats = max(1, int(_SAMPLE_SECONDS[clock.device.type] / max(expected, 1e-9)))
    samples = _SAMPLES if expected < _LONG_CALL else 2 if expected < 1.0 else 1
    samples = int(np.clip(_VISIT_SECONDS / (max(expected, 1e-9) * repeats), samples, _MOST_SAMPLES))
    taken = [clock.seconds(call, repeats) for _ in range(samples)]
    wall = np.array([each[0] for each in taken]) / repeats
    cpu = np.array([each[1] for each in taken]) / repeats
    share = float(cpu.sum() / (wall.sum() * clock.threads)) if clock.device.type == "cpu" else 1.0
    least, q1, median, q3 = (float(f"{each:.5g}") for each in np.quantile(wall, (0.0, 0.25, 0.5, 0.75)))
    return Statistics(
        samples,
        least,
        q1,
        median,
        q3,
        cpu_share=round(share, 3),
        cpu_s=float(f"{np.quantile(cpu, 0.25):.5g}") if clock.alone else 0.0,
        reference_s=float(f"{max(first, reference.seconds()):.5g}"),
    )
