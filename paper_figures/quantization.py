"""Figure 4: bits of what goes into the solver and of what comes out, against steps to the target."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from paper_figures.figure import DATA, Effort, Figure, Frame, Statement
from paper_figures.style import BLACK, BLUE, GREEN, GREY, PAGE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

ANALYSIS: Final = DATA / "study" / "analysis.json"
#: Tasks with the name of each, in the order of the panels.
TASKS: Final = {
    "mlp": "digits, MLP",
    "vit": "digits, ViT",
    "gnn": "molecules, GNN",
    "mlp_512": "Fashion, MLP 512",
    "mlp_2048": "Fashion, MLP 2048",
    "gnn_256": "molecules, GNN 256",
}
SMALL: Final = ("mlp", "vit", "gnn")
#: Fewer seeds give no interval worth showing: two leave one degree of freedom.
LEAST_SEEDS: Final = 3
#: Flaws that the figure shows: what they are, colour, mark and place beside the tick.
FLAWS: Final[dict[str, tuple[str, str, str, float]]] = {
    "in": ("bits in", BLUE, "o", -0.2),
    "ind": ("bits in, top mode removed", GREEN, "s", 0.0),
    "out": ("bits out", VERMILION, "^", 0.2),
}
TOP: Final = 16.0


def data(effort: Effort) -> Frame:
    """One row a task and arm: steps over those of exact K-FAC, paired by seed, with 90 % intervals.

    Registered levels without runs on a task have a row with no seeds. `shown` is what the registered tests say of the arm
    over all small tasks.
    """
    analysis = json.loads(ANALYSIS.read_text(encoding="utf-8"))
    registered = [each["claims"] for each in analysis["registrations"].values()]
    shown = {
        arm: _shown(claims[flaw], arm) for claims in registered for flaw in FLAWS for arm in claims[flaw]["judged_on"]
    }
    rows: list[dict[str, Any]] = []
    for task in TASKS:
        found = analysis["tasks"][task]
        for arm in ("kfac", "adam", *sorted(shown, key=lambda each: (each.split()[0], int(each.split()[1])))):
            flaw, _, bits = arm.partition(" ")
            ratio: dict[str, Any] = (
                found[arm]["versus_kfac"] if arm in found else {"ratio": None, "count": 0, "censored": 0}
            )
            told = ratio["count"] >= LEAST_SEEDS
            rows.append(
                {
                    "task": task, "flaw": flaw, "bits": float(bits) if bits else None,
                    "steps_ratio": ratio["ratio"], "low": ratio["low"] if told else None, "high": ratio["high"] if told else None,
                    "seeds": ratio["count"], "never": ratio["censored"],
                    "judged": "equivalence" in found.get(arm, {}), "shown": shown.get(arm, "reference"),
                    "direction_error": found[arm]["direction_error"] if arm in found else None,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _shown(found: dict[str, Any], arm: str) -> str:
    """What the tests of its registration say of an arm."""
    claims = [
        said
        for said, kind in (("no loss", "no_loss"), ("a cost", "cost"))
        if arm in list(found[f"p_{kind}"])[: found[kind]]
    ]
    return " and ".join(claims) or "neither"


def draw(frame: Frame) -> Drawing:
    """A panel a task: bits in and out against steps, Adam as a band behind."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(PAGE, 4.3), sharex=True, sharey=True)
    levels = sorted(frame["bits"].dropna().unique())
    for axis, (task, name) in zip(axes.flat, TASKS.items(), strict=True):
        _panel(axis, frame[frame["task"] == task], levels)
        axis.set_title(name if task in SMALL else f"{name} (not tested)")
    for axis in axes[1]:
        axis.set_xlabel("bits")
    for axis in axes[:, 0]:
        axis.set_ylabel("steps over exact K-FAC")
    figure.legend(*_legend(), loc="outside lower center", ncols=4)
    return figure


