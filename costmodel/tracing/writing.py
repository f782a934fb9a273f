"""Model files as text, one entry a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

#: Words that YAML takes for text whatever stands around them.
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_OTHERWISE: Final = {"true", "false", "null"}


def model_text(model: Mapping[str, Any], comments: Sequence[str] = ()) -> str:
    """A model file.

    Args:
        model: Its keys; values other than ``layers`` stand on one line each.
        comments: Lines above it.
    """
    lines = [f"# {line}" for line in comments]
    lines += [f"{key}: {_flow(value)}" for key, value in model.items() if key != "layers"]
    lines += ["layers:", *_entries(model["layers"], "  ")]
    return "\n".join(lines) + "\n"


def _entries(entries: Sequence[Mapping[str, Any]], indent: str) -> Iterator[str]:
    for entry in entries:
        if "repeat" not in entry:
            yield f"{indent}- {_flow(entry)}"
            continue
        keys = [f"{key}: {_flow(value)}" for key, value in entry.items() if key != "layers"]
        yield f"{indent}- {keys[0]}"
        yield from (f"{indent}  {key}" for key in [*keys[1:], "layers:"])
        yield from _entries(entry["layers"], indent + "    ")


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(each) for each in value) + "]"
    if isinstance(value, str) and _WORD.fullmatch(value) and value.lower() not in _OTHERWISE:
        return value
    return json.dumps(value, ensure_ascii=False)
