"""Trials on disk: JSON Lines, one flushed line a trial, so that a killed run loses the trial in flight at most."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]


def read(path: Path) -> list[Record]:
    """Complete records of a file; a line cut off by a kill is skipped, an absent file is empty.

    Raises:
        ValueError: a broken line that is not the last, which no kill explains.
    """
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return list(_parse(path, lines))


def _parse(path: Path, lines: list[str]) -> Iterator[Record]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            if any(later.strip() for later in lines[number:]):
                raise ValueError(f"{path}:{number}: not a record: {error}") from error


def append(path: Path, record: Record) -> None:
    """Add one record and force it to disk; a torn last line is cut off first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        file.seek(0, os.SEEK_END)
        size = file.tell()
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                file.seek(0)
                keep = file.read().rfind(b"\n") + 1
                file.truncate(keep)
        file.write(json.dumps(record, sort_keys=True).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
