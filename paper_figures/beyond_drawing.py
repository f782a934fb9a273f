"""The picture of figure 6: maps of what bounds and of what is needed, a tornado, ceilings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from paper_figures.figure import Frame
from paper_figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, PAGE, PURPLE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

#: What a phase of Method 2 waits for, its colour, and its letter in the map.
BOUNDS: Final = {
    "digital": ("passes,\nfactors", "#d0d0d0"),
    "settle": ("settling", PURPLE),
    "average": ("averaging\nnoise", VERMILION),
    "link": ("link and\nconverters", ORANGE),
    "tiling": ("digital products\nbetween blocks", BLUE),
}
#: Panels of the maps of what bounds begin with this; their machine follows.
_REGIME: Final = "regime, "


def draw(frame: Frame) -> Drawing:
    """Six panels of four kinds."""
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(PAGE, 5.2))
    halves: Any = figure.subfigures(2, 1)
    above, below = halves
    maps: Any = above.subplots(1, 3)
    regimes = [panel for panel in dict.fromkeys(frame["panel"]) if panel.startswith(_REGIME)]
    for axis, panel in zip(maps, regimes, strict=False):  # the third is of what is needed
        _draw_regime(axis, frame[frame["panel"] == panel])
        axis.set_title(panel.removeprefix(_REGIME))
    _draw_requirement(maps[2], frame[frame["panel"] == "requirement"], frame[frame["panel"] == "published"].iloc[0])
    tornado, roofline = below.subplots(1, 2, width_ratios=(1, 1))
    _draw_tornado(tornado, frame[frame["panel"] == "tornado"])
    _draw_roofline(roofline, frame[frame["panel"] == "roofline"])
    return figure


def _draw_regime(axis: Axes, rows: Frame) -> None:
    from matplotlib.colors import ListedColormap

    names = list(BOUNDS)
    table = rows.pivot(index="y", columns="x", values="label").map(names.index)
    colors = ListedColormap([color for _, color in BOUNDS.values()])
    axis.pcolormesh(
        table.columns, table.index, table.to_numpy(), cmap=colors, vmin=-0.5, vmax=len(names) - 0.5, shading="nearest"
    )
    gain = rows.pivot(index="y", columns="x", values="value")
    axis.contour(gain.columns, gain.index, gain.to_numpy(), levels=[1.0], colors=BLACK, linewidths=1.4)
    for name in sorted(set(rows["label"])):
        of = rows[rows["label"] == name]
        if len(of) < 0.04 * len(rows):
            continue
        # The cell nearest to the middle of its kind: a middle itself may lie in another.
        logs = np.log(of[["x", "y"]].to_numpy())
        inside = np.argmin(((logs - np.median(logs, axis=0)) ** 2).sum(axis=1))
        x = np.clip(np.exp(logs[inside][0]), 90, 6000)
        axis.text(x, np.exp(logs[inside][1]), BOUNDS[name][0], ha="center", va="center", size=5, clip_on=True,
                  bbox={"facecolor": "white", "alpha": 0.85, "lw": 0, "pad": 1})  # fmt: skip
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlim(32, 16384)
    axis.set_ylim(1, 1e5)
    axis.set_xlabel("width n")
    axis.set_ylabel("condition number")
    axis.grid(visible=False)


def _draw_requirement(axis: Axes, rows: Frame, published: Frame) -> None:
    table = rows.pivot(index="y", columns="x", values="value")
    grid = table.columns, table.index, table.to_numpy()
    lines = axis.contour(*grid, levels=_GAINS, colors=BLACK, linewidths=0.7)
    axis.contourf(*grid, levels=[0.99, 10], colors=[GREEN], alpha=0.35)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlim(1e-9, 1e-4)
    axis.set_ylim(1e8, 1e13)
    axis.clabel(lines, fmt="%.2fx", fontsize=5.5, manual=_places(table, axis.get_xlim()[1]))
    axis.plot([published["x"]], [published["y"]], marker="*", color=VERMILION, ls="", ms=7)
    axis.annotate(f"published\n{published['value']:.2f}x", (published["x"], published["y"]), xytext=(0, -5),
                  textcoords="offset points", ha="center", va="top", size=5.5,
                  bbox={"facecolor": "white", "alpha": 0.85, "lw": 0, "pad": 1})  # fmt: skip
    axis.set_xlabel("RC (s)")
    axis.set_ylabel("link (bit/s)")
    axis.set_title("gain over digital, ViT")


def _places(table: Frame, right: float) -> list[tuple[float, float]]:
    """Where the lines of gains are labelled: where they rise, and not so near to the right edge that it cuts a label."""
    link = min(table.index, key=lambda each: abs(np.log(each / _LABELLED)))
    falling = table.loc[link].iloc[::-1]  # gains rise as RC falls; np.interp wants them to rise
    found = np.exp(np.interp(_GAINS, falling.to_numpy(), np.log(falling.index.to_numpy())))
    inside = (np.array(_GAINS) > falling.min()) & (found < 0.6 * right)
    return [(float(each), float(link)) for each in found[inside]]


#: Gains whose lines are drawn; break-even within 1 % is green.
_GAINS: Final = (0.2, 0.5, 0.8, 0.9, 0.95)
#: Link, in bit/s, at whose height they are labelled.
_LABELLED: Final = 1e12


def _draw_tornado(axis: Axes, rows: Any) -> None:
    rows = rows.iloc[::-1]
    for at, (_, row) in enumerate(rows.iterrows()):
        axis.plot([row["x"], 1], [at, at], color=BLUE, lw=5, solid_capstyle="butt")
        axis.plot([1, row["y"]], [at, at], color=ORANGE, lw=5, solid_capstyle="butt")
    axis.set_yticks(range(len(rows)), [path.removeprefix("digital.operations.") for path in rows["label"]], size=5.5)
    axis.axvline(1, color=BLACK, lw=0.7)
    axis.set_xscale("log")
    ends = [*rows["x"], *rows["y"]]
    axis.set_xlim(0.95 * min(ends), 1.05 * max(ends))
    ticks = [0.1, 0.2, 0.5, 0.8, 1.0, 1.2, 2.0, 5.0, 10.0]
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.set_xlim(0.95 * min(ends), 1.05 * max(ends))
    axis.set_xlabel(
        "step of Method 2, over all at their values\n(blue, dark: low end of the range; orange, light: high end)"
    )
    axis.set_title("what it hangs on: ViT, tngd-2024")


def _draw_roofline(axis: Axes, rows: Any) -> None:
    looks = {
        "settle": (PURPLE, "-.", "settling"), "average": (VERMILION, ":", "averaging"), "link": (ORANGE, "--", "link, converters"),
        "whole": (BLACK, "-", "Method 2"), "tiling": (SKY, "-", "tiling"), "digital product": (GREY, (0, (5, 1, 1, 1, 1, 1)), "H100 products"),
    }  # fmt: skip
    for name, (color, dash, label) in looks.items():
        curve = rows[rows["label"] == name]
        if len(curve):
            axis.loglog(curve["x"], curve["y"], color=color, ls=dash, label=label, lw=2 if name == "whole" else 1.1)
    axis.set_xlabel("width n")
    axis.set_ylabel("useful FLOP/s")
    axis.set_title("ceilings of Method 2 on scaled")
    axis.legend(loc="upper left", fontsize=5)
