"""From a timing file to laws: one for every operation with enough sizes, and those that whole networks give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from costmodel.inputs.faults import Fault, InputError
from costmodel.machines.laws import FittedLaw
from costmodel.machines.operations import OPERATIONS
from costmodel.machines.sizes import Size
from validation.fit.gpu_steps import fit_measured
from validation.fit.networks import IN_STEP, LEAST_NETWORKS, NetworkFit, TimedNetwork, fit_networks
from validation.fit.selection import BASES, FAMILIES, LEAST_SIZES, Data, OperationFit, fit, gpu_families, growth_of
from validation.heldout import for_fitting
from validation.measure.journal import Journal, digest
from validation.measure.timings import Environment, ModelSizes, Point, Timing
from validation.quality import best_references, by_point, settled

#: A projection needs these in float32.
REQUIRED: Final = ("gemm", "cholesky", "cholesky_inverse", "eigh", "ema")
#: No factorisation or solve is faster a FLOP than this share of what large products reach.
_FLOOR: Final = 0.9
#: FLOPs that PyTorch has a GPU do for one that is counted: it inverts by solving for the identity. From a Cholesky
#: factor that is 2 n^3 (cuSOLVER's potrs) in place of 2/3 n^3, by LU 8/3 n^3 (getrf and getrs) in place of 2 n^3.
#: Source: PyTorch, aten/src/ATen/native/cuda/linalg/BatchLinearAlgebraLib.cpp.
_DONE: Final = {"cholesky_inverse": 3.0, "inv": 4 / 3, "inv_batched": 4 / 3}


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything a card is written from.

    Attributes:
        environment: Where it was measured.
        threads: Threads used.
        fits: Law of every operation that was timed alone, by key, ``gemm`` or ``gemm.float64``.
        networks: Laws that whole timed networks gave; None where too few were timed.
        timed: Networks behind them.
        unused: What was timed and went into no law, with the reason.
        held_out: Whether held-out points were left to score the card.
        digest: Of the timings that were fitted.
    """

    environment: Environment
    threads: int
    fits: dict[str, OperationFit]
    networks: NetworkFit | None
    timed: int
    unused: dict[str, str]
    held_out: bool
    digest: str

    @property
    def laws(self) -> dict[str, FittedLaw]:
        """Laws of all operations, those that a step changes with the change."""
        alone = {key: each.law for key, each in self.fits.items()}
        return alone if self.networks is None else {**alone, **self.networks.laws}


def calibrate(
    journal: Journal,
    *,
    threads: int | None = None,
    hold_out: bool = False,
) -> Calibration:
    """Fit every law that a timing file supports.

    Args:
        journal: Timings.
        threads: Which thread count; only needed where the file has several.
        hold_out: Leave what :mod:`validation.heldout` holds out to score the card. Shipped cards do.

    Raises:
        InputError: Several thread counts and none chosen, or too few sizes for a primitive of a projection.
    """
    chosen = _thread_count(journal, threads)
    timings = [timing for timing in journal.timings if timing.point.threads == chosen]
    assert journal.environment is not None  # a journal without one is not read
    device = journal.environment.device
    timings = for_fitting(timings, device) if hold_out else timings
    times = point_times(timings, journal)
    fits, left_out = _fits(times, device)
    _require(journal, left_out, fits)
    laws = {key: each.law for key, each in fits.items()}
    timed, unused = _timed_networks(times, journal.models, laws)
    unused |= {key: f"{count} sizes, a law needs {LEAST_SIZES}" for key, count in left_out.items()}
    return Calibration(
        environment=journal.environment,
        threads=chosen,
        fits=fits,
        networks=(fit_measured if device == "cuda" else fit_networks)(timed, laws) if timed else None,
        timed=len(timed),
        unused=unused,
        held_out=hold_out,
        digest=digest(timings),
    )


def point_times(timings: Iterable[Timing], journal: Journal) -> dict[Point, float]:
    """One time for each point of some timings of a file; the undisturbed reference is that of the whole file."""
    references = best_references(journal.timings)
    device = journal.environment.device if journal.environment else "cpu"
    return {point: settled(each, references[point.threads], device)[0] for point, each in by_point(timings).items()}


def data_of(operation: str, times: dict[Point, float]) -> Data:
    """Sizes and times of an operation."""
    points = list(times)
    sizes = tuple(Size(point.n, point.m, point.batch) for point in points)
    return Data(OPERATIONS[operation], sizes, np.array([times[point] for point in points]))


