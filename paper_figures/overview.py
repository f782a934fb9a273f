"""Figure 1: who does what in a step of K-FAC with a thermodynamic solver, and what crosses the link, with numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from costmodel import formulas, project
from costmodel.projection.project import Projection
from costmodel.views.numbers import scaled
from paper_figures.figure import SEED, Effort, Figure, Frame, Statement
from paper_figures.scaling import SHARED
from paper_figures.style import BLACK, BLUE, PAGE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

MODEL: Final = "imagenet_vit"
METHODS: Final = {"thermo.inverse": "Method 1: inverses", "thermo.solve": "Method 2: linear systems"}
#: Phases of a projection by the box that they are drawn in; all others lie in the machine's.
DIGITAL: Final = {*SHARED, "precondition", "tiling", "eliminate"}
#: What crosses the link; its time is drawn at the arrow.
LINK: Final = {"upload", "input", "readout"}
_WORDS: Final = {
    "forward_backward": "forward and backward", "sampled_backward": "backward of sampled targets", "rows": "rows of the factors",
    "factors": "factors A, G", "running_average": "running averages", "update": "weight update",
    "precondition": "products with inverses", "settle": "settle", "sample": "sample covariance", "average": "average noise",
    "tiling": "products between blocks", "eliminate": "block elimination",
}  # fmt: skip


def data(effort: Effort) -> pd.DataFrame:
    """One row a method and phase with its seconds, and a row for each transfer with its bytes."""
    result = project(MODEL, "h100-sxm", "tngd-2024", draws=effort.draws, seed=SEED)
    rows = [row for method in METHODS for row in _phases(result, method)]
    return pd.DataFrame([*rows, *_transfers(result)])


def _phases(result: Projection, method: str) -> list[dict[str, Any]]:
    return [
        {
            "method": method, "item": phase, "seconds": each.median, "bytes": np.nan, "status": each.status.value,
            "where": "link" if phase in LINK else "digital" if phase in DIGITAL else "machine",
        }
        for phase, each in result.methods[method].phases.items()
    ]  # fmt: skip


def _transfers(result: Projection) -> list[dict[str, Any]]:
    """Bytes of one refresh or one step: couplings in, inverses out; gradients in, directions out."""
    card = result.analog
    couplings = formulas.get("kfac.factor.elements")
    factors = gradients = 0.0
    for each in result.layers:
        a, g = each.layer.input_factor_dimension, each.layer.output_dimension
        factors += each.layer.pairs * float(couplings.evaluate(n=a) + couplings.evaluate(n=g))
        gradients += 2.0 * each.layer.parameters  # through A and through G
    assert card.input_bits is not None
    assert card.output_bits is not None
    into, out = card.input_bits.value / 8, card.output_bits.value / 8
    bytes_of = {
        "thermo.inverse": {"couplings": factors * into, "inverses": factors * out},
        "thermo.solve": {"couplings": factors * into, "gradients": gradients * into, "directions": gradients * out},
    }
    return [
        {"method": method, "item": item, "seconds": np.nan, "bytes": number, "status": "sourced", "where": "transfer"}
        for method, items in bytes_of.items()
        for item, number in items.items()
    ]


def draw(frame: pd.DataFrame) -> Drawing:
    """A drawing a method: boxes with phases and their times, arrows with bytes."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 1, figsize=(PAGE, 4.4))
    for axis, (method, title) in zip(axes, METHODS.items(), strict=True):
        _scheme(axis, frame[frame["method"] == method], title)
    return figure


def _scheme(axis: Axes, rows: Frame, title: str) -> None:
    axis.set_axis_off()
    axis.set_xlim(0, 10)
    axis.set_ylim(0, 3.75)
    axis.set_title(title)
    _box(axis, 0.05, 4.2, BLUE, "digital device: network, factors, update", rows[rows["where"] == "digital"])
    _box(axis, 7.0, 2.9, VERMILION, "thermodynamic machine", rows[rows["where"] == "machine"])
    arrows = _arrows(rows)
    for at, (forward, text) in zip(np.linspace(2.7, 0.6, len(arrows)), arrows, strict=True):
        start, end = ((4.35, at), (6.9, at)) if forward else ((6.9, at), (4.35, at))
        axis.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": BLACK, "lw": 1.2})
        axis.text(5.62, at + 0.12, text, ha="center", va="bottom", size=6)


