"""Ten million points of a method's step time, streamed: ``python -m benchmarks.ten_million_points [MODEL]``.

Points differ in relaxation time, link, bits and arrays at random, and two threads share them. Target: one method of the
perceptron under 20 s on two cores, below 1 GB of memory. A vision transformer takes three times as long.
"""

from __future__ import annotations

import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from costmodel.inputs.loading import load_analog, load_digital, load_workload
from costmodel.projection.points import Points

POINTS = 10_000_000
PIECE = 250_000
METHODS = ("kfac.cholesky", "thermo.inverse", "thermo.solve")


def piece(points: Points, number: int) -> float:
    """The least time of one piece; its points are made on the spot, as a sweep makes them."""
    generator = np.random.default_rng(number)
    columns = {
        "analog.relaxation_time": 10 ** generator.uniform(-9, -6, PIECE),
        "analog.link_bandwidth": 10 ** generator.uniform(9, 13, PIECE),
        "analog.arrays": np.floor(2 ** generator.uniform(0, 10, PIECE)),
        "analog.input_bits": generator.integers(4, 17, PIECE).astype(float),
    }
    return min(float(each.min()) for _, costs in points.chunks(columns) for each in costs.step.values())


def main() -> None:
    """Time each method and print microseconds a point, seconds and the peak of memory."""
    model = sys.argv[1] if len(sys.argv) > 1 else "mlp"
    case = load_workload(model), load_digital("h100-sxm"), load_analog("tngd-2024")
    for method in METHODS:
        points = Points(*case, methods=[method])
        points.evaluate({})
        start = time.perf_counter()
        with ThreadPoolExecutor(2) as threads:
            best = min(threads.map(lambda number: piece(points, number), range(POINTS // PIECE)))  # noqa: B023
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"{model} {method}: {seconds:.1f} s, {seconds / POINTS * 1e6:.2f} us a point; peak {peak:.2f} GB", end="; "
        )
        print(f"the least step takes {best:.3g} s")


if __name__ == "__main__":
    main()
