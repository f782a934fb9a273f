"""Earlier projections: what ``project --format json`` printed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from costmodel.defaults import SCHEMA
from costmodel.inputs.arguments import refuse
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
    refuse([Fault(origin, 0, 0, key, "is missing") for key in _KEYS if key not in found])
    refuse([Fault(origin, 0, 0, path, "is not as project --format json prints it") for path in _misshapen(found)])
    return found


def _misshapen(found: Mapping[str, Any]) -> Iterator[str]:
    """Paths of what is compared and is of another shape: names, times above zero, values of inputs."""
    yield from (key for key in ("model", "digital", "analog") if "name" not in _mapping(found[key]))
    methods = _mapping(found["methods"])
    if not methods:
        yield "methods"
    for name, each in methods.items():
        times = _mapping(_mapping(each).get("step_time_s"))
        phases = _mapping(_mapping(each).get("phases"))
        medians = [_mapping(phase).get("median") for phase in phases.values()]
        if not (
            all(_is_number(times.get(key), least=1e-300) for key in ("median", "p05", "p95")) and "status" in times
        ):
            yield f"methods.{name}.step_time_s"
        if not medians or not all(_is_number(median) for median in medians):
            yield f"methods.{name}.phases"
    inputs = found["assumptions"]
    if not isinstance(inputs, list) or not all({"path", "value", "unit"} <= set(_mapping(each)) for each in inputs):
        yield "assumptions"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_number(value: object, least: float = 0.0) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value >= least
