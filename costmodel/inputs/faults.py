"""Faults of an input: where, what is wrong, what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: What is kept of a path and of a message; both can quote a file, and a file can hold a word of a megabyte.
_LONGEST_PATH: Final = 200
_LONGEST_MESSAGE: Final = 500


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong with an input.

    Attributes:
        origin: The file as the user named it, or the option that was given.
        line: Line in the file, from 1; 0 where the fault has no place in a file.
        column: Column, from 1.
        path: Keys from the top of the file, joined by dots; empty for the file as a whole.
        message: What is wrong and what would be right.
    """

    origin: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        """``file:line:column path message`` on one line, numbers and path left out where there are none."""
        place = f"{self.origin}:{self.line}:{self.column}" if self.line else f"{self.origin}:"
        parts = (place, shortened(self.path, _LONGEST_PATH), shortened(self.message, _LONGEST_MESSAGE))
        return " ".join(printable(part) for part in parts if part)


class InputError(Exception):
    """An input that cannot be used, with all its faults.

    Attributes:
        faults: At least one, in the order of the file.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(str(fault) for fault in self.faults))

    @classmethod
    def about(cls, origin: str, message: str, line: int = 0, column: int = 0) -> InputError:
        """An error with one fault that concerns the input as a whole or one place in it."""
        return cls([Fault(origin, line, column, "", message)])


def printable(text: str) -> str:
    r"""The text with escapes for what no terminal should get: control characters, line breaks, lone surrogates.

    >>> printable("a\nb")
    'a\\nb'
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "backslashreplace").decode("ascii")
        for each in text
    )


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and end where it has more than ``most`` characters.

    >>> shortened("from the beginning to the end", 20)
    'from the ... the end'
    """
    if len(text) <= most:
        return text
    end = (most - 5) // 2
    return f"{text[: most - 5 - end]} ... {text[len(text) - end :]}"
