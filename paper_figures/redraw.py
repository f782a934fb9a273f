"""Draw figures into a folder: pictures, data, captions and a manifest; taken up where a run was killed."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import pandas as pd

from costmodel.inputs.files import write_bytes, write_text
from paper_figures.figure import ROOT, SEED, Effort, Figure, Frame
from paper_figures.style import STYLE

FORMATS: Final = ("png", "svg", "pdf")
#: What a figure may depend on beside the files that it names: code and catalog.
_CODE: Final = ("costmodel", "paper_figures")
_LIBRARIES: Final = ("numpy", "scipy", "sympy", "pandas", "matplotlib")


def redraw(figures: Sequence[Figure], out: Path, effort: Effort, say: Callable[[str], None] = print) -> list[str]:
    """Draw figures that are not there yet for these inputs, one after the other.

    A figure counts as drawn once its own manifest is written, which is the last thing that happens to it: a run that
    was killed goes on with the figure it was at.

    Returns:
        What figures say that their data do not bear out; empty where all is well.
    """
    out.mkdir(parents=True, exist_ok=True)
    code = _digest(
        sorted(
            file for name in _CODE for file in (ROOT / name).rglob("*") if file.suffix in {".py", ".yaml", ".mplstyle"}
        )
    )
    untrue = []
    for index, figure in enumerate(figures, 1):
        stamp = _stamp(figure, code, effort)
        place = f"[{index}/{len(figures)}] {figure.name}"
        if _is_drawn(figure, out, stamp):
            say(f"{place}: is there already")
        else:
            start = time.perf_counter()
            _draw(figure, out, effort, stamp)
            say(f"{place}: {figure.title}, {time.perf_counter() - start:.1f} s")
        said = json.loads((out / f"{figure.name}.json").read_text(encoding="utf-8"))["message"]
        untrue += [f"{figure.name}: {each['text']}" for each in said if not each["holds"]]
    _write_manifest(figures, out)
    return untrue


def _draw(figure: Figure, out: Path, effort: Effort, stamp: dict[str, Any]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    frame = figure.data(effort)
    text = frame.to_csv(index=False, float_format="%.9g", lineterminator="\n")
    write_text(out / f"{figure.name}.csv", text)
    with plt.style.context(STYLE):
        drawing = figure.draw(frame)
        for kind in FORMATS:
            buffer = io.BytesIO()
            drawing.savefig(buffer, format=kind, metadata=_NO_DATE[kind])
            write_bytes(out / f"{figure.name}.{kind}", buffer.getvalue())
        plt.close(drawing)
    message = [{"text": each.text, "holds": bool(each.holds)} for each in figure.message(frame)]
    write_text(out / f"{figure.name}.md", f"**{figure.title}.** {figure.caption(frame)}\n")
    found = stamp | {"rows": len(frame), "csv_sha256": hashlib.sha256(text.encode()).hexdigest(), "message": message}
    write_text(out / f"{figure.name}.json", json.dumps(found, indent=1) + "\n")


#: Equal data give equal files: nothing says when it was drawn.
_NO_DATE: Final[dict[str, dict[str, Any]]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


def _stamp(figure: Figure, code: str, effort: Effort) -> dict[str, Any]:
    """Everything a figure depends on."""
    return {
        "figure": figure.name,
        "title": figure.title,
        "effort": {"full": effort.full, "draws": effort.draws},
        "seed": SEED,
        "code_and_catalog_sha256": code,
        "inputs_sha256": {str(path.relative_to(ROOT)): _digest([path]) for path in figure.inputs},
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
    }


def _is_drawn(figure: Figure, out: Path, stamp: dict[str, Any]) -> bool:
    try:
        found = json.loads((out / f"{figure.name}.json").read_text(encoding="utf-8"))
        csv = (out / f"{figure.name}.csv").read_bytes()
    except (OSError, ValueError):
        return False
    there = all((out / f"{figure.name}.{kind}").is_file() for kind in (*FORMATS, "md"))
    return there and stamp.items() <= found.items() and hashlib.sha256(csv).hexdigest() == found["csv_sha256"]


def _digest(files: Sequence[Path]) -> str:
    """Of the names and contents of files."""
    found = hashlib.sha256()
    for file in files:
        found.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()


def _write_manifest(figures: Sequence[Figure], out: Path) -> None:
    each = {figure.name: json.loads((out / f"{figure.name}.json").read_text(encoding="utf-8")) for figure in figures}
    write_text(out / "manifest.json", json.dumps({"schema": 1, "figures": each}, indent=1) + "\n")


def read_frame(out: Path, figure: Figure) -> Frame:
    """Data of a figure that was drawn."""
    return pd.read_csv(out / f"{figure.name}.csv")
