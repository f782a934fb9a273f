"""Runs of three wide tasks on a GPU, in the form of this study's own.

The file has its own names: `settle` filters an inverse from n systems, `bits` round the factor, `deflate+bits` do so
after the top mode was removed. One error of the direction a run.
"""

from pathlib import Path
from typing import Final

from validation.simulator.lines import Line, read

_FAMILIES: Final = {"settle": "column", "sample": "sample", "bits": "in", "deflate+bits": "ind"}


def arm_of(name: str) -> str:
    """This study's name of an arm.

    >>> arm_of("deflate+bits:8"), arm_of("exact"), arm_of("settle:0.6")
    ('ind 8', 'kfac', 'column 0.6')
    """
    if name in ("exact", "adam"):
        return "kfac" if name == "exact" else name
    family, level = name.split(":")
    return f"{_FAMILIES[family]} {float(level):g}"


def wide_runs(path: Path) -> list[Line]:
    """Runs that are no tuning."""
    return [
        {
            "task": r["task"],
            "arm": arm_of(r["arm"]),
            "seed": r["seed"],
            "steps": r["steps"],
            "limit": r["limit"],
            "hyper": {name: r[name] for name in ("lr", "beta2", "damping", "clip") if r.get(name) is not None},
            "directions": [] if r["direction_error"] is None else [{"error": r["direction_error"]}],
        }
        for r in read(path)
        if not r["tuning"]
    ]
