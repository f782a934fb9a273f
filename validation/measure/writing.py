"""Adding to a timing file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from validation.appending import LineFile
from validation.measure.journal import Journal, parse
from validation.measure.timings import SCHEMA, Environment


class TimingFile(LineFile):
    """A timing file that is locked until it is closed, or its process ends."""

    def __init__(self, file: Path) -> None:
        """Open and lock it; nothing that it holds is changed.

        Raises:
            InputError: It cannot be opened, or another process writes it.
        """
        super().__init__(file, '{"kind": "')  # as a header, Timing.as_dict and ModelSizes.as_dict begin

    def take_up(self, here: Environment) -> Journal:
        """What the file holds, a last line that a kill cut off taken off; a new file gets its header.

        Raises:
            InputError: It is no timing file; it is left as it is.
        """
        found = self.read(lambda text: parse(text, self.name) if text else Journal(self.name, here))
        if self.is_empty:
            self.append({"kind": "environment", "schema": SCHEMA, **asdict(here)})
        return found
