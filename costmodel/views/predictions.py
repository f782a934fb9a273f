"""A predicted time as a table and as records."""

from __future__ import annotations

from typing import Any

from costmodel.projection.predict import Prediction
from costmodel.views.numbers import interval, scaled
from costmodel.views.table import Table


def prediction_tables(result: Prediction) -> list[Table]:
    """One row."""
    time = result.time
    row = (result.operation, _size(result), result.dtype, scaled(time.median, "s"), interval(time), result.status)
    return [Table(f"one call on {result.card}", ("operation", "size", "type", "time", "90 %", "status"), (row,))]


def prediction_records(result: Prediction) -> list[dict[str, Any]]:
    """The JSON contract, flat."""
    found = result.as_dict()
    times = {f"time_s_{name}": value for name, value in found.pop("time_s").items()}
    return [{**found, **times}]


def _size(result: Prediction) -> str:
    size = result.size
    rows = f"{size.m} x {size.n}"
    return f"{size.batch} of {rows}" if size.batch > 1 else rows
