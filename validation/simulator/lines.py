"""JSON Lines on disk, one flushed line a trial, so that a killed run loses the trial in flight at most."""

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

#: What a line says.
Line = dict[str, Any]

#: More is no file of trials.
MAXIMUM_BYTES: Final = 200_000_000


class BrokenTrialsError(ValueError):
    """Trials that cannot be read or used: one line a fault, ``file:line: what is wrong``."""


def read(path: Path, check: Callable[[Line], str | None] | None = None) -> list[Line]:
    """Complete records of a file; a line cut off by a kill is skipped, an absent file is empty.

    Args:
        path: The file.
        check: Says what is wrong with a record; None where nothing is.

    Raises:
        BrokenTrialsError: The file cannot be read, or has broken lines that are not the last, which no kill explains.
    """
    if not path.exists():
        return []
    try:
        if not path.is_file() or path.stat().st_size > MAXIMUM_BYTES:
            raise BrokenTrialsError(f"{path}: no file of trials, or one of more than {MAXIMUM_BYTES / 1e6:g} MB")
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise BrokenTrialsError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise BrokenTrialsError(f"{path}: not UTF-8 text") from error
    records: list[Line] = []
    faults: list[str] = []
    for number, parsed in _parse(lines):
        fault = parsed if isinstance(parsed, str) else check(parsed) if check else None
        if fault is not None:
            faults.append(f"{path}:{number}: {fault}")
        elif isinstance(parsed, dict):
            records.append(parsed)
    if faults:
        raise BrokenTrialsError("\n".join(faults))
    return records


def _parse(lines: list[str]) -> Iterator[tuple[int, Line | str]]:
    """Line numbers with the record there, or with what is wrong with it."""
    last = max((number for number, line in enumerate(lines, 1) if line.strip()), default=0)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number != last:
                yield number, f"not a record: {str(error).split(': line')[0]}"
            continue
        yield (
            number,
            found if isinstance(found, dict) else f"not a record: {type(found).__name__} in place of an object",
        )


def missing_or_wrong(record: Line, fields: Mapping[str, type | tuple[type, ...]]) -> str | None:
    """Which fields of a record are missing, of another type, or no finite number."""
    faults = [name for name, kind in fields.items() if not _is(record.get(name), kind)]
    return f"missing or wrong: {', '.join(faults)}" if faults else None


def _is(value: Any, kind: type | tuple[type, ...]) -> bool:
    if isinstance(value, bool) or not isinstance(value, kind):
        return False
    return not isinstance(value, int | float) or (abs(value) < 1e300 and math.isfinite(value))


def append(path: Path, record: Line) -> None:
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
