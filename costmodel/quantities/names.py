"""Messages for names that nobody knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

#: Names of older files, with what took their place.
REPLACED: Final[Mapping[str, tuple[str, ...]]] = {
    "relative_error": (
        "sampling_tolerance",
        "settling_tolerance",
        "coupling_tolerance",
        "reading_tolerance",
        "mismatch_tolerance",
    ),
}
#: What a message quotes of a name at most.
_MOST_QUOTED = 60
#: Characters of a list of names: a message is one line, and what is cut off it must not be half a name.
_MOST_LISTED = 380


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """The message for a name nobody knows, with the nearest known one, or with those that took its place.

    >>> unknown("operation", "gem", ["gemm", "eigh"])
    "unknown operation 'gem'; did you mean 'gemm'?"
    """
    names = tuple(sorted(known))
    nearest, new = nearest_name(name, names), replacements(name, names)
    hint = f"did you mean '{nearest}'?" if nearest else f"known are {_listed(names)}"
    if new:
        hint = f"in its place there is one for each flaw: {', '.join(new)}"
    quoted = name if len(name) <= _MOST_QUOTED else f"{name[: _MOST_QUOTED - 3]}..."
    return f"unknown {what} '{quoted}'; {hint}"


def replacements(name: str, known: Iterable[str]) -> list[str]:
    """Known names that took the place of an older one, in the order in which they are to be told.

    >>> replacements("kfac.relative_error", ["kfac.damping", "kfac.sampling_tolerance"])
    ['kfac.sampling_tolerance']
    """
    by_leaf = {each.rpartition(".")[2]: each for each in known}
    return [by_leaf[leaf] for leaf in REPLACED.get(name.rpartition(".")[2], ()) if leaf in by_leaf]


def _listed(names: tuple[str, ...]) -> str:
    """Whole names in order, as many as have room, and how many there are beside."""
    shown, room = 0, _MOST_LISTED
    for name in names:
        room -= len(name) + 2
        if room < 0:
            break
        shown += 1
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {rest} more" if rest else "")


@lru_cache(maxsize=1024)
def nearest_name(name: str, names: tuple[str, ...]) -> str | None:
    """The known name that a mistyped one is most like, if any is: the shortest that it begins, or the nearest spelled.

    >>> nearest_name("h100", ("h100-sxm", "v100"))
    'h100-sxm'
    """
    begun = [each for each in names if name and each.startswith(name)]
    if begun:
        return min(begun, key=len)
    return next(iter(difflib.get_close_matches(name, names, n=1, cutoff=0.5)), None)