def _legend() -> tuple[list[Any], list[str]]:
    from matplotlib.lines import Line2D

    flaws = [Line2D([], [], color=color, marker=mark, lw=0.5) for _, color, mark, _ in FLAWS.values()]
    found = {
        **dict(zip((name for name, *_ in FLAWS.values()), flaws, strict=True)),
        "Adam, 90 % interval": Line2D([], [], color=BLACK, ls="--", lw=0.9),
        "judged: five seeds or more": Line2D([], [], color=GREY, marker="o", ls=""),
        "described, not judged": Line2D([], [], color=GREY, marker="o", ls="", fillstyle="none"),
        "some never arrived: a bound": Line2D([], [], color=GREY, marker=r"$\uparrow$", ls=""),
        "registered, not run here": Line2D([], [], color=GREY, marker="x", ls=""),
    }
    return list(found.values()), list(found)


def _panel(axis: Axes, rows: Frame, levels: list[float]) -> None:
    places = {bits: at for at, bits in enumerate(levels)}
    adam = rows[rows["flaw"] == "adam"].iloc[0]
    axis.axhline(adam["steps_ratio"], color=BLACK, ls="--", lw=0.9)
    if not pd.isna(adam["low"]):
        axis.axhspan(adam["low"], adam["high"], color=GREY, alpha=0.2, lw=0)
    axis.axhline(1, color=BLACK, lw=0.7)
    for flaw, (_, color, mark, shift) in FLAWS.items():
        of = rows[rows["flaw"] == flaw]
        axis.plot([places[bits] + shift for bits in of["bits"]], of["steps_ratio"], color=color, lw=0.5)
        for _, row in of.iterrows():
            _point(axis, places[row["bits"]] + shift, row, color, mark)
    axis.set_xticks(range(len(levels)), [f"{bits:.0f}" for bits in levels])
    axis.set_yscale("log")
    axis.set_ylim(0.55, TOP)
    axis.set_yticks([1, 2, 4, 8], ["1", "2", "4", "8"])
    axis.minorticks_off()
    axis.set_xlim(-0.6, len(levels) - 0.4)


def _point(axis: Axes, at: float, row: Frame, color: str, mark: str) -> None:
    if not row["seeds"]:
        if row["task"] in SMALL:
            axis.plot([at], [0.62], color=color, marker="x", ls="")
        return
    fill = "full" if row["judged"] else "none"
    axis.plot([at], [row["steps_ratio"]], color=color, marker=mark, ls="", fillstyle=fill)
    axis.plot([at] * 2, [row["low"], min(row["high"], TOP)], color=color, lw=0.8)
    if row["never"]:
        axis.annotate("", (at, 1.6 * row["steps_ratio"]), (at, row["steps_ratio"]),
                      arrowprops={"arrowstyle": "->", "color": color, "lw": 0.9})  # fmt: skip


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
    return ", ".join(f"{TASKS[task]} {span(ratio(frame, task, flaw, bits))}" for task in tasks)


def shown(frame: Frame, flaw: str, said: str) -> list[int]:
    """Levels of a flaw of which the registered tests show something, from many bits to few."""
    rows = frame[(frame["flaw"] == flaw) & frame["shown"].str.contains(said)]
    return sorted({int(bits) for bits in rows["bits"]}, reverse=True)


def coarsest(frame: Frame, flaw: str) -> float:
    """Fewest bits that were run on every small task."""
    rows = frame[(frame["flaw"] == flaw) & frame["task"].isin(SMALL)]
    least = rows.groupby("bits")["seeds"].min()
    return float(least[least > 0].index.min())


def _lacking(frame: Frame) -> str:
    """Registered levels that a small task does not judge: not run there, or on how few seeds."""
    told = []
    for task in SMALL:
        rows = frame[(frame["task"] == task) & frame["flaw"].isin(FLAWS) & ~frame["judged"]]
        levels: dict[tuple[int, str], list[str]] = {}
        for _, row in rows.iterrows():
            levels.setdefault((int(row["seeds"]), row["flaw"]), []).append(f"{row['bits']:.0f}")
        each = [
            f"{flaw} {', '.join(bits)} ({f'{seeds} seeds' if seeds else 'not run'})"
            for (seeds, flaw), bits in levels.items()
        ]
        if each:
            told.append(f"{TASKS[task]}: {', '.join(each)}")
    return "; ".join(told) or "none"


