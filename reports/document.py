"""The report on paper: PDF by matplotlib, which the project has anyway; texts stay texts and plots stay vectors."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from costmodel.views.numbers import scaled, seconds, significant, speed_with_range
from reports.page import (
    ASSUMPTION_HEADS,
    COMPARISON_HEADS,
    SCORE_HEADS,
    Report,
    assumption_rows,
    best_analog,
    comparison_rows,
    extrapolated,
    score_rows,
)

_SIZE: Final = (8.27, 11.69)  # A4, inches
_LEFT, _TOP, _BOTTOM = 0.07, 0.94, 0.05
_SMALL: Final = 7.0
#: Height of a line of small print, as a share of the page.
_LINE: Final = 0.0125


def pdf(report: Report) -> bytes:
    """The document; equal input gives equal bytes."""
    import matplotlib as mpl
    from matplotlib.backends.backend_pdf import PdfPages

    buffer = io.BytesIO()
    # Type 42 keeps letters as letters: a search finds them. No mathematics is read into a name with dollar signs.
    style: Any = {"pdf.fonttype": 42, "font.size": 9, "text.parse_math": False, "svg.fonttype": "none"}
    metadata = {"Title": report.title, "CreationDate": datetime(2000, 1, 1, tzinfo=UTC), "ModDate": None}
    with mpl.rc_context(style), PdfPages(buffer, metadata=metadata) as pages:
        pages.savefig(_front(report))
        for title, heads, rows, widths in _tables(report):
            for figure in _table_pages(title, heads, rows, widths):
                pages.savefig(figure)
    return buffer.getvalue()


def _figure() -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=_SIZE)


def _front(report: Report) -> Any:
    """Verdict and the picture of a step by phase."""
    figure, first = _figure(), report.first
    y = _TOP
    for text, size, width in ((report.title, 15, 70), (report.subtitle, 8.5, 110), (first.verdict(), 10.5, 88)):
        lines = textwrap.wrap(text, width)
        figure.text(_LEFT, y, "\n".join(lines), fontsize=size, va="top", linespacing=1.35)
        y -= 0.0021 * size * len(lines) + 0.012
    _steps(figure.add_axes((0.3, 0.12, 0.6, max(0.2, y - 0.2))), report)
    return figure


def _steps(axes: Any, report: Report) -> None:
    """Steps by phase as bars, those a machine can run."""
    first = report.first
    able = [name for name in first.methods if name not in first.feasibility or not first.feasibility[name].missing]
    phases = list(dict.fromkeys(phase for name in able for phase in first.methods[name].phases))
    from matplotlib import colormaps

    colours = {phase: colormaps["tab20"](index % 20) for index, phase in enumerate(phases)}
    for row, name in enumerate(reversed(able)):
        start = 0.0
        for phase, each in first.methods[name].phases.items():
            axes.barh(row, each.median, left=start, height=0.7, color=colours[phase])
            start += each.median
    axes.set_yticks(range(len(able)), list(reversed(able)), fontsize=_SMALL)
    axes.set_xlabel("seconds of a step, medians")
    handles = [_patch(colours[phase]) for phase in phases]
    axes.legend(handles, [phase.replace("_", " ") for phase in phases], fontsize=6, ncols=4, loc="upper center",
                bbox_to_anchor=(0.35, -0.07), frameon=False)  # fmt: skip
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _patch(colour: Any) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=colour)


def _tables(report: Report) -> Iterator[tuple[str, Sequence[str], list[tuple[str, ...]], tuple[int, ...]]]:
    """Title, heads, rows, and how many letters each column has."""
    first = report.first
    methods: list[tuple[str, ...]] = []
    for name, each in first.methods.items():
        reach = first.feasibility[name].reach.value if name in first.feasibility else ""
        speed = first.speedup[name]
        target = speed_with_range(speed["adam_to_target"]) if "adam_to_target" in speed else "unknown"
        methods.append((name, seconds(each.step_time), speed_with_range(speed["kfac.best"]), target, reach))
    heads = ("method", "a step", f"against {first.best_digital}", "against adam, to target", "accurate")
    yield "Methods, medians and 90 % intervals", heads, methods, (36, 26, 28, 24, 12)
    if len(report.projections) > 1:
        yield "Side by side", COMPARISON_HEADS, comparison_rows(report.projections), (16, 14, 12, 26, 18, 20, 16, 10)
    chosen = [name for name in (first.best_digital, best_analog(first)) if name]
    layers: list[tuple[str, ...]] = [
        (each.layer.name, each.layer.role.value if each.layer.role else "", str(each.layer.input_factor_dimension),
         str(each.layer.output_dimension), significant(each.rows, 6),
         *(scaled(each.step_time[name], "s") for name in chosen))
        for each in first.layers
    ]  # fmt: skip
    yield "Layers", ("layer", "role", "inputs", "outputs", "rows a step", *chosen), layers, (46, 18, 9, 9, 12, 20, 20)
    yield "What it rests on", ASSUMPTION_HEADS, assumption_rows(first), (44, 24, 13, 48)
    yield f"How well {first.digital.name} predicts", SCORE_HEADS, score_rows(first), (40, 16, 16, 54)
    lines: list[tuple[str, ...]] = [(line,) for line in (*extrapolated(first), f"To make this again: {report.command}")]
    yield "What is extrapolated or assumed", ("",), lines, (125,)


def _table_pages(
    title: str, heads: Sequence[str], rows: Sequence[tuple[str, ...]], widths: tuple[int, ...]
) -> Iterator[Any]:
    """A table on as many pages as it takes, cells wrapped."""
    scale = (1 - 2 * _LEFT) / sum(widths)
    starts = [_LEFT + scale * sum(widths[:index]) for index in range(len(widths))]

    def put(figure: Any, y: float, cells: Sequence[str], weight: str) -> int:
        wrapped = [textwrap.wrap(cell, max(4, width - 2)) or [""] for cell, width in zip(cells, widths, strict=False)]
        for x, lines in zip(starts, wrapped, strict=False):
            figure.text(x, y, "\n".join(lines), fontsize=_SMALL, va="top", fontweight=weight, linespacing=1.2)
        return max(len(lines) for lines in wrapped)

    figure, y = None, 0.0
    for row in rows:
        tall = max(len(textwrap.wrap(cell, max(4, width - 2))) for cell, width in zip(row, widths, strict=False))
        if figure is None or y - _LINE * tall < _BOTTOM:
            if figure is not None:
                yield figure
            figure = _figure()
            figure.text(_LEFT, _TOP + 0.02, title, fontsize=12, fontweight="bold")
            y = _TOP - _LINE * (put(figure, _TOP, heads, "bold") + 0.5)
        y -= _LINE * (put(figure, y, row, "normal") + 0.35)
    if figure is not None:
        yield figure
