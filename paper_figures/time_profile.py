"""Figure 2: where a K-FAC step spends its time, over the width of an MLP and the vocabulary of a GPT."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from costmodel.views.numbers import scaled
from paper_figures.figure import DATA, Effort, Figure, Frame, Statement
from paper_figures.style import PAGE, PHASES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

PROCESSOR: Final = Path(__file__).parent / "data" / "profile.jsonl"
GPU: Final = DATA / "h100" / "kfac_steps.csv"
#: Phases as the figure groups them; the H100's factors have rows and averages in them as measured.
_GROUP: Final = {"rows": "factors", "running_average": "factors"}
#: Panels: device, family, batch, and what stands over it.
PANELS: Final = (
    ("one processor core", "mlp", "small", "CPU, MLP, 64 rows"),
    ("one processor core", "mlp", "full", "CPU, MLP, 2048 rows"),
    ("H100", "mlp", "full", "H100, MLP, 1024 rows"),
    ("one processor core", "gpt", "small", "CPU, GPT, 64 tokens"),
    ("one processor core", "gpt", "full", "CPU, GPT, 2048 tokens"),
    ("H100", "gpt", "full", "H100, GPT, 4096 tokens"),
)
#: An amortised step builds factors every tenth time and inverts every hundredth.
AMORTISED: Final = {"factors": 1 / 10, "inversion": 1 / 100}


def data(effort: Effort) -> Frame:
    """One row a device, network, batch and phase: measured seconds and their share of a step, all phases every step."""
    frame: Frame = pd.DataFrame([*_of_processor(), *_of_gpu()])
    keys = ["device", "family", "batch", "size", "phase"]
    frame = frame.groupby(keys, sort=False, as_index=False)["seconds"].sum()
    step = frame.groupby(keys[:-1])["seconds"].transform("sum")
    amortised = frame["seconds"] * frame["phase"].map(lambda phase: AMORTISED.get(phase, 1.0))
    frame["share"] = frame["seconds"] / step
    frame["share_amortised"] = amortised / amortised.groupby([frame[key] for key in keys[:-1]]).transform("sum")
    return frame


def _of_processor() -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in PROCESSOR.read_text(encoding="utf-8").splitlines()]
    return [
        _row(
            "one processor core", each["family"], each["batch"], each["size"], each["phase"], each["min_s"]
        )  # what others add is no part of it
        for each in lines
        if each["kind"] == "phase"
    ]


def _of_gpu() -> list[dict[str, Any]]:
    found = []
    for each in csv.DictReader(GPU.read_text(encoding="utf-8").splitlines()):
        name, phase = each["model"], each["phase"]
        if name.startswith("vit") or phase == "adam_update":
            continue
        family, size = name[:3], int(name.split("_")[1 if name.startswith("mlp") else 2][1:])
        found.append(_row("H100", family, "full", size, phase, float(each["median_s"])))
    return found


def _row(device: str, family: str, batch: str, size: int, phase: str, seconds: float) -> dict[str, Any]:
    group = _GROUP.get(phase, phase)
    return {"device": device, "family": family, "batch": batch, "size": size, "phase": group, "seconds": seconds}


def panel(frame: Frame, device: str, family: str, batch: str) -> Frame:
    """Rows of one panel."""
    return frame[(frame["device"] == device) & (frame["family"] == family) & (frame["batch"] == batch)]


def draw(frame: Frame) -> Drawing:
    """Shares as stacked bars, the seconds of a step above each."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(PAGE, 4.2), sharey=True)
    for axis, (device, family, batch, title) in zip(axes.flat, PANELS, strict=True):
        _bars(axis, panel(frame, device, family, batch))
        axis.set_title(title)
        axis.set_xlabel("width" if family == "mlp" else "vocabulary")
    for axis in axes[:, 0]:
        axis.set_ylabel("share of a step, all phases in it")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5)
    return figure


