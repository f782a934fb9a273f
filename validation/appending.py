"""Adding to a file of JSON Lines: one process at a time, and so that neither a kill nor a full disk costs a record."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from costmodel.inputs.faults import InputError

_T = TypeVar("_T")


class LineFile:
    """A file of JSON Lines that is locked until it is closed, or its process ends."""

    def __init__(self, file: Path, start: str) -> None:
        """Open and lock it; nothing that it holds is changed.

        Args:
            file: Made where it is missing.
            start: How each of its lines begins, by which a line that a kill cut off is known.

        Raises:
            InputError: It cannot be opened, or another process writes it.
        """
        self.name, self._start = str(file), start
        self._stream: BinaryIO = self._do("cannot be written", lambda: _open(file))
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._stream.close()
            raise InputError.about(self.name, "another measure is writing it; choose another --out") from None

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing."""
        return os.fstat(self._stream.fileno()).st_size == 0

    def read(self, parse: Callable[[str], _T]) -> _T:
        """What the file holds, a last line that a kill cut off taken off.

        Args:
            parse: Reads its text, and raises an :class:`InputError` where that is another format; the file is then
                left as it is.
        """
        data = self._do("cannot be read", lambda: Path(self.name).read_bytes())
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError.about(self.name, "cannot be read: not UTF-8 text") from None
        head, _, tail = text.rpartition("\n")
        whole = text if not tail or _complete(tail) else head + "\n" if head else ""
        if whole != text and not tail.startswith(self._start) and not self._start.startswith(tail):
            whole = text  # no kill leaves such a line: the reader says what is wrong with it
        found = parse(whole)
        if whole != text:
            # Cutting off rewrites nothing that is kept, and keeps the file that the lock is on.
            self._do("cannot be repaired", lambda: self._stream.truncate(len(whole.encode())))
        elif tail:
            self._do("cannot be written", lambda: self._write(b"\n"))
        return found

    def append(self, record: Mapping[str, Any]) -> None:
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
            raise InputError.about(self.name, f"{what}: {error.strerror}") from None


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
