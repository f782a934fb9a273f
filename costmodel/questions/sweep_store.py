"""What a sweep keeps on disk while it runs: a journal that says which sweep it is, and one file a finished chunk.

A chunk's file is written beside its name and renamed, so it is there whole or not at all; the output is put together
from all of them at the end and renamed in the same way. Whatever ends a run, the same command goes on from what is
there, and nothing is lost or doubled.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from costmodel.inputs.faults import InputError
from costmodel.inputs.files import write_bytes, write_text
from costmodel.quantities.estimate import Draws

#: Version of the journal.
_JOURNAL: Final = 1


class Store:
    """The files of one sweep.

    Args:
        out: The file that is wanted.
        fingerprint: Of the sweep.
        count: How many chunks it has.
    """

    def __init__(self, out: Path, fingerprint: str, count: int) -> None:
        self.out, self._fingerprint, self.count = out, fingerprint, count
        self.journal = out.with_name(f"{out.name}.sweep.json")
        self.parts = out.with_name(f"{out.name}.parts")

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the sweep, so that a second run of it does not write beside this one.

        Raises:
            InputError: The files are those of another sweep, another run holds them, or they cannot be written.
        """
        self._refuse_another()
        with self.guarded():
            self.parts.mkdir(parents=False, exist_ok=True)
            lock: IO[bytes] = (self.parts / "lock").open("ab")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError.about(str(self.out), "is being written by another run of this sweep") from None
            with self.guarded():
                if not self.journal.exists():
                    write_text(self.journal, json.dumps({"schema": _JOURNAL, "fingerprint": self._fingerprint}) + "\n")
                for left in self.parts.glob(".*.part"):
                    left.unlink()
            yield

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """Say what a failed write means: a full disk, a folder that is not there or may not be written.

        Raises:
            InputError: A write failed.
        """
        try:
            yield
        except OSError as error:
            done = len(self.done()) if self.parts.is_dir() else 0
            kept = f"; {done} of {self.count} chunks are kept, the same command goes on from there" if done else ""
            raise InputError.about(str(self.out), f"cannot be written: {error.strerror or error}{kept}") from None

    @property
    def finished(self) -> bool:
        """Whether the output is there, whole."""
        return self.out.exists() and self._known() == self._fingerprint

    def _known(self) -> str | None:
        """Fingerprint of the sweep whose journal is there; None where there is none, or it cannot be read."""
        try:
            found = json.loads(self.journal.read_text(encoding="utf-8"))
            return str(found["fingerprint"]) if found["schema"] == _JOURNAL else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _refuse_another(self) -> None:
        if self.out.is_dir():
            raise InputError.about(str(self.out), "is a directory; give a file, .parquet or .csv")
        if not self.out.parent.is_dir():
            raise InputError.about(str(self.out), f"cannot be written: no directory {self.out.parent}")
        if self._known() == self._fingerprint:
            return
        if self.out.exists() or self.journal.exists() or self.parts.exists():
            kind = "is of another sweep, or of another version of it" if self.journal.exists() else "exists"
            message = f"{kind}; give another --out, or --restart to throw it away"
            raise InputError.about(str(self.out), message)

    def forget(self) -> None:
        """Throw away the output and all chunks."""
        with self.guarded():
            self.out.unlink(missing_ok=True)
            self.tidy()
            self.journal.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove the chunks."""
        if self.parts.is_dir():
            shutil.rmtree(self.parts)

    # --- chunks ------------------------------------------------------------------------------------------------

    def done(self) -> set[int]:
        """Numbers of the chunks that are there."""
        return {int(file.stem) for file in self.parts.glob("[0-9]*.npy")}

    def keep(self, number: int, values: Draws) -> None:
        """Write a chunk.

        Raises:
            InputError: It cannot be written; what was there is there.
        """
        buffer = io.BytesIO()
        np.save(buffer, values, allow_pickle=False)
        with self.guarded():
            write_bytes(self._part(number), buffer.getvalue())

    def values(self, number: int, shape: Sequence[int]) -> Draws:
        """Read a chunk.

        Raises:
            InputError: It is damaged; it is thrown away, so that the same command makes it anew.
        """
        file = self._part(number)
        try:
            found: Any = np.load(file, allow_pickle=False)
            if found.shape != tuple(shape):
                raise ValueError
        except (OSError, ValueError, EOFError):
            file.unlink(missing_ok=True)
            raise InputError.about(
                str(file), "was damaged and is thrown away; the same command makes it anew"
            ) from None
        return np.asarray(found)

    def _part(self, number: int) -> Path:
        return self.parts / f"{number:08d}.npy"
