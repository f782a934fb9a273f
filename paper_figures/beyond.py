"""Figure 6, beyond the paper: what bounds a step, what a machine would need, what the answer hangs on, where it saturates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from costmodel import AnalogCard, DigitalCard, load_card, load_workload
from costmodel.projection.points import Points, evaluate_points
from costmodel.quantities.estimate import Quantity
from costmodel.workloads.workload import Workload
from paper_figures.figure import Effort, Figure, Frame, Statement
from paper_figures.scaling import SHARED, layer
from paper_figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, PAGE, PURPLE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

SOLVE: Final = "thermo.solve"
MODEL: Final = "imagenet_vit"
#: What a phase of Method 2 waits for, its colour, and its letter in the map.
BOUNDS: Final = {
    "digital": ("passes, factors", "#b0b0b0"),
    "settle": ("settling", PURPLE),
    "average": ("averaging noise", VERMILION),
    "link": ("link and converters", ORANGE),
    "tiling": ("digital products between blocks", SKY),
}
_OF_PHASE: Final = {
    "settle": "settle", "average": "average", "upload": "link", "input": "link", "readout": "link",
    "tiling": "tiling", "eliminate": "tiling",
}  # fmt: skip
SHOWN: Final = 10


def data(effort: Effort) -> pd.DataFrame:
    """Rows of four panels: x, y, value and a label, with what each means."""
    return pd.concat([_regimes(effort), _requirements(effort), _tornado(), _roofline(effort)], ignore_index=True)


def hardware(analog: str, **changes: Any) -> tuple[DigitalCard, AnalogCard]:
    """The H100 and a machine."""
    digital, machine = load_card("h100-sxm"), load_card(analog, set=changes)
    assert isinstance(digital, DigitalCard)
    assert isinstance(machine, AnalogCard)
    return digital, machine


def _with_kappa(n: int) -> Workload:
    stated = load_workload("mlp", set={"kfac.condition_number": 100.0}).kfac.condition_number
    return replace(layer(n), kfac=replace(layer(n).kfac, condition_number=stated))


def _grouped(phases: dict[str, Any]) -> dict[str, Any]:
    """Seconds by what is waited for."""
    found: dict[str, Any] = {}
    for phase, seconds in phases.items():
        name = phase.split(".")[0]
        group = "digital" if phase in SHARED else _OF_PHASE.get(name, "digital")
        found[group] = found.get(group, 0.0) + np.ravel(seconds)
    return found


def _regimes(effort: Effort) -> pd.DataFrame:
    """For each n and kappa, what takes most of one layer's step by Method 2 on one array as large as the matrix."""
    kappas = np.logspace(0.5, 4.5, effort.either(9, 17))
    rows = []
    for n in effort.either((128, 512, 2048, 8192, 32768), (128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)):
        for machine, (card, changes) in MAPS.items():
            costs = evaluate_points(
                _with_kappa(n),
                *hardware(card, **changes),
                {"kfac.condition_number": kappas},
                methods=[SOLVE],
                phases=True,
            )
            groups = _grouped(dict(costs.phases[SOLVE]))
            names = list(groups)
            most = np.argmax(np.stack([np.broadcast_to(groups[name], kappas.shape) for name in names]), axis=0)
            rows += [
                {
                    "panel": f"regime, {machine}",
                    "x": n,
                    "y": kappa,
                    "value": costs.step[SOLVE][at],
                    "label": names[most[at]],
                }
                for at, kappa in enumerate(kappas)
            ]
    return pd.DataFrame(rows)


MAPS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "whole matrices, RC 1 ns": ("tngd-2024", {"relaxation_time": "1 ns", "arrays": 64, "link_bandwidth": "3.6 Tbit/s"}),
    "256 cells, RC 2 ns": ("scaled", {}),
}


def _requirements(effort: Effort) -> pd.DataFrame:
    """Gain of the better of both methods over the best digital one on ViT, over RC and the link of `tngd-2024`."""
    steps = effort.either(9, 21)
    tau, link = np.logspace(-10, -6, steps), np.logspace(10, 13, steps)
    x, y = (each.ravel() for each in np.meshgrid(tau, link))
    names = ["kfac.cholesky_batched", "kfac.newton_schulz", "kfac.low_rank", "thermo.inverse", SOLVE]
    step = evaluate_points(
        load_workload(MODEL), *hardware("tngd-2024"), {"relaxation_time": x, "link_bandwidth": y}, methods=names
    ).step
    digital = np.min([np.broadcast_to(step[name], x.shape) for name in names[:3]], axis=0)
    analog = np.min([step[name] for name in names[3:]], axis=0)
    return pd.DataFrame({"panel": "requirement", "x": x, "y": y, "value": digital / analog, "label": ""})