def _fits(times: dict[Point, float], device: str) -> tuple[dict[str, OperationFit], dict[str, int]]:
    grouped: dict[tuple[str, str], dict[Point, float]] = {}
    for point, seconds in times.items():
        if not point.model:
            grouped.setdefault((point.dtype, point.op), {})[point] = seconds
    fits: dict[str, OperationFit] = {}
    left_out: dict[str, int] = {}
    floors: dict[str, float] = {}
    # Products come first in the list of operations, single calls before batches: others build on their laws.
    for (dtype, op), points in sorted(grouped.items(), key=lambda each: list(OPERATIONS).index(each[0][1])):
        key = op if dtype == "float32" else f"{op}.{dtype}"
        sizes = {(point.n, point.m) for point in points}
        if len(sizes) < LEAST_SIZES:
            left_out[key] = len(sizes)
            continue
        base = fits.get(key.replace(op, BASES[op])) if op in BASES else None
        law = base.law if base else None
        gpu = device == "cuda"
        share = _DONE.get(op, 1.0) if gpu else _FLOOR
        floor = floors.get(dtype, 0.0) * share * bool(OPERATIONS[op].flops(2, 2))
        families = gpu_families(OPERATIONS[op]) if gpu else FAMILIES
        if gpu and law and op in {"gemm_tall", "precondition"}:
            # What n = d + 1 costs a square product is a tile more on both sides: theirs have it on one.
            law = replace(law, penalties={})
        fits[key] = fit(data_of(op, points), families, floor, law, gpu=gpu)
        if op == "gemm":
            floors[dtype] = fits[key].law.work.limit
    return _alike(fits), left_out


def _alike(fits: dict[str, OperationFit]) -> dict[str, OperationFit]:
    """Chained laws with no less growth than all of them together need.

    An operation has a handful of larger sizes: that its own came out right says little of the next octave.
    """
    growth = growth_of(np.concatenate([np.zeros(0), *(each.needed for each in fits.values())]))
    found = dict(fits)
    for key, each in fits.items():
        if len(each.needed):
            found[key] = replace(each, law=replace(each.law, growth=max(each.law.growth, growth)))
    return found


def _thread_count(journal: Journal, threads: int | None) -> int:
    counts = sorted({timing.point.threads for timing in journal.timings})
    if threads is None and len(counts) > 1:
        message = f"has timings with {' and '.join(map(str, counts))} threads; choose with --threads"
        raise InputError.about(journal.origin, message)
    if threads is not None and threads not in counts:
        message = f"has no timings with {threads} threads; it has {', '.join(map(str, counts)) or 'none'}"
        raise InputError.about(journal.origin, message)
    if not counts:
        raise InputError.about(journal.origin, "holds no timings")
    return threads if threads is not None else counts[0]


def _require(journal: Journal, left_out: dict[str, int], fits: dict[str, OperationFit]) -> None:
    missing = [name for name in REQUIRED if name not in fits]
    faults = [
        Fault(
            journal.origin,
            0,
            0,
            "",
            f"too few sizes for a law of {name}: {left_out.get(name, 0)}, needs {LEAST_SIZES}; measure longer",
        )
        for name in missing
    ]
    if faults:
        raise InputError(faults)


def _timed_networks(
    times: dict[Point, float], models: dict[str, ModelSizes], laws: Mapping[str, FittedLaw]
) -> tuple[list[TimedNetwork], dict[str, str]]:
    """Networks that laws can be fitted to, and why others cannot."""
    lacking = [name for names in IN_STEP.values() for name in names if name not in laws]
    found, unused = [], {}
    for name, sizes in models.items():
        seconds = {point.op: each for point, each in times.items() if point.model == name}
        missing = [phase for phase in PHASES if phase not in seconds]
        if not seconds:
            continue
        if missing:
            unused[name] = f"phases not timed: {', '.join(missing)}"
        elif lacking:
            unused[name] = f"no law of {', '.join(lacking)} to compare its phases with"
        else:
            found.append(TimedNetwork(sizes, seconds))
    if found and len(found) < LEAST_NETWORKS:
        reason = f"{len(found)} timed in full, laws of whole steps need {LEAST_NETWORKS}"
        unused |= {each.model.model: reason for each in found}
        found = []
    return found, unused


#: Everything a network is timed by.
PHASES: Final = (
    *("forward_backward", "rows", "factors", "running_average", "inversion", "precondition", "update", "step"),
)
