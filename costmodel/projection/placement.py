"""Jobs dealt out to devices, the longest first, each to the device that is free soonest: as KAISA places factors."""

from __future__ import annotations

import heapq

import numpy as np

from costmodel.quantities.estimate import Draws


def busiest(seconds: Draws, counts: Draws, devices: int, per_point: int = 0) -> Draws:
    """Seconds of the device with most to do, shape (draws,).

    Who gets what is decided once, by medians over draws, as a training run decides it once.

    Args:
        seconds: Of one job of each kind, shape (kinds, draws).
        counts: Jobs of each kind, shape (kinds,).
        devices: At least 1; those beyond the number of jobs have nothing to do.
        per_point: Draws of one training run, where there are several runs one after the other; 0 for one run.

    >>> busiest(np.array([[5.0], [2.0]]), np.array([1.0, 3.0]), 2).tolist()
    [6.0]
    """
    jobs = counts.astype(int)
    runs = seconds.reshape(len(seconds), -1, per_point or seconds.shape[1])
    costs, run_of = np.unique(np.median(runs, axis=2), axis=1, return_inverse=True)
    places, found = [], []
    for index, cost in enumerate(costs.T):
        share = dealt(cost, jobs, max(1, min(devices, int(jobs.sum()))))
        alike = runs[:, run_of.reshape(-1) == index]
        loads = np.unique(share, axis=0) @ alike.reshape(len(seconds), -1)
        places.append(np.flatnonzero(run_of.reshape(-1) == index))
        found.append(loads.max(axis=0).reshape(alike.shape[1:]))
    return np.concatenate(found)[np.argsort(np.concatenate(places))].reshape(-1)


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
