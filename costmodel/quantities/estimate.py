"""Numbers with an interval and a status: where they come from, how they are drawn, how a result is summed up."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from costmodel.quantities.units import Unit

Draws = npt.NDArray[np.float64]

#: Standard normal deviate of the 95th percentile: intervals run from the 5th to the 95th.
DEVIATE_95: Final = 1.6448536269514722


class Status(StrEnum):
    """How far a number can be trusted, the most trusted first."""

    MEASURED = "measured"  # timed on the device it describes, or counted exactly
    INTERPOLATED = "interpolated"  # from a fit, inside the range of its data
    EXTRAPOLATED = "extrapolated"  # from a fit, outside that range: another size, another model, another network
    SOURCED = "sourced"  # somebody else's number, cited
    ASSUMED = "assumed"  # a guess with a range

    @property
    def rank(self) -> int:
        """Position in the order of trust, 0 for the most trusted."""
        return _RANKS[self]


_RANKS: Final = {status: rank for rank, status in enumerate(Status)}


def median(draws: Draws) -> float:
    """The median of some draws; numpy's own takes ten times as long for the few that most calls have.

    >>> median(np.array([3.0, 1.0, 2.0, 10.0]))
    2.5
    """
    low, high = (len(draws) - 1) // 2, len(draws) // 2
    ordered = np.partition(draws, (low, high))
    return float((ordered[low] + ordered[high]) / 2)


def medians(draws: Draws) -> Draws:
    """Medians along the last axis, NaN where a draw is one; numpy's own first imports all that masked arrays have.

    >>> medians(np.array([[3.0, 1.0, 2.0, 10.0], [1.0, np.nan, 1.0, 1.0]])).tolist()
    [2.5, nan]
    """
    count = draws.shape[-1]
    middle = count // 2
    ordered = np.partition(draws, middle)  # two positions take six times as long as one
    found = ordered[..., middle]
    if count % 2 == 0:
        found = (np.max(ordered[..., :middle], axis=-1) + found) / 2
    return np.asarray(np.where(np.isnan(np.max(draws, axis=-1)), np.nan, found))


def _quantiles(draws: Draws, shares: tuple[float, ...]) -> list[float]:
    """What ``np.quantile`` gives, to the last digit; its own way there takes twice as long as sorting some draws."""
    ordered = np.sort(draws)
    if np.isnan(ordered[-1]):  # the last in order
        return [math.nan] * len(shares)
    found = []
    for share in shares:
        position = share * (len(ordered) - 1)
        low, high = ordered[int(position)], ordered[min(int(position) + 1, len(ordered) - 1)]
        part = position - int(position)
        # From the nearer end, as numpy does.
        found.append(float(low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part)))
    return found


def weakest(statuses: Any) -> Status:
    """The least trusted of some statuses; exact counts alone are ``measured``."""
    return max(statuses, key=lambda status: status.rank, default=Status.MEASURED)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value of a card or a workload.

    Attributes:
        value: Nominal value in the SI unit.
        low: 5th percentile; equal to ``value`` where the number is exact.
        high: 95th percentile.
        unit: Unit of all three.
        status: How it was obtained.
        source: Paper, data sheet, measurement or reason.
        domain: Smallest and largest matrix size its data covers, for a fitted rate.
        stream: Quantities of one stream are drawn together, deviate by deviate; empty for one of its own.
    """

    value: float
    low: float
    high: float
    unit: Unit
    status: Status
    source: str
    domain: tuple[float, float] | None = None
    stream: str = ""

    def at(self, standard_normal: Draws) -> Draws:
        """The value at standard normal deviates: 0 gives ``value``, +-1.64 give ``high`` and ``low``.

        The two halves are lognormal where all values are positive, otherwise normal, cut off at zero. The spread of a
        rate known only as a range is a choice; the percentiles are what the card promises.
        """
        if self.low == self.high:
            return np.full_like(standard_normal, self.value)
        share = standard_normal / DEVIATE_95
        if self.low > 0:
            up, down = np.log(self.high / self.value), np.log(self.value / self.low)
            factor: Draws = np.exp(np.where(share > 0, share * up, share * down))
            return self.value * factor
        up, down = self.high - self.value, self.value - self.low
        return np.maximum(self.value + np.where(share > 0, share * up, share * down), 0.0)


#: Deviates of a stream that are drawn together: a stretch of a long stream is drawn without what comes before it.
_BLOCK: Final = 4096


def standard_normal(path: str, count: int, seed: int, start: int = 0) -> Draws:
    """The stream of standard normal deviates of a path, from some position on, shape (count,)."""
    first, last = start // _BLOCK, max(start + count - 1, start) // _BLOCK
    name = zlib.crc32(path.encode())
    blocks = []
    for block in range(first, last + 1):
        generator = np.random.default_rng([seed, name, block] if block else [seed, name])
        blocks.append(generator.standard_normal(min(_BLOCK, start + count - block * _BLOCK)))
    return np.concatenate(blocks)[start - first * _BLOCK :]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A quantity with its 90 % interval and how far it can be trusted."""

    median: float
    p05: float
    p95: float
    status: Status  # the weakest status among the inputs that matter

    @classmethod
    def of(cls, draws: Draws, status: Status) -> Estimate:
        """Median and 5th and 95th percentile of some draws."""
        p05, median, p95 = _quantiles(draws, (0.05, 0.5, 0.95))
        return cls(median, p05, p95, status)

    def as_dict(self) -> dict[str, float | str]:
        """The entries of the JSON contract."""
        return {"median": self.median, "p05": self.p05, "p95": self.p95, "status": self.status.value}
