"""Wall time of whole commands, import included: ``python -m benchmarks.startup``.

Bytecode is cached, as it is for the packages that a command is compared with, whatever the environment says.

Targets: a projection under 2.5 times the import of numpy and sympy, and under 1.5 s with 2 000 draws for a model of
Llama-70B's shape. Runs alternate, so that a drift of the machine meets all commands alike; the ratios are medians over
rounds of a command to the import in the same round.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

LARGE: Final = str(Path(__file__).with_name("llama_70b.yaml"))
IMPORT: Final = "import numpy and sympy"
COMMANDS: Final = {
    "bare interpreter": ["-c", "pass"],
    IMPORT: ["-c", "import numpy, sympy"],
    "costmodel --help": ["-m", "costmodel", "--help"],
    "costmodel counts imagenet_vit": ["-m", "costmodel", "counts", "imagenet_vit"],
    "costmodel project imagenet_vit": ["-m", "costmodel", "project", "imagenet_vit"],
    "costmodel project of Llama-70B": ["-m", "costmodel", "project", LARGE, "--draws", "2000"],
}
ROUNDS: Final = 9


def main() -> None:
    """Time every command in turn and print minimum, median and maximum, and its ratio to the import."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": cache}
        for _ in range(ROUNDS + 1):
            for name, arguments in COMMANDS.items():
                start = time.perf_counter()
                subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=environment)
                seconds[name].append(time.perf_counter() - start)
    kept = {name: times[1:] for name, times in seconds.items()}  # the first round fills both caches
    for name, times in kept.items():
        spread = f"min {min(times):.3f}  median {statistics.median(times):.3f}  max {max(times):.3f} s"
        ratio = statistics.median(each / base for each, base in zip(times, kept[IMPORT], strict=True))
        print(f"{name:32s} {spread}  ({ratio:.2f}x the import)")


if __name__ == "__main__":
    main()
