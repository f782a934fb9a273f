"""Files that are written: whole, or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8 beside its file, then rename, so that a failed write leaves what was there.

    A device or pipe is written directly.

    Raises:
        OSError: It cannot be written; the error names this file, not the one beside it.
    """
    try:
        _write(path.resolve(), text)
    except OSError as error:
        error.filename = str(path)
        raise


def _write(target: Path, text: str) -> None:
    if target.exists() and not target.is_file():
        target.write_text(text, encoding="utf-8")
        return
    beside = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with beside.open("x", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            beside.chmod(target.stat().st_mode & 0o7777)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
