"""The picture that the README opens with: where a step of ViT-S/16 goes, arm by arm."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from costmodel import project
from costmodel.inputs.files import write_bytes, write_text
from costmodel.projection.project import Projection
from costmodel.views.numbers import scaled
from paper_figures.figure import FAST, ROOT, SEED, Effort, Figure, Frame, Statement
from paper_figures.style import GREEN, ORANGE, SKY, STYLE, VERMILION

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

FOLDER: Final = ROOT / "docs" / "img"
MODEL: Final = "imagenet_vit"
#: Phases by the group that they are shown in; all others are the solver's.
GROUPS: Final = {
    "forward_backward": "forward and backward pass",
    "sampled_backward": "factors",
    "rows": "factors",
    "factors": "factors",
    "running_average": "factors",
    "update": "update",
}
COLORS: Final = {
    "forward and backward pass": "#b0b0b0", "factors": SKY, "update": GREEN, "digital solver": ORANGE,
    "analog solver": VERMILION,
}  # fmt: skip


def data(effort: Effort) -> Frame:
    """One row an arm and group of phases: median seconds of a step, and the arm's gain to the target over Adam."""
    old, new = (
        project(MODEL, "h100-sxm", card, draws=max(effort.draws, 300), seed=SEED) for card in ("tngd-2024", "scaled")
    )
    best = old.best_digital
    bars = [
        ("Adam", old, "adam"), ("K-FAC, digital", old, best),
        ("Method 1, published constants", old, "thermo.inverse"), ("Method 2, published constants", old, "thermo.solve"),
        ("Method 1, optimistic machine", new, "thermo.inverse"), ("Method 2, optimistic machine", new, "thermo.solve"),
    ]  # fmt: skip
    rows = [row for title, result, name in bars for row in _rows(title, result, name)]
    free = old.methods[best].step_time.median / old.free_solver.median
    kept = [row for row in _rows("a solver that takes no time", old, best) if "solver" not in row["group"]]
    return pd.DataFrame([*rows, *(row | {"step_s": free, "p95_s": free} for row in kept)])


def _rows(title: str, result: Projection, name: str) -> list[dict[str, Any]]:
    method = result.methods[name]
    groups: dict[str, float] = {}
    for phase, estimate in method.phases.items():
        solver = "analog solver" if name.startswith("thermo") else "digital solver"
        group = GROUPS.get(phase, solver)
        groups[group] = groups.get(group, 0.0) + estimate.median
    gain = result.speedup[name]["adam_to_target"].median
    head = {"arm": title, "method": name, "machine": result.analog.name}
    step = {
        "step_s": method.step_time.median,
        "p95_s": method.step_time.p95,
        "to_target": gain,
        "free": result.free_solver.median,
    }
    return [head | {"group": group, "seconds": seconds} | step for group, seconds in groups.items()]


def draw(frame: Frame) -> Drawing:
    """Bars of stacked phases; the whisker is the 95th percentile of a step."""
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(5.6, 2.5))
    arms = list(frame["arm"].unique())
    left = dict.fromkeys(arms, 0.0)
    for group, color in COLORS.items():
        rows = frame[frame["group"] == group].set_index("arm")["seconds"].reindex(arms).fillna(0.0)
        hatch = "////" if group == "analog solver" else None
        axis.barh(
            arms, rows, left=list(left.values()), color=color, label=group, hatch=hatch, edgecolor="white", lw=0.4
        )
        left = {arm: left[arm] + rows[arm] for arm in arms}
    whole = frame.drop_duplicates("arm").set_index("arm")
    axis.set_xlim(0, 1.3 * max(left.values()))
    for arm in arms:
        end = min(whole.loc[arm, "p95_s"], 1.15 * max(left.values()))
        axis.plot([left[arm], max(end, left[arm])], [arm, arm], color="black", lw=0.7)
        axis.annotate(scaled(whole.loc[arm, "step_s"], "s"), (max(end, left[arm]), arm), xytext=(4, 0),
                      textcoords="offset points", va="center", size=6)  # fmt: skip
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    axis.set_xlabel("one training step of ViT-S/16, batch 1024, on one H100 (s)")
    figure.suptitle(headline(frame), size=7.5, weight="bold")
    figure.legend(loc="outside lower center", ncols=5)
    return figure


def headline(frame: Frame) -> str:
    """The answer in a line."""
    free = frame["free"].iloc[0]
    share = _share(frame)
    return (
        f"A solver that took no time at all would gain {free:.2f}x: inverting is {share:.0%} of a step of digital K-FAC"
    )


def _share(frame: Frame) -> float:
    rows = frame[frame["arm"] == "K-FAC, digital"]
    return float(rows[rows["group"] == "digital solver"]["seconds"].sum() / rows["step_s"].iloc[0])


def caption(frame: Frame) -> str:
    """Where time goes, and what K-FAC gains over Adam by itself."""
    whole = frame.drop_duplicates("arm").set_index("arm")
    digital = whole.loc["K-FAC, digital"]
    return (
        f"Projected; digital times fitted to timings of an H100, the machines sourced (tngd-2024) or assumed (scaled); bars "
        f"stack medians of phases, numbers are medians of the whole step; black lines reach the 95th percentile or the edge. Digital K-FAC ({digital['method']}) reaches the target {digital['to_target']:.2f} times as "
        f"fast as Adam by its fewer steps; a solver that takes no time would add {digital['free']:.2f}x."
    )


def message(frame: Frame) -> list[Statement]:
    """Why the answer is what it is."""
    whole = frame.drop_duplicates("arm").set_index("arm")
    return [
        Statement("The solver is less than a tenth of a digital step", _share(frame) < 0.1),
        Statement("No machine makes the step shorter than the digital one by more than 5 %",
                  bool((whole["step_s"].drop("Adam") > 0.95 * whole.loc["K-FAC, digital", "step_s"]).all())),
    ]  # fmt: skip


FIGURE: Final = Figure("answer", "Where a step of ViT-S/16 goes", data, draw, caption, message)


def write(out: Path | None = None) -> Path:
    """Write the README's picture and its data."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    folder = out or FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    frame = data(FAST)
    write_text(folder / "answer.csv", frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    with plt.style.context(STYLE):
        drawing, buffer = draw(frame), io.BytesIO()
        drawing.savefig(buffer, format="png", dpi=160)
        plt.close(drawing)
    write_bytes(folder / "answer.png", buffer.getvalue())
    return folder / "answer.png"
