"""A model file with another section ``kfac.curvature``; all else stays as it was written."""

from __future__ import annotations

from typing import Any, Final

from costmodel.inputs.card_writer import written
from costmodel.inputs.faults import InputError
from costmodel.inputs.yaml_reader import Document, parse_yaml

_COMMENT: Final = "curvature by `python -m costmodel curvature fit`"


def with_curvature(document: Document, text: str, section: dict[str, Any]) -> str:
    """The text of a model file with a section put in place of what it says of its layers' curvature.

    Lines outside ``kfac`` are kept with their comments. A file that is not written as one key a line at its top is
    written anew.

    Args:
        document: The file, which has no faults.
        text: Its text.
        section: ``curvature`` of ``kfac``.
    """
    kfac = {**(document.data.get("kfac") or {}), "curvature": section}
    wanted = {**document.data, "kfac": kfac}
    block = written({"kfac": kfac}, _COMMENT)
    lines = text.splitlines(keepends=True)
    first, last = _section(document, lines)
    before = "".join(lines[:first])
    replaced = before + ("" if not before or before.endswith("\n") else "\n") + block + "".join(lines[last:])
    return replaced if _says(replaced, wanted) else written(wanted, _COMMENT)


def _section(document: Document, lines: list[str]) -> tuple[int, int]:
    """Lines of the section ``kfac``, the first and the one after the last; before ``layers`` where there is none."""
    starts = sorted(place[0] - 1 for path, place in document.places.items() if len(path) == 1)
    if ("kfac",) not in document.places:
        at = document.places.get(("layers",), (len(lines) + 1, 1))[0] - 1
        return at, at
    first = document.places["kfac",][0] - 1
    last = next((start for start in starts if start > first), len(lines))
    while last > first + 1 and lines[last - 1].lstrip().startswith(("#", "\n", "\r")):
        last -= 1  # comments above the next key are that key's
    return (first - 1 if first and lines[first - 1].strip() == f"# {_COMMENT}" else first), last


def _says(text: str, wanted: dict[str, Any]) -> bool:
    """Whether a text says what is wanted."""
    try:
        return bool(parse_yaml(text, "").data == wanted)
    except InputError:
        return False
