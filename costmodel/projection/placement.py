"""Jobs dealt out to devices, the longest first, each to the device that is free soonest: as KAISA places factors."""

from __future__ import annotations

import heapq

import numpy as np

from costmodel.quantities.estimate import Draws


def busiest(seconds: Draws, counts: Draws, devices: int) -> Draws:
    """Seconds of the device with most to do, shape (draws,).

    Who gets what is decided once, by medians over draws, as a training run decides it once.

    Args:
        seconds: Of one job of each kind, shape (kinds, draws).
        counts: Jobs of each kind, shape (kinds,).
        devices: At least 1; those beyond the number of jobs have nothing to do.

    >>> busiest(np.array([[5.0], [2.0]]), np.array([1.0, 3.0]), 2).tolist()
    [6.0]
    """
    jobs = counts.astype(int)
    share = dealt(np.median(seconds, axis=1), jobs, max(1, min(devices, int(jobs.sum()))))
    loads = np.unique(share, axis=0) @ seconds
    return np.asarray(loads.max(axis=0))


def dealt(costs: Draws, jobs: Draws, devices: int) -> Draws:
    """Jobs of each kind that each device gets, shape (devices, kinds)."""
    share = np.zeros((devices, len(costs)))
    loads = np.zeros(devices)
    for kind in np.argsort(-costs, kind="stable"):
        # To those that are free soonest until all are level, as many as there are for all alike, then the rest.
        levelling = devices + int(np.sum(loads.max() - loads) / costs[kind]) if costs[kind] > 0 else 0
        alike = max(0, int(jobs[kind]) - levelling) // devices
        rest = int(jobs[kind]) - alike * devices
        share[:, kind] += alike
        loads += alike * costs[kind]
        free = [(load, device) for device, load in enumerate(loads)]
        heapq.heapify(free)
        for _ in range(rest):
            load, device = heapq.heappop(free)
            share[device, kind] += 1
            loads[device] = load + costs[kind]
            heapq.heappush(free, (loads[device], device))
    return share
