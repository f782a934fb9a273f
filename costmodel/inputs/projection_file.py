"""Earlier projections: what ``project --format json`` printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from costmodel.defaults import SCHEMA
from costmodel.inputs.faults import Fault, InputError

_KEYS: Final = ("model", "digital", "analog", "scenario", "draws", "seed", "methods", "assumptions", "best_digital")
_MOST_BYTES: Final = 200_000_000


def read_projection(file: Path) -> dict[str, Any]:
    """Read a projection.

    Raises:
        InputError: It cannot be read, is no JSON, no projection, or of another schema.
    """
    origin = str(file)
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise InputError.about(origin, f"is larger than {_MOST_BYTES / 1e6:g} MB; it is no projection")
        found = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise InputError.about(origin, f"not valid JSON: {error.msg.lower()}", error.lineno, error.colno) from None
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "not UTF-8 text, or nested too deeply"
        raise InputError.about(origin, f"cannot be read: {reason}") from None
    if not isinstance(found, dict) or not {"schema", "methods"} <= set(found):
        raise InputError.about(origin, "is no projection; was it printed by project --format json?")
    if found["schema"] != SCHEMA:
        message = f"is a projection of schema {found['schema']}; this version reads {SCHEMA}: project it anew"
        raise InputError.about(origin, message)
    missing = [Fault(origin, 0, 0, key, "is missing") for key in _KEYS if key not in found]
    if missing:
        raise InputError(missing)
    return found
