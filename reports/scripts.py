"""The JavaScript and the styles that a page is made of, as they lie in this package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def asset(name: str) -> str:
    """Text of a file of this package."""
    return files("reports").joinpath(name).read_text(encoding="utf-8")


def script(*names: str) -> str:
    """Several files as one script."""
    return "\n".join(asset(name) for name in names)
