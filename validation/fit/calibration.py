"""From a timing file to a card: a law for every operation with enough sizes, and the primitives of a projection."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from costmodel.inputs.faults import Fault, InputError
from costmodel.machines.cards import PassTimes
from costmodel.machines.laws import FittedLaw
from costmodel.machines.operations import OPERATIONS, Size, working_size
from validation.fit.networks import MEMORY, NEEDED, Passes, fit_passes
from validation.fit.selection import BASES, LEAST_SIZES, Data, Fit, fit
from validation.fit.solve import solve
from validation.heldout import for_fitting
from validation.measure.journal import Journal
from validation.measure.records import Environment, ModelSizes, Point, Timing
from validation.quality import best_references, by_point, settled

#: A projection needs these in float32.
REQUIRED: Final = ("gemm", "cholesky", "cholesky_inverse", "eigh", "ema")
#: Networks a fit of passes needs: one more than it has costs.
_LEAST_NETWORKS: Final = 7
#: No factorisation or solve is faster a FLOP than this share of what large products reach.
_FLOOR: Final = 0.9


@dataclass(frozen=True, slots=True)
class NetworkRate:
    """Passes in the two constants of a card's ``network``: seconds a layer and FLOPs a second, with their range."""

    launch: tuple[float, float, float]
    rate: tuple[float, float, float]
    networks: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything a card is written from.

    Attributes:
        environment: Where it was measured.
        threads: Threads used.
        fits: Law of every operation by key, ``gemm`` or ``gemm.float64``.
        passes: Costs of whole passes, where enough networks were timed.
        network: The same in two constants.
        left_out: Operations with too few sizes for a law, with how many they have.
        held_out: Whether held-out points were left to score the card.
    """

    environment: Environment
    threads: int
    fits: dict[str, Fit]
    passes: PassTimes | None
    network: NetworkRate | None
    left_out: dict[str, int] = field(default_factory=dict)
    held_out: bool = False

    @property
    def laws(self) -> dict[str, FittedLaw]:
        """Laws alone."""
        return {key: each.law for key, each in self.fits.items()}


def calibrate(journal: Journal, *, threads: int | None = None, hold_out: bool = False) -> Calibration:
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
    timings = for_fitting(timings) if hold_out else timings
    times = point_times(timings, journal.timings)
    fits, left_out = _fits(times)
    _require(journal, left_out, fits)
    laws = {key: each.law for key, each in fits.items()}
    timed = _timed_networks(times, journal.models)
    enough = len(timed) >= _LEAST_NETWORKS and all(name in laws for name in NEEDED)
    assert journal.environment is not None  # a journal without one is not read
    return Calibration(
        journal.environment,
        chosen,
        fits,
        fit_passes(timed, laws) if enough else None,
        _network_rate(timed) if enough else None,
        left_out,
        hold_out,
    )


def point_times(timings: Iterable[Timing], all_timings: Iterable[Timing]) -> dict[Point, float]:
    """One time for each point; the undisturbed reference is that of the whole file."""
    references = best_references(all_timings)
    return {point: settled(each, references[point.threads])[0] for point, each in by_point(timings).items()}


def data_of(operation: str, times: dict[Point, float]) -> Data:
    """Sizes and times of an operation."""
    points = list(times)
    sizes = tuple(Size(point.n, point.m, point.batch) for point in points)
    return Data(OPERATIONS[operation], sizes, np.array([times[point] for point in points]))


def _fits(times: dict[Point, float]) -> tuple[dict[str, Fit], dict[str, int]]:
    grouped: dict[tuple[str, str], dict[Point, float]] = {}
    for point, seconds in times.items():
        if not point.model:
            grouped.setdefault((point.dtype, point.op), {})[point] = seconds
    fits: dict[str, Fit] = {}
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
        floor = floors.get(dtype, 0.0) * _FLOOR * bool(OPERATIONS[op].flops(2, 2))
        fits[key] = fit(data_of(op, points), floor=floor, base=base.law if base else None)
        if op == "gemm":
            floors[dtype] = fits[key].law.work.limit
    return fits, left_out


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


def _require(journal: Journal, left_out: dict[str, int], fits: dict[str, Fit]) -> None:
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


def _timed_networks(times: dict[Point, float], models: dict[str, ModelSizes]) -> list[Passes]:
    found = []
    for name, sizes in models.items():
        phases = {point.op: seconds for point, seconds in times.items() if point.model == name}
        if {"forward_backward", *MEMORY} <= set(phases):
            found.append(Passes(sizes, phases))
    return found


def _network_rate(timed: list[Passes]) -> NetworkRate:
    """Launch and rate of ``network``, with the range they take when each network is left out."""
    counts = np.array([[float(len(each.model.layers)), _pass_flops(each.model)] for each in timed])
    seconds = np.array([each.seconds["forward_backward"] for each in timed])
    kept = [np.arange(len(timed)) != out for out in range(len(timed))]
    fits = [solve(counts, seconds).coefficients, *(solve(counts[k], seconds[k]).coefficients for k in kept)]
    errors = np.abs(np.log(counts @ fits[0] / seconds))
    # One rate for all kinds of layers is coarse: its range is what single networks would need.
    factor = math.exp(float(np.quantile(errors, 0.9)))
    launches = [max(float(each[0]), 1e-7) for each in fits]
    rates = [1 / max(float(each[1]), 1e-30) for each in fits]
    return NetworkRate(
        (launches[0], min(launches), max(launches)),
        (rates[0], min(min(rates), rates[0] / factor), max(max(rates), rates[0] * factor)),
        len(timed),
    )


def _pass_flops(model: ModelSizes) -> float:
    return sum(6.0 * each.rows * each.d * each.g for each in model.layers) + 3.0 * model.attention_flops


Progress = Callable[[str], None]


def stream_rates(law: FittedLaw) -> tuple[float, float, float]:
    """Bytes a second of element-wise work: from a matrix that leaves the caches, with the range over sizes from 256."""
    sizes = np.geomspace(256, max(law.domain[1], 512), 16)
    operation = OPERATIONS["ema"]
    rates = [12.0 * size**2 / law.seconds(operation, Size(round(float(size)), round(float(size)))) for size in sizes]
    return rates[-1], min(rates), max(rates)


def working_sizes(points: Iterable[Point]) -> list[float]:
    """Working sizes of some points."""
    return [working_size(Size(point.n, point.m, point.batch)) for point in points]
