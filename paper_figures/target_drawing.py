"""The picture of figure 5: hours to the target, gains where devices and precisions change, and the bound of Amdahl."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from costmodel.views.numbers import scaled
from paper_figures.figure import Frame
from paper_figures.style import ARMS, BLACK, GREEN, GREY, PAGE, VERMILION
from paper_figures.target_cases import (
    ANALOG,
    DEVICES,
    FACTORS,
    FASTEST,
    MACHINES,
    PAPERS,
    PRECISIONS,
    REFRESHES,
    SHORT,
    USUAL,
    WORKLOADS,
    plain,
    usual,
)  # fmt: skip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

_HOUR: Final = 3600.0
_BARS: Final = (0.25, 4.0)
#: Rows of the table in hours, and rows of gains, by arm.
_HOURS: Final = {"adam": "Adam (h)", "digital": "digital K-FAC (h)"}
_GAINS: Final = {"free": "free solver"} | {arm: ARMS[arm]["label"].split(" (")[0] for arm in ANALOG}
_SHORT_PRECISION: Final = {"float32": "fp32", "bfloat16": "bf16"}


def draw(frame: Frame) -> Drawing:
    """Hours against the interval, a table of gains over devices, precisions and intervals, all workloads, the bound."""
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(PAGE, 8.4))
    parts: Any = figure.subfigures(3, 1, height_ratios=(3.7, 2.5, 2.2))
    _hours(parts[0], frame)
    tables: Any = parts[1].subplots(2, 1)
    for axis, workload in zip(tables, PAPERS, strict=True):
        _table(axis, _crossed(frame, workload), workload)
    title = f"b   hours to target, and gain over the best digital K-FAC on {FASTEST}, one machine a device"
    parts[1].suptitle(title, **_TITLE)
    left, right = parts[2].subplots(1, 2, sharey=True)
    _over_adam(left, usual(frame, FASTEST))
    _bounds(right, frame)
    return figure


_TITLE: Final[dict[str, Any]] = {"size": 7.5, "weight": "bold", "x": 0.01, "ha": "left"}


def _hours(part: Any, frame: Frame) -> None:
    axes = part.subplots(2, 3, sharex=True, sharey="row")
    for row, workload in zip(axes, PAPERS, strict=True):
        for axis, machine in zip(row, MACHINES, strict=True):
            rows = plain(frame)
            _curves(axis, rows[(rows["workload"] == workload) & (rows["machine"] == machine)].sort_values("refresh"))
        _decades(row[0], rows[rows["workload"] == workload])
        row[0].set_ylabel(f"{SHORT[workload]}: hours to target")
    for axis, machine in zip(axes[0], MACHINES, strict=True):
        axis.set_title(machine)
    for axis in axes[1]:
        axis.set_xlabel("steps between inversions")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    part.legend(handles, labels, loc="outside lower center", ncols=4)
    part.suptitle("a   time to target on one H100 in float32, against the refresh interval", **_TITLE)


def _curves(axis: Axes, rows: Frame) -> None:
    best = rows[rows["arm"] == "digital"]
    hours = best["target_s_median"] / _HOUR
    axis.fill_between(
        best["refresh"], best["target_s_p05"] / _HOUR, best["target_s_p95"] / _HOUR, color=GREY, alpha=0.2, lw=0
    )
    for index, arm in enumerate(("adam", "cholesky", "digital", *ANALOG)):
        curve = rows[rows["arm"] == arm]
        axis.loglog(curve["refresh"], curve["target_s_median"] / _HOUR, **ARMS[arm])
        if arm in ANALOG:
            at = curve["refresh"] * 1.05 ** (index - 4)
            ends = curve["target_s_p05"] / _HOUR, curve["target_s_p95"] / _HOUR
            axis.vlines(at, *ends, color=ARMS[arm]["color"], lw=0.7)
    free = hours / best["free_solver_median"]
    axis.plot(best["refresh"], free, color=BLACK, lw=0.9, label="a solver that takes no time")
    axis.plot(best["refresh"], hours / 2, color=GREY, lw=1.2, ls=(0, (1, 1)), label="twofold gain over digital")
    apart = rows[rows["arm"].isin(ANALOG)]["over_digital_median"]
    if apart.between(0.8, 1.25).all():
        text = f"machines {apart.min():.2f}x to {apart.max():.2f}x\nas fast as digital K-FAC"
        axis.annotate(text, (0.5, 0.6), xycoords="axes fraction", ha="center", size=6)
    axis.set_xticks(REFRESHES, [str(each) for each in REFRESHES])
    axis.minorticks_off()
    axis.grid(axis="x", visible=False)


def _decades(axis: Axes, rows: Frame) -> None:
    """All medians and what a twofold gain needs; the upper ends of intervals may leave the picture."""
    hours = rows["target_s_median"] / _HOUR
    axis.set_ylim(0.4 * hours.min(), 4 * hours.max())


def _crossed(frame: Frame, workload: str) -> Frame:
    """Hours and gains, a column for each case whose factors are ten steps old at most and whose interval all have."""
    rows = frame[(frame["workload"] == workload) & (frame["machine"] == FASTEST) & (frame["factors"] == FACTORS)]
    keys = ["devices", "precision", "refresh"]
    best = rows[rows["arm"] == "digital"].set_index(keys)
    gains = rows[rows["arm"].isin(ANALOG)].pivot(index="arm", columns=keys, values="over_digital_median")
    gains.loc["free"] = best["free_solver_median"]
    hours = rows[rows["arm"].isin(_HOURS)].pivot(index="arm", columns=keys, values="target_s_median") / _HOUR
    groups = len(best.groupby(keys[:2]))
    often = [refresh for refresh, each in best.groupby("refresh") if len(each) == groups]
    order = pd.MultiIndex.from_product([sorted(rows["devices"].unique()), PRECISIONS, often], names=keys)
    return pd.concat([hours, gains]).loc[[*_HOURS, *_GAINS]][order]


def _table(axis: Axes, cells: Frame, workload: str) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    colors = LinearSegmentedColormap.from_list("gain", [VERMILION, "white", GREEN])
    shades = np.log2(cells.to_numpy())
    shades[: len(_HOURS)] = 0.0
    # Colours reach from a loss to a half to a gain of two; the numbers say it without them.
    axis.imshow(shades, cmap=colors, vmin=-1, vmax=1, aspect="auto", alpha=0.6)
    size = 5.5 if cells.shape[1] <= 16 else 4.5
    for row, (name, line) in enumerate(cells.iterrows()):
        for column, value in enumerate(line):
            text, strong = (f"{value:#.3g}", False) if name in _HOURS else (f"{value:.2f}", value >= 1.1)
            axis.text(column, row, text, ha="center", va="center", size=size, weight="bold" if strong else "normal")
    axis.set_yticks(range(len(cells)), [*_HOURS.values(), *_GAINS.values()], size=6)
    axis.set_xticks(range(cells.shape[1]), [str(refresh) for *_, refresh in cells.columns], size=size)
    axis.set_xlabel(f"{SHORT[workload]}: steps between inversions, factors every {FACTORS}", labelpad=1)
    axis.tick_params(length=0, pad=1.5)
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    axis.axhline(len(_HOURS) - 0.5, color=GREY, lw=0.6)
    _heads(axis, [each[:2] for each in cells.columns])


def _heads(axis: Axes, groups: list[Any]) -> None:
    """Device count and precision over their columns."""
    for group in dict.fromkeys(groups):
        first, count = groups.index(group), groups.count(group)
        devices = "1 device" if group[0] == 1 else f"{group[0]} devices"
        axis.text(
            first + (count - 1) / 2,
            -0.62,
            f"{devices}, {_SHORT_PRECISION[group[1]]}",
            ha="center",
            va="bottom",
            size=5.5,
        )
        if first:
            axis.axvline(first - 0.5, color=BLACK, lw=0.8)


def _over_adam(axis: Axes, rows: Frame) -> None:
    """Gain to the target over Adam on every workload."""
    low, high = _BARS
    for offset, arm in enumerate(("digital", *ANALOG)):
        mine = rows[rows["arm"] == arm].set_index("workload").reindex(WORKLOADS)
        look = ARMS[arm]
        for index, (_, row) in enumerate(mine.iterrows()):
            at = index + 0.19 * (offset - 1.5)
            p05, p95 = row["over_adam_to_target_p05"], row["over_adam_to_target_p95"]
            axis.plot([max(p05, low), min(p95, high)], [at, at], color=look["color"], lw=0.8)
            if p05 < low:
                axis.plot([1.03 * low], [at], marker="<", color=look["color"], ms=2.5)
        places = np.arange(len(WORKLOADS)) + 0.19 * (offset - 1.5)
        axis.plot(mine["over_adam_to_target_median"], places, ls="", marker=look["marker"], color=look["color"], ms=3)
    axis.axvline(1, color=BLACK, lw=0.8, ls=":")
    axis.set_xscale("log")
    axis.set_xlim(*_BARS)
    _ticks(axis, (0.25, 0.5, 1, 2, 4))
    axis.set_yticks(range(len(WORKLOADS)), list(SHORT.values()))
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    axis.set_xlabel(f"time to target of Adam over the arm's,\nrefresh every {USUAL}, one device")
    axis.set_title(f"c   all workloads on {FASTEST}, marks as in a")


def _ticks(axis: Axes, ticks: tuple[float, ...]) -> None:
    axis.set_xticks(ticks, [f"{tick:g}x" for tick in ticks])
    axis.minorticks_off()


def _bounds(axis: Axes, frame: Frame) -> None:
    """Amdahl's bound by workload; where it allows a twofold gain, the time that a solver may take."""
    rows = frame[(frame["arm"] == "digital") & (frame["machine"] == FASTEST) & (frame["precision"] == PRECISIONS[0])]
    many = rows[(rows["devices"] > 1) & (rows["refresh"] == 1)]
    most = many.sort_values("devices").groupby("workload").tail(1)
    kinds = {
        f"1 device, every {USUAL}": (rows[(rows["devices"] == 1) & (rows["refresh"] == USUAL)], "o", "white"),
        f"{DEVICES[-1]} devices, every 1": (most, "s", BLACK),
    }
    for label, (chosen, mark, fill) in kinds.items():
        at = [WORKLOADS.index(name) for name in chosen["workload"]]
        axis.plot(chosen["free_solver_median"], at, ls="", marker=mark, mfc=fill, mec=BLACK, label=label, ms=4)
    for _, row in most[most["solver_room_s"] > 0].iterrows():
        text = f"2x with {scaled(row['solver_room_s'], 's', 2)} a step at most"
        axis.text(1.94, WORKLOADS.index(row["workload"]), text, ha="right", va="center", size=5.5)
    axis.axvline(2, color=GREY, lw=1.2, ls=(0, (1, 1)))
    axis.set_xscale("log")
    axis.set_xlim(0.97, max(2.6, 1.1 * float(most["free_solver_median"].max())))
    _ticks(axis, (1, 1.2, 1.5, 2, 2.5))
    axis.grid(axis="y", visible=False)
    axis.set_xlabel("gain over digital K-FAC of a solver that takes no time\n(Amdahl); dotted: a twofold gain")
    axis.set_title("d   the bound, and what twofold needs")
    axis.legend(loc="upper right", bbox_to_anchor=(0.72, 1.0), fontsize=5.5)