def _tornado() -> pd.DataFrame:
    """Step of Method 2 on ViT and `tngd-2024` with each assumption at either end of its range, over all at their values."""
    workload, cards = load_workload(MODEL), hardware("tngd-2024")
    points = Points(workload, *cards, methods=[SOLVE])
    ranged = {path: each for path, each in points.found.items() if _has_range(path, each)}
    base = float(points.evaluate({}).step[SOLVE][0])
    rows = []
    # Both factors' curvature has to have as many points, so that all of it is stated.
    curved = {path: np.full(2, each.value) for path, each in points.found.items() if path.startswith("curvature.")}
    for path, quantity in ranged.items():
        columns = curved | {path: np.array([quantity.low, quantity.high])}
        low, high = points.evaluate(columns).step[SOLVE] / base
        rows.append({"panel": "tornado", "x": low, "y": high, "value": abs(np.log(high / low)), "label": path})
    return pd.DataFrame(rows).sort_values("value", ascending=False).head(SHOWN)


def _has_range(path: str, quantity: Quantity) -> bool:
    return 0 < quantity.low < quantity.high and not path.startswith("model.training")


def _roofline(effort: Effort) -> pd.DataFrame:
    """FLOP/s that the products of preconditioning would need to be as fast as each part of Method 2, for one layer."""
    rows = []
    for n in effort.either((128, 512, 2048, 8192, 32768), (128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)):
        useful = 4.0 * n**3  # G^-1 V A^-1: two products of n by n matrices, 2 n^3 each
        costs = evaluate_points(
            _with_kappa(n), *hardware("scaled"), {"kfac.condition_number": np.array([100.0])},
            methods=[SOLVE, "kfac.cholesky"], phases=True,
        )  # fmt: skip
        groups = _grouped(dict(costs.phases[SOLVE]))
        parts = {name: float(each[0]) for name, each in groups.items() if name != "digital"}
        parts["whole"] = sum(parts.values())
        parts["digital product"] = float(np.ravel(costs.phases["kfac.cholesky"]["precondition"])[0])
        rows += [
            {"panel": "roofline", "x": n, "y": useful / seconds, "value": seconds, "label": name}
            for name, seconds in parts.items()
            if seconds > 0
        ]
    return pd.DataFrame(rows)


def draw(frame: pd.DataFrame) -> Drawing:
    """Six panels of four kinds."""
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(PAGE, 5.2))
    halves: Any = figure.subfigures(2, 1)
    above, below = halves
    maps: Any = above.subplots(1, 3)
    for axis, machine in zip(maps, MAPS, strict=False):
        _draw_regime(axis, frame[frame["panel"] == f"regime, {machine}"])
        axis.set_title(machine)
    _draw_requirement(maps[2], frame[frame["panel"] == "requirement"])
    tornado, roofline = below.subplots(1, 2, width_ratios=(1, 1))
    _draw_tornado(tornado, frame[frame["panel"] == "tornado"])
    _draw_roofline(roofline, frame[frame["panel"] == "roofline"])
    return figure


def _draw_regime(axis: Axes, rows: Any) -> None:
    from matplotlib.colors import ListedColormap

    names = list(BOUNDS)
    table = rows.pivot(index="y", columns="x", values="label").map(names.index)
    colors = ListedColormap([color for _, color in BOUNDS.values()])
    axis.pcolormesh(
        table.columns, table.index, table.to_numpy(), cmap=colors, vmin=-0.5, vmax=len(names) - 0.5, shading="nearest"
    )
    for name in sorted(set(rows["label"])):
        of = rows[rows["label"] == name]
        place = (float(np.exp(np.log(of["x"]).mean())), float(np.exp(np.log(of["y"]).mean())))
        axis.annotate(BOUNDS[name][0].replace(", ", ",\n").replace(" between", "\nbetween"), place, ha="center", va="center", size=5, clip_on=True,
                      bbox={"facecolor": "white", "alpha": 0.8, "lw": 0, "pad": 1})  # fmt: skip
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("width n")
    axis.set_ylabel("condition number")
    axis.grid(visible=False)


