"""Wall time of whole commands, import included: ``python -m benchmarks.startup``.

Targets on two cores: help about 0.3 s, a projection about 1 s. Runs alternate, so that a drift of the machine meets all
commands alike; quote the medians and their ratio to a bare interpreter.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "bare interpreter": ["-c", "pass"],
    "import numpy and sympy": ["-c", "import numpy, sympy"],
    "costmodel --help": ["-m", "costmodel", "--help"],
    "costmodel counts imagenet_vit": ["-m", "costmodel", "counts", "imagenet_vit"],
    "costmodel project imagenet_vit": ["-m", "costmodel", "project", "imagenet_vit"],
}
ROUNDS = 9


def main() -> None:
    """Time every command in turn and print minimum, median and maximum."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS + 1):
        for name, arguments in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - start)
    bare = statistics.median(seconds["bare interpreter"][1:])
    for name, times in seconds.items():
        kept = times[1:]  # the first round fills the file cache
        median = statistics.median(kept)
        spread = f"min {min(kept):.3f}  median {median:.3f}  max {max(kept):.3f} s"
        print(f"{name:32s} {spread}  ({median / bare:.0f}x bare)")


if __name__ == "__main__":
    main()
