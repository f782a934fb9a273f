"""Files that are written: whole, or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8; as :func:`write_bytes`.

    Raises:
        OSError: It cannot be written.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write beside a file, then rename, so that a failed write leaves what was there.

    A device or pipe is written directly.

    Raises:
        OSError: It cannot be written; the error names this file, not the one beside it.
    """
    try:
        _write(path.resolve(), data)
    except OSError as error:
        error.filename = str(path)
        raise


def _write(target: Path, data: bytes) -> None:
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    beside = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with beside.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            beside.chmod(target.stat().st_mode & 0o7777)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
