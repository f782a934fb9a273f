"""Text files written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from costmodel.inputs.faults import InputError


def write_text(file: Path, text: str) -> None:
    """Write beside, then rename: a failure or a kill leaves what was there before.

    Raises:
        InputError: The file cannot be written.
    """
    beside = ""
    try:
        mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
        handle, beside = tempfile.mkstemp(prefix=f".{file.name[:40]}.", dir=file.parent)
        with open(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(beside, mode)
        os.replace(beside, file)
    except OSError as error:
        if beside:
            with contextlib.suppress(OSError):
                os.unlink(beside)
        raise InputError.about(str(file), f"cannot be written: {error.strerror}") from None