def _box(axis: Axes, x: float, width: float, color: str, title: str, rows: Frame) -> None:
    from matplotlib.patches import FancyBboxPatch

    axis.add_patch(FancyBboxPatch((x, 0.15), width, 3.5, boxstyle="round,pad=0.03", fc="white", ec=color, lw=1.4))
    axis.text(x + width / 2, 3.4, title, ha="center", va="center", weight="bold", color=color, size=6.5)
    rows = rows[rows["seconds"] > 0]
    for at, (_, row) in zip(np.linspace(2.95, 0.45, 7), rows.iterrows(), strict=False):
        axis.text(x + 0.12, at, _WORDS.get(row["item"], row["item"]), ha="left", va="center", size=6.3)
        axis.text(x + width - 0.12, at, scaled(row["seconds"], "s"), ha="right", va="center", size=6.3)


def _arrows(rows: Frame) -> list[tuple[bool, str]]:
    """Direction and text of each transfer."""
    # Method 2 programs its one array with every factor in turn, in every step.
    often = "refresh" if "inverses" in set(rows["item"]) else "step"
    number = rows[rows["where"] == "transfer"].set_index("item")["bytes"]
    words = {
        "couplings": (True, f"damped A, G, each {often}"), "gradients": (True, "gradients, each step"),
        "inverses": (False, "inverses, each refresh"), "directions": (False, "directions, each step"),
    }  # fmt: skip
    spent = rows[rows["where"] == "link"].set_index("item")["seconds"]
    phase = {"couplings": "upload", "gradients": "input", "inverses": "readout", "directions": "readout"}
    return [
        (words[item][0], f"{words[item][1]}: {scaled(each, 'B')}\n({scaled(spent[phase[item]], 's')} of a step)")
        for item, each in number.items()
    ]


def share(frame: Frame, method: str, where: str) -> float:
    """Share of a step."""
    rows = frame[(frame["method"] == method) & (frame["where"] != "transfer")]
    return float(rows[rows["where"] == where]["seconds"].sum() / rows["seconds"].sum())


def caption(frame: Frame) -> str:
    """Shares of digital device, machine and link."""
    shares = {
        method: ", ".join(f"{share(frame, method, where):.1%} {name}" for where, name in _WHERE.items())
        for method in METHODS
    }
    return (
        "ViT-S/16 on ImageNet, batch 1024, on one H100 and tngd-2024. Times are medians of one step, work of a refresh spread over "
        "its 100 steps; digital ones fitted to timings, those of the machine projected from constants that are sourced or assumed. "
        "Bytes are exact for the 16 bits of the card. Shares of a step: Method 1 "
        f"{shares['thermo.inverse']}; Method 2 {shares['thermo.solve']}."
    )


_WHERE: Final = {"digital": "on the digital device", "machine": "in the machine", "link": "on the link with conversion"}


def message(frame: Frame) -> list[Statement]:
    """Most of a step never leaves the digital device; Method 2 sends more over many steps."""
    inverse = share(frame, "thermo.inverse", "digital")
    sent = frame[frame["where"] == "transfer"].set_index(["method", "item"])["bytes"]
    one = sent["thermo.inverse"].sum() / 100
    two = sent["thermo.solve"].sum()
    return [
        Statement(f"By Method 1 most of a step stays on the digital device ({inverse:.0%})", inverse > 0.5),
        Statement(f"Method 2 sends more bytes a step than Method 1 ({two / one:.0f} times)", bool(two > 10 * one)),
    ]


FIGURE: Final = Figure("fig1", "Who does what in a step", data, draw, caption, message)
