"""The JavaScript and the styles that a page is made of, as they lie in this package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final


@cache
def asset(name: str) -> str:
    """Text of a file of this package."""
    return files("reports").joinpath(name).read_text(encoding="utf-8")


def script(*names: str) -> str:
    """Several files as one script."""
    return "\n".join(asset(name) for name in names)


#: What computes; what shows is apart from it.
ENGINE: Final = (
    "special.js",
    "formulas.js",
    "machines.js",
    "spectra.js",
    "evaluator.js",
    "feasibility.js",
    "projection.js",
)