def _bars(axis: Axes, rows: Frame) -> None:
    sizes = sorted(rows["size"].unique())
    share = rows.pivot(index="size", columns="phase", values="share").loc[sizes]
    step = rows.groupby("size")["seconds"].sum().loc[sizes]
    below = 0.0 * step
    for phase, (color, label) in PHASES.items():
        hatch = "////" if phase == "inversion" else None
        axis.bar(
            range(len(sizes)),
            share[phase],
            bottom=below,
            color=color,
            label=label,
            hatch=hatch,
            edgecolor="white",
            lw=0.4,
        )
        below = below + share[phase]
    for at, seconds in enumerate(step):
        axis.text(at, 1.01, scaled(seconds, "s", 2), ha="center", va="bottom", size=5 if len(step) <= 6 else 4)
    axis.set_xticks(range(len(sizes)), [str(each) for each in sizes], rotation=45)
    axis.set_ylim(0, 1.08)
    axis.grid(visible=False)


def inversion(frame: Frame, column: str = "share") -> Frame:
    """Share of inversion by panel and size."""
    return frame[frame["phase"] == "inversion"][["device", "family", "batch", "size", column]]


def largest(frame: Frame, device: str, family: str, batch: str, size: int, column: str = "share") -> str:
    """Phase that takes most of a step."""
    rows = panel(frame, device, family, batch)
    rows = rows[rows["size"] == size]
    return str(rows.loc[rows[column].idxmax(), "phase"])


def bottlenecks(frame: Frame, column: str = "share") -> tuple[int, int]:
    """Networks whose step is longest in inversion, and networks."""
    networks = frame[["device", "family", "batch", "size"]].drop_duplicates().to_numpy().tolist()
    found = (largest(frame, device, family, batch, size, column) for device, family, batch, size in networks)
    return sum(phase == "inversion" for phase in found), len(networks)


def _machine() -> str:
    """On what and when the processor was timed, and whether others were at work."""
    head = json.loads(PROCESSOR.read_text(encoding="utf-8").partition("\n")[0])
    beside = "while others computed on it" if head["busy"] else "with nothing else at work"
    return f"{head['device']} on {head['date']}, {beside}"


def caption(frame: Frame) -> str:
    """Where inversion is the bottleneck."""
    found, networks = bottlenecks(frame)
    shares, amortised = inversion(frame), inversion(frame, "share_amortised")
    return (
        f"Measured, phase by phase; above each bar the whole step. Processor: {_machine()}, one core, PyTorch, float32, the least of five; "
        "MLPs 784-W-W-W-10, GPTs of width 128 and two blocks with a Kronecker factor for the output vocabulary. H100: medians of CUDA "
        "events, MLPs of the same shape, GPTs of width 384. Cholesky inverses. With every phase in every step, as a profile of "
        f"one update has it, inversion is the largest phase in {found} of {networks} networks, its share "
        f"{shares['share'].min():.0%} to {shares['share'].max():.0%}. With factors every ten steps and inversion every hundred "
        f"its share is {amortised['share_amortised'].min():.1%} to {amortised['share_amortised'].max():.1%}."
    )


def message(frame: Frame) -> list[Statement]:
    """Inversion is the bottleneck of small batches and of the GPU, not of large batches; amortised it is none."""
    share = inversion(frame).set_index(["device", "family", "batch", "size"])["share"]
    small, full = (share["one processor core"]["mlp"][batch] for batch in ("small", "full"))
    found, networks = bottlenecks(frame)
    amortised = inversion(frame, "share_amortised")["share_amortised"]
    vocabulary = share["H100"]["gpt"]["full"]
    return [
        Statement("Inversion takes a larger share of a small batch than of a full one", bool((small > full).all())),
        Statement(
            f"It is the largest phase of some networks and not of all ({found} of {networks})", 0 < found < networks
        ),
        Statement(
            f"Over the vocabulary its share grows on the H100 ({vocabulary.iloc[0]:.0%} to {vocabulary.iloc[-1]:.0%})",
            bool(vocabulary.iloc[-1] > vocabulary.iloc[0]),
        ),
        Statement(
            f"Inverting every hundredth step leaves it {amortised.max():.0%} at most", bool(amortised.max() < 0.5)
        ),
    ]


FIGURE: Final = Figure("fig2", "Time profile of a K-FAC step", data, draw, caption, message, (PROCESSOR, GPU))
