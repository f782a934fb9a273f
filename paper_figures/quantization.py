"""Figure 4: bits of what goes into the solver and of what comes out, against steps to the target."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from paper_figures.figure import DATA, Effort, Figure, Frame, Statement
from paper_figures.style import BLACK, BLUE, GREEN, ORANGE, PAGE, PURPLE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

ANALYSIS: Final = DATA / "study" / "analysis.json"
RUNS: Final = DATA / "study" / "runs.jsonl"
WIDE: Final = DATA / "study" / "wide.jsonl"
#: Tasks with the name, colour and mark of each; the wide ones are hollow.
TASKS: Final[dict[str, tuple[str, str, str]]] = {
    "mlp": ("digits, MLP", BLUE, "o"),
    "vit": ("digits, ViT", GREEN, "s"),
    "gnn": ("molecules, GNN", VERMILION, "^"),
    "mlp_512": ("Fashion, MLP 512", BLUE, "o"),
    "mlp_2048": ("Fashion, MLP 2048", PURPLE, "D"),
    "gnn_256": ("molecules, GNN 256", ORANGE, "^"),
}
SMALL: Final = ("mlp", "vit", "gnn")
#: Fewer seeds give no interval worth showing: two leave one degree of freedom.
LEAST_SEEDS: Final = 3
#: Flaws that the figure shows, and what they are.
FLAWS: Final = {
    "in": "couplings, bits in",
    "ind": "couplings, top mode removed, bits in",
    "out": "readings, bits out",
}


def data(effort: Effort) -> Frame:
    """One row a task and arm: steps over those of exact K-FAC, paired by seed, with 90 % intervals."""
    analysis = json.loads(ANALYSIS.read_text(encoding="utf-8"))
    rows: list[dict[str, Any]] = []
    for task in TASKS:
        for arm, each in analysis["tasks"][task].items():
            flaw, _, bits = arm.partition(" ")
            if flaw not in {*FLAWS, "adam", "kfac"}:
                continue
            ratio = each["versus_kfac"]
            told = ratio["count"] >= LEAST_SEEDS
            rows.append(
                {
                    "task": task, "flaw": flaw, "bits": float(bits) if bits else None,
                    "steps_ratio": ratio["ratio"], "low": ratio["low"] if told else None, "high": ratio["high"] if told else None,
                    "seeds": ratio["count"], "never": ratio["censored"], "direction_error": each["direction_error"],
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def draw(frame: Frame) -> Drawing:
    """A panel a flaw, Adam as a bar at the left of each."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(PAGE, 2.9), sharey=True, width_ratios=(3, 3, 2))
    for axis, (flaw, title) in zip(axes, FLAWS.items(), strict=True):
        _panel(axis, frame, flaw)
        axis.set_title(title)
    axes[0].set_ylabel("steps to the target over exact K-FAC")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6)
    return figure


def _panel(axis: Axes, frame: Frame, flaw: str) -> None:
    levels = sorted(frame[frame["flaw"] == flaw]["bits"].unique())
    places = {bits: at for at, bits in enumerate(levels)}
    for index, (task, (label, color, mark)) in enumerate(TASKS.items()):
        shift = 0.11 * (index - 2.5)
        look: dict[str, Any] = {
            "color": color,
            "marker": mark,
            "fillstyle": "full" if task in SMALL else "none",
            "ls": "",
        }
        rows = frame[(frame["task"] == task) & (frame["flaw"] == flaw)]
        adam = frame[(frame["task"] == task) & (frame["flaw"] == "adam")]
        axis.plot([], [], label=label, **look)
        for at, row in [*((places[row["bits"]], row) for _, row in rows.iterrows()), (len(levels), adam.iloc[0])]:
            axis.plot([at + shift], [row["steps_ratio"]], **look)
            axis.plot([at + shift] * 2, [row["low"], min(row["high"], 12)], color=color, lw=0.7)
            if row["never"]:
                axis.annotate("", (at + shift, 1.5 * row["steps_ratio"]), (at + shift, row["steps_ratio"]),
                              arrowprops={"arrowstyle": "->", "color": color, "lw": 0.9})  # fmt: skip
    axis.axhline(1, color=BLACK, lw=0.7)
    axis.axvline(len(levels) - 0.5, color=BLACK, lw=0.5, ls=":")
    axis.set_xticks([*range(len(levels) + 1)], [*(f"{bits:.0f} bit" for bits in levels), "Adam"])
    axis.set_yscale("log")
    axis.set_ylim(0.7, 13)
    axis.set_yticks([1, 2, 4, 8], ["1", "2", "4", "8"])
    axis.minorticks_off()
    axis.set_xlim(-0.6, len(levels) + 0.6)


