"""Products of a GPU in other precisions than float32, each call waited for: a file of their own."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

from validation.measure.timings import Point

PRECISIONS: Final = ("tf32", "bfloat16")
#: Operations by the file's names; X^T X runs over k rows.
OPERATIONS: Final = {"gemm": "gemm", "factor_gram": "gemm_symmetric"}


def read_products(file: Path, precision: str, *, held_out: bool = False) -> dict[Point, float]:
    """Seconds of products in a precision: those that laws may read, or the third of the sizes that they may not."""
    with file.open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["dtype"] == precision]
    points = {
        Point(OPERATIONS[row["op"]], precision, 1, int(row["n"]), int(row["k" if row["op"] != "gemm" else "m"])): float(
            row["median_s"]
        )
        for row in rows
    }
    return {point: seconds for point, seconds in points.items() if (point.n % 3 == 2) is held_out}