def _draw_requirement(axis: Axes, rows: Any) -> None:
    table = rows.pivot(index="y", columns="x", values="value")
    levels = [0.5, 0.8, 0.9, 0.95, 0.99]
    lines = axis.contour(table.columns, table.index, table.to_numpy(), levels=levels, colors=BLACK, linewidths=0.7)
    axis.contourf(table.columns, table.index, table.to_numpy(), levels=[0.99, 10], colors=[GREEN], alpha=0.35)
    axis.clabel(lines, fmt="%.2fx", fontsize=5)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.plot([1e-6], [50e9], marker="*", color=VERMILION, ls="", ms=7, clip_on=False)
    axis.annotate("published", (1e-6, 50e9), xytext=(2, -11), textcoords="offset points", ha="right", size=5.5)
    axis.set_xlabel("RC (s)")
    axis.set_ylabel("link (bit/s)")
    axis.set_title("gain over digital, ViT")


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
    axis.set_xlabel("step of Method 2, over all at their values\n(blue: low end of the range, orange: high end)")
    axis.set_title("what it hangs on: ViT, tngd-2024")


def _draw_roofline(axis: Axes, rows: Any) -> None:
    looks = {
        "settle": (PURPLE, "-.", "settling"), "average": (VERMILION, ":", "averaging"), "link": (ORANGE, "--", "link, converters"),
        "tiling": (SKY, "-", "tiling"), "whole": (BLACK, "-", "Method 2"), "digital product": (GREY, "--", "H100 products"),
    }  # fmt: skip
    for name, (color, dash, label) in looks.items():
        curve = rows[rows["label"] == name]
        if len(curve):
            axis.loglog(curve["x"], curve["y"], color=color, ls=dash, label=label, lw=2 if name == "whole" else 1.1)
    axis.set_xlabel("width n")
    axis.set_ylabel("useful FLOP/s")
    axis.set_title("ceilings of Method 2 on scaled")
    axis.legend(loc="upper left", fontsize=5)


def best_gain(frame: Frame) -> float:
    """Largest gain on the requirement map."""
    return float(frame[frame["panel"] == "requirement"]["value"].max())


def caption(frame: Frame) -> str:
    """What bounds, what is needed, what matters."""
    top = frame[frame["panel"] == "tornado"].iloc[0]
    even = frame[(frame["panel"] == "requirement") & (frame["value"] >= 0.99)]
    slowest = "nowhere on the map" if even.empty else f"at an RC of {even['x'].max():.2g} s or less"
    return (
        "Projected at nominal values; machines sourced or assumed. Maps: what takes most of one layer's step by Method 2, every "
        "phase in every step. Contours: gain of a step of ViT-S/16 by the better of both methods over the best digital one, "
        f"refresh every 100 steps, as RC and link of tngd-2024 improve; green where it is within 1 % of break-even ({slowest}). The most "
        f"anywhere on the map is {best_gain(frame):.3f}x. Bars: the ten assumptions that move Method 2 most; {top['label']} moves it "
        f"{top['x']:.2g}x to {top['y']:.2g}x. Ceilings: useful FLOP/s of preconditioning one layer that each part of Method 2 allows; the "
        "slowest part decides."
    )


def message(frame: Frame) -> list[Statement]:
    """Bounds change with n; break-even needs fast cells; it never becomes a gain worth having."""
    tiled = frame[frame["panel"] == "regime, 256 cells, RC 2 ns"]
    wide = tiled[(tiled["x"] == tiled["x"].max()) & (tiled["y"] < 1000)]["label"]
    published = frame[(frame["panel"] == "requirement") & (frame["x"] > 0.99e-6) & (frame["y"] < 1.01e10)][
        "value"
    ].iloc[0]
    roof = frame[frame["panel"] == "roofline"].pivot(index="x", columns="label", values="y")
    return [
        Statement("On arrays of fixed size wide layers wait for digital products", bool((wide == "tiling").all())),
        Statement(f"On the published constants ViT loses ({published:.2f}x)", published < 0.95),
        Statement(f"No RC or link on the map gains 5 % on ViT ({best_gain(frame):.3f}x)", best_gain(frame) < 1.05),
        Statement("Method 2 stays below the product rate of the H100 on tiled wide layers",
                  bool(roof["whole"].iloc[-1] < roof["digital product"].iloc[-1])),
    ]  # fmt: skip


FIGURE: Final = Figure("fig6", "Beyond the paper", data, draw, caption, message)