def _bits(levels: list[int]) -> str:
    return ", ".join(map(str, levels)) or "none"


def caption(frame: Frame) -> str:
    """What was run, what is lacking, what the tests show, what Adam takes."""
    wide = tuple(task for task in TASKS if task not in SMALL)
    seeds = {task: frame[(frame["task"] == task) & (frame["seeds"] > 0)]["seeds"] for task in TASKS}
    *most, last = (f"{seeds[task].max():.0f}" for task in SMALL)
    few = pd.concat([seeds[task] for task in wide])
    claims = "; ".join(
        f"{name}: no loss at {_bits(shown(frame, flaw, 'no loss'))}, a cost at {_bits(shown(frame, flaw, 'a cost'))}"
        for flaw, (name, *_) in FLAWS.items()
    )
    return (
        "Measured by training with the flaw of the solver drawn by its law (held against the simulator): couplings rounded (in), "
        "rounded after the top mode was removed (ind), readings rounded (out). Above: three small tasks, factors up to 65, up to "
        f"{', '.join(most)} and {last} seeds a point; below: three wide ones, {few.min():.0f} to {few.max():.0f} seeds, described and not tested. "
        "Geometric means paired by seed with 90 % intervals over seeds; runs that never arrived count with their limit, so that "
        "points with an arrow are bounds from below. Hollow points are not judged: fewer than five seeds, or a wide task; crosses "
        f"are registered levels without runs on that task. Lacking of the registered: {_lacking(frame)}. No paper's data is in it. Shown by the registered tests, in bits: "
        f"{claims}. Couplings at 8 bits over exact K-FAC: {over_tasks(frame, 'in', 8, SMALL)}; on wide layers "
        f"{over_tasks(frame, 'in', 8, wide)}. Readings at 4 bits: {over_tasks(frame, 'out', 4, SMALL)}. Adam: "
        + ", ".join(f"{TASKS[task]} {span(ratio(frame, task, 'adam'))}" for task in TASKS) + "."
    )  # fmt: skip


def message(frame: Frame) -> list[Statement]:
    """What quantization costs."""
    wide = [task for task in TASKS if task not in SMALL]
    eight = {task: ratio(frame, task, "in", 8)["steps_ratio"] for task in TASKS}
    out = max(ratio(frame, task, "out", 4)["high"] for task in SMALL)
    four = min(ratio(frame, task, "in", 4)["steps_ratio"] for task in ("mlp", "gnn"))
    most = max(eight[task] for task in SMALL)
    harmless = frame[frame["task"].isin(SMALL) & frame["shown"].str.contains("no loss")]
    less_in, less_out = (min(shown(frame, flaw, "no loss"), default=math.inf) for flaw in ("in", "out"))
    return [
        Statement(f"8 bits in cost nothing on the small tasks (at most {most:.2f})", most < 1.05),
        Statement(
            f"On the wide ones they cost steps ({min(eight[task] for task in wide):.2f} or more)",
            all(eight[task] > 1.2 for task in wide),
        ),
        Statement(f"4 bits out cost less than 1.1 on the small tasks ({out:.2f} at the upper end)", out < 1.1),
        Statement(f"4 bits in lose the benefit ({four:.1f} or more)", four > 2),
        Statement(
            f"Fewer bits are shown to lose nothing out ({less_out:g}) than in ({less_in:g})",
            less_out < less_in < math.inf,
        ),
        Statement(
            f"Where no loss is shown every task takes less than 1.2 times the steps ({harmless['steps_ratio'].max():.2f} at most)",
            bool((harmless["steps_ratio"] < 1.2).all()),
        ),
    ]


FIGURE: Final = Figure("fig4", "Quantization against steps to the target", data, draw, caption, message, (ANALYSIS,))