def ratio(frame: Frame, task: str, flaw: str, bits: float | None = None) -> Frame:
    """One row."""
    rows = frame[(frame["task"] == task) & (frame["flaw"] == flaw)]
    return (rows if bits is None else rows[rows["bits"] == bits]).iloc[0]


def span(row: Frame) -> str:
    """A ratio in words."""
    missing = f" ({row['never']:.0f} of {row['seeds']:.0f} never)" if row["never"] else ""
    interval = "" if pd.isna(row["low"]) else f" [{row['low']:.2f}, {row['high']:.2f}]"
    return f"{'at least ' if row['never'] else ''}{row['steps_ratio']:.2f}{interval}{missing}"


def over_tasks(frame: Frame, flaw: str, bits: float, tasks: tuple[str, ...]) -> str:
    """The ratios of some tasks in words."""
    return ", ".join(f"{TASKS[task][0]} {span(ratio(frame, task, flaw, bits))}" for task in tasks)


def caption(frame: Frame) -> str:
    """Eight bits in, four bits out."""
    wide = tuple(task for task in TASKS if task not in SMALL)
    return (
        "Measured by training with the flaw of the solver drawn by its law (held against the simulator). Filled: three small "
        "tasks, up to 30 seeds a point, factors up to 65; hollow: three wide ones, one to five seeds, described and not tested. "
        "Geometric means paired by seed with 90 % intervals; runs that never arrived count with their limit, so that points with "
        "an arrow are bounds from below. No paper's data is in it. Couplings at 8 bits over exact K-FAC: "
        f"{over_tasks(frame, 'in', 8, SMALL)}; on wide layers {over_tasks(frame, 'in', 8, wide)}. "
        f"Readings at 4 bits: {over_tasks(frame, 'out', 4, SMALL)}. Adam: "
        + ", ".join(f"{TASKS[task][0]} {span(ratio(frame, task, 'adam'))}" for task in TASKS) + "."
    )  # fmt: skip


def message(frame: Frame) -> list[Statement]:
    """What quantization costs."""
    wide = [task for task in TASKS if task not in SMALL]
    eight = {task: ratio(frame, task, "in", 8)["steps_ratio"] for task in TASKS}
    out = max(ratio(frame, task, "out", 4)["high"] for task in SMALL)
    four = min(ratio(frame, task, "in", 4)["steps_ratio"] for task in ("mlp", "gnn"))
    most = max(eight[task] for task in SMALL)
    return [
        Statement(f"8 bits in cost nothing on the small tasks (at most {most:.2f})", most < 1.05),
        Statement(
            f"On the wide ones they cost steps ({min(eight[task] for task in wide):.2f} or more)",
            all(eight[task] > 1.2 for task in wide),
        ),
        Statement(f"4 bits out cost less than 1.1 on the small tasks ({out:.2f} at the upper end)", out < 1.1),
        Statement(f"4 bits in lose the benefit ({four:.1f} or more)", four > 2),
    ]


FIGURE: Final = Figure("fig4", "Quantization against steps to the target", data, draw, caption, message, (ANALYSIS,))
