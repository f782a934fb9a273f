"""What ``predict`` shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from costmodel.projection.predict import Prediction
from costmodel.views.numbers import interval, scaled, seconds
from costmodel.views.table import Table


@dataclass(frozen=True, slots=True)
class PredictReport:
    """The time of one call."""

    prediction: Prediction

    def as_dict(self) -> dict[str, Any]:
        """What ``predict --format json`` prints."""
        return self.prediction.as_dict()

    def tables(self) -> list[Table]:
        """One row."""
        result = self.prediction
        time = result.time
        row = (result.operation, _size(result), result.dtype, scaled(time.median, "s"), interval(time), result.status)
        return [Table(f"one call on {result.card}", ("operation", "size", "type", "time", "90 %", "status"), (row,))]

    def records(self) -> list[dict[str, Any]]:
        """The JSON contract, flat."""
        found = self.as_dict()
        times = {f"time_s_{name}": value for name, value in found.pop("time_s").items()}
        return [{**found, **times}]


def sentence(result: Prediction) -> str:
    """A prediction in one line."""
    what = f"{result.operation} of {_size(result)}, {result.dtype}, on {result.card}"
    return f"{what}: {seconds(result.time)}, {result.status}"


def _size(result: Prediction) -> str:
    size = result.size
    rows = f"{size.m} x {size.n}"
    return f"{size.batch} of {rows}" if size.batch > 1 else rows
