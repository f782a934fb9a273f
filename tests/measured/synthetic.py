"""Timings whose law is known: a launch, a saturating rate, alignment steps, a switch of algorithm, stalls."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from costmodel.machines.operations import OPERATIONS
from costmodel.machines.sizes import Size, working_size
from validation.fit.selection import Data

HEADER = {
    "kind": "environment", "schema": 1, "device": "cpu", "name": "test processor", "cores": 2, "torch": "2.13.0",
    "blas": "mkl", "driver": "", "clock_mhz": 0.0,
}  # fmt: skip
SIZES = (16, 24, 33, 48, 64, 80, 97, 128, 129, 150, 192, 225, 256, 300, 385, 418, 512, 513, 600, 640, 700, 769, 900,
         1000, 1024, 1025, 1100, 1281, 1500, 1536)  # fmt: skip


def saturating(n: float) -> float:
    """Seconds a FLOP of a device that reaches half of 100 GFLOP/s at n = 100."""
    return 1e-11 * (1 + (100 / n) ** 1.5)


def timed(operation: str, sizes: tuple[int, ...], per_flop: Callable[[int], float], launch: float = 3e-6) -> Data:
    """Exact times of a law given by its seconds a FLOP."""
    each = OPERATIONS[operation]
    seconds = [launch + (each.flops(n, n) or each.elements(n, n)) * per_flop(n) for n in sizes]
    return Data(each, tuple(Size(n, n) for n in sizes), np.array(seconds))


def timing_line(op: str, n: int, seconds: float, visit: int = 0, **changes: object) -> dict[str, object]:
    """A line of a timing file; no keyword can be forgotten."""
    line: dict[str, object] = {
        "kind": "timing", "op": op, "dtype": "float32", "threads": 1, "n": n, "m": n, "batch": 1, "model": "",
        "round": visit, "calls": 9, "min_s": seconds, "q1_s": seconds, "median_s": seconds, "q3_s": seconds,
        "cpu_share": 1.0, "cpu_s": 0.0, "reference_s": 1e-3,
    }  # fmt: skip
    return {**line, **changes}


def write(file: Path, lines: list[dict[str, object]]) -> Path:
    """A timing file with a header."""
    file.write_text("".join(json.dumps(line) + "\n" for line in [HEADER, *lines]))
    return file


def full_file(
    file: Path, operations: tuple[str, ...] = ("gemm", "cholesky", "cholesky_inverse", "eigh", "ema")
) -> Path:
    """Two visits to every size of the operations a projection needs."""
    lines = []
    for op in operations:
        for n in SIZES:
            each = OPERATIONS[op]
            seconds = 3e-6 + (each.flops(n, n) or 20 * each.elements(n, n)) * saturating(working_size(Size(n, n)))
            lines += [timing_line(op, n, seconds, visit) for visit in range(2)]
    return write(file, lines)
