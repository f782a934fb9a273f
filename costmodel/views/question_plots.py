"""Plots of questions: a tornado, the ratio of two methods over an input, who wins, what it would take, side by side."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np

from costmodel.inputs.faults import InputError
from costmodel.inputs.files import write_bytes
from costmodel.projection.feasibility import Reach
from costmodel.questions.compare import Comparison
from costmodel.questions.crossover import Crossover
from costmodel.questions.regimes import Regimes
from costmodel.questions.require import Requirement
from costmodel.questions.sensitivity import SPEEDUP, Sensitivity

_FORMATS: Final = (".png", ".svg", ".pdf")
#: Bars of a tornado.
_BARS: Final = 15


def check_plot(file: str) -> None:
    """Refuse a file that no plot can be written to, before anything is computed.

    Raises:
        InputError: Its name ends in no known way.
    """
    if file and Path(file).suffix.lower() not in _FORMATS:
        raise InputError.about("--plot", f"'{file}' ends with none of {', '.join(_FORMATS)}")


def tornado(found: Sensitivity, file: str) -> None:
    """The result at both ends of each input's range, the widest on top."""
    figure, axes = _figure()
    widest = sorted(found.influences, key=lambda each: -abs(np.log(each.at_high / each.at_low)))[:_BARS][::-1]
    for row, each in enumerate(widest):
        for end, color in ((each.at_low, "tab:blue"), (each.at_high, "tab:orange")):
            axes.barh(row, end - found.nominal, left=found.nominal, color=color)
    axes.set_yticks(range(len(widest)), [each.path for each in widest])
    axes.axvline(found.nominal, color="black", linewidth=0.8)
    axes.set_xlabel(f"speedup over {found.over}" if found.of == SPEEDUP else "seconds a step")
    title = f"{found.model}, {found.method}: inputs at their 5th (blue) and 95th percentile (orange)"
    figure.suptitle(title, fontsize=11)
    _write(figure, file)


def curve(found: Crossover, file: str) -> None:
    """The ratio of two methods over an input with its 90 % band; crosses where a winner is not accurate enough."""
    figure, axes = _figure()
    low, middle, high = found.ratio
    axes.fill_between(found.grid, low, high, alpha=0.3)
    axes.plot(found.grid, middle)
    wanting = np.array([each not in {None, Reach.YES} for each in found.reach])
    if wanting.any():
        axes.plot(
            found.grid, np.where(wanting, middle, np.nan), "x", color="tab:red", label="wins, not accurate enough"
        )
        axes.legend(loc="best", fontsize=8)
    axes.axhline(1.0, color="black", linewidth=0.8)
    for tie in found.ties:
        axes.axvline(tie.value, color="tab:red", linestyle="--")
    axes.set(xscale="log", yscale="log", xlabel=f"{found.over.path} [{found.over.unit.name}]")
    axes.set_ylabel(f"{found.against} over {found.method}")
    axes.set_title(f"{found.model}: above 1 {found.method} is cheaper", loc="left")
    _write(figure, file)


def regime_map(found: Regimes, file: str) -> None:
    """Who wins, by color, where the two tie as a line, and crosses where a winner is not accurate enough."""
    figure, axes = _figure()
    winners = sorted({name for row in found.winner for name in row})
    cells = np.array([[winners.index(name) for name in row] for row in found.winner])
    mesh = axes.pcolormesh(found.columns, found.rows, cells, cmap="tab20", vmin=-0.5, vmax=19.5, shading="nearest")
    if found.speedup.min() < 1 < found.speedup.max():
        axes.contour(found.columns, found.rows, found.speedup, levels=[1.0], colors="black")
    rows, columns = np.nonzero([[each not in {None, Reach.YES} for each in row] for row in found.reach])
    if len(rows):
        axes.plot(found.columns[columns], found.rows[rows], "kx", markersize=4, label="not accurate enough")
    axes.set(xscale="log", yscale="log", xlabel=found.across.path, ylabel=found.up.path)
    for index, name in enumerate(winners):
        axes.plot([], [], "s", color=mesh.cmap(mesh.norm(index)), label=name)
    axes.legend(loc="best", fontsize=8)
    axes.set_title(f"{found.model}: the cheapest K-FAC", loc="left")
    _write(figure, file)


def requirement(found: Requirement, file: str) -> None:
    """How far each input has to move, the cheapest on top; or the most that each gives, beside what is wanted."""
    figure, axes = _figure()
    if found.singles:
        rows = [(each.settings[0].input.path, each.effort) for each in found.singles][::-1]
        axes.set_xlabel("how far the input has to move, |ln factor|")
        title = f"{found.model}: what alone gives {found.speedup:g}x over {found.over}"
    else:
        rows = sorted(found.best.items(), key=lambda each: each[1])
        axes.axvline(found.speedup, color="tab:red", linestyle="--", label="wanted")
        axes.axvline(found.bound, color="black", linewidth=0.8, label="a solver that takes no time")
        axes.legend(loc="lower right", fontsize=8)
        axes.set_xlabel(f"speedup over {found.over}, at most")
        title = f"{found.model}: no input alone gives {found.speedup:g}x"
    axes.barh(range(len(rows)), [value for _, value in rows])
    axes.set_yticks(range(len(rows)), [path for path, _ in rows])
    axes.set_title(title, loc="left")
    _write(figure, file)


def side_by_side(found: Comparison, file: str) -> None:
    """Median steps of every method that all projections have, with their 90 % intervals."""
    figure, axes = _figure()
    columns = range(len(found.names))
    steps = {name: [found.step(name, column) for column in columns] for name in found.methods}
    shared = {name: [each for each in row if each is not None] for name, row in steps.items() if None not in row}
    height = 0.8 / len(found.names)
    for column, title in enumerate(found.names):
        places = np.arange(len(shared))[::-1] + 0.4 - height * (column + 0.5)
        for place, row in zip(places, shared.values(), strict=True):
            axes.plot([row[column]["p05"], row[column]["p95"]], [place, place], color=f"C{column}", alpha=0.5)
        axes.plot([row[column]["median"] for row in shared.values()], places, "o", color=f"C{column}", label=title)
    axes.set_yticks(np.arange(len(shared))[::-1], shared, fontsize=7)
    axes.set(xscale="log", xlabel="seconds a step, with 90 % intervals")
    axes.legend(loc="best", fontsize=8)
    _write(figure, file)


def _figure() -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    return figure, figure.subplots()


def _write(figure: Any, file: str) -> None:
    drawn, target = BytesIO(), Path(file)
    figure.savefig(drawn, dpi=130, format=target.suffix[1:].lower())
    try:
        write_bytes(target, drawn.getvalue())
    except OSError as error:
        raise InputError.about("--plot", f"cannot write '{file}': {error.strerror}") from None
