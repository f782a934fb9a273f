"""Messages for names that nobody knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache

#: What a message quotes of a name at most.
_MOST_QUOTED = 60
#: Characters of a list of names: a message is one line, and what is cut off it must not be half a name.
_MOST_LISTED = 380


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """The message for a name nobody knows, with the nearest known one.

    >>> unknown("operation", "gem", ["gemm", "eigh"])
    "unknown operation 'gem'; did you mean 'gemm'?"
    """
    names = tuple(sorted(known))
    nearest = nearest_name(name, names)
    hint = f"did you mean '{nearest}'?" if nearest else f"known are {_listed(names)}"
    quoted = name if len(name) <= _MOST_QUOTED else f"{name[: _MOST_QUOTED - 3]}..."
    return f"unknown {what} '{quoted}'; {hint}"


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
