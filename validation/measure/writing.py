"""Adding to a timing file: by one process at a time, and so that neither a kill nor a full disk costs a record."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

from costmodel.inputs.faults import InputError
from validation.measure.journal import Journal, parse
from validation.measure.timings import SCHEMA, Environment

_T = TypeVar("_T")
#: How a line of :func:`header`, ``Timing.as_dict`` or ``ModelSizes.as_dict`` begins.
_START: Final = '{"kind": "'


class TimingFile:
    """A timing file that is locked until it is closed, or its process ends."""

    def __init__(self, file: Path) -> None:
        """Open and lock it; nothing that it holds is changed.

        Raises:
            InputError: It cannot be opened, or another process writes it.
        """
        self._name = str(file)
        self._stream: BinaryIO = self._do("cannot be written", lambda: _open(file))
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._stream.close()
            raise InputError.about(self._name, "another measure is writing it; choose another --out") from None

    def take_up(self, here: Environment) -> Journal:
        """What the file holds, a last line that a kill cut off taken off; a new file gets its header.

        Raises:
            InputError: It is no timing file; it is left as it is.
        """
        data = self._do("cannot be read", lambda: Path(self._name).read_bytes())
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError.about(self._name, "cannot be read: not UTF-8 text") from None
        head, _, tail = text.rpartition("\n")
        whole = text if not tail or _complete(tail) else head + "\n" if head else ""
        if whole != text and not tail.startswith(_START) and not _START.startswith(tail):
            whole = text  # no kill leaves such a line: the reader says what is wrong with it
        found = parse(whole, self._name) if whole else Journal(self._name, here)
        if whole != text:
            # Cutting off rewrites nothing that is kept, and keeps the file that the lock is on.
            self._do("cannot be repaired", lambda: self._stream.truncate(len(whole.encode())))
        elif tail:
            self._do("cannot be written", lambda: self._write(b"\n"))
        if not whole:
            self.append({"kind": "environment", "schema": SCHEMA, **asdict(here)})
        return found

    def append(self, record: dict[str, Any]) -> None:
        """Add one record, or none of it.

        Raises:
            InputError: It cannot be written, as on a full disk.
        """
        self._do("cannot be written", lambda: self._write((json.dumps(record) + "\n").encode()))

    def close(self) -> None:
        """Let others write it."""
        self._stream.close()

    def _write(self, line: bytes) -> None:
        size = os.fstat(self._stream.fileno()).st_size
        try:
            rest = line
            while rest:
                rest = rest[os.write(self._stream.fileno(), rest) :]
        except OSError:
            self._stream.truncate(size)
            raise

    def _do(self, what: str, action: Callable[[], _T]) -> _T:
        try:
            return action()
        except OSError as error:
            raise InputError.about(self._name, f"{what}: {error.strerror}") from None


def _open(file: Path) -> BinaryIO:
    if file.exists() and not (file.is_dir() or stat.S_ISREG(file.stat().st_mode)):
        raise InputError.about(str(file), "cannot be written: it is not a regular file")
    return file.open("ab", buffering=0)


def _complete(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
