"""Faults of an input: where, what is wrong, what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from costmodel.inputs.texts import printable, shortened


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
        """``file:line:column path message`` on one line, numbers and path left out where there are none.

        Path and message can quote the file, and a file can hold a word of a megabyte, so both are cut.
        """
        place = f"{self.origin}:{self.line}:{self.column}" if self.line else f"{self.origin}:"
        parts = (place, shortened(self.path, 200), shortened(self.message, 500))
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
