"""One million points of a step time, against numpy written by hand: ``python -m benchmarks.million_points``.

Both evaluate Method 2 for one factor at a million random sizes, condition numbers, relaxation times and bandwidths. The
formula also checks every value against its symbol's domain. Target: no slower, below 1 GB of memory.
"""

from __future__ import annotations

import resource
import statistics
import time

import numpy as np

from costmodel import formulas

POINTS = 1_000_000
ROUNDS = 7
CONSTANTS = {"b_in": 8.0, "b_out": 8.0, "t_l": 1e-6, "t_w": 1e-8, "f_c": 1e8, "n_c": 64.0, "nu": 1e-9, "epsilon": 0.1}


def by_hand(n: np.ndarray, kappa: np.ndarray, tau: np.ndarray, W: np.ndarray) -> np.ndarray:
    """What somebody would type who knows the formula."""
    b_in, b_out, t_l, t_w, f_c, n_c, nu, epsilon = CONSTANTS.values()
    upload = np.maximum(t_l + n**2 * b_in / W, n * t_w)
    settle = n * tau * kappa * np.log(1 / epsilon)
    average = 2 * n**2 * kappa**2 * nu * tau / epsilon**2
    readout = np.maximum(t_l + n**2 * b_out / W, n**2 / (n_c * f_c))
    return upload + t_l + n**2 * b_in / W + settle + average + readout


def main() -> None:
    """Time both in turn and print the ratio of the medians and the peak memory."""
    generator = np.random.default_rng(0)
    points = {
        "n": generator.uniform(64, 8192, POINTS),
        "kappa": generator.uniform(1, 1000, POINTS),
        "tau": generator.uniform(1e-9, 1e-6, POINTS),
        "W": generator.uniform(1e9, 1e12, POINTS),
    }
    formula = formulas.get("thermo.solve.time")
    assert np.allclose(formula.evaluate(**points, **CONSTANTS), by_hand(**points), rtol=1e-12)
    seconds: dict[str, list[float]] = {"formula": [], "by hand": []}
    for _ in range(ROUNDS):
        for name, run in (
            ("formula", lambda: formula.evaluate(**points, **CONSTANTS)),
            ("by hand", lambda: by_hand(**points)),
        ):
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    ratio = medians["formula"] / medians["by hand"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"formula {medians['formula']:.3f} s, by hand {medians['by hand']:.3f} s, ratio {ratio:.2f}; peak {peak:.2f} GB"
    )


if __name__ == "__main__":
    main()
