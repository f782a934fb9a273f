"""Figure 6, beyond the paper: what bounds a step, what a machine would need, what the answer hangs on, where it saturates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from costmodel import AnalogCard, DigitalCard, load_card
from costmodel.cli_inputs import load
from costmodel.projection.points import evaluate_points
from costmodel.questions.case import BEST_DIGITAL, Case
from costmodel.questions.regimes import Regimes, regimes
from costmodel.questions.sensitivity import sensitivity
from paper_figures.beyond_drawing import draw
from paper_figures.figure import SEED, Effort, Figure, Frame, Statement
from paper_figures.scaling import DIGITAL, SHARED, layer

SOLVE: Final = "thermo.solve"
METHODS: Final = ("thermo.inverse", SOLVE)
MODEL: Final = "imagenet_vit"
_OF_PHASE: Final = {
    "settle": "settle", "average": "average", "upload": "link", "input": "link", "readout": "link",
    "tiling": "tiling", "eliminate": "tiling",
}  # fmt: skip
SHOWN: Final = 10


#: Machines of the maps: a card, and what is other in it.
MAPS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "whole matrices, RC 1 ns": (
        "tngd-2024", ("analog.relaxation_time=1 ns", "analog.arrays=64", "analog.link_bandwidth=3.6 Tbit/s"),
    ),
    "256 cells, RC 2 ns": ("scaled", ()),
}  # fmt: skip
#: The network of the maps: an MLP of three layers, every phase in every step, one condition number for all its factors.
_MLP: Final = (
    "model.parameters.depth=3", "model.kfac.refresh_interval=1", "model.kfac.factor_interval=1", "model.kfac.condition_number=100",
)  # fmt: skip


def data(effort: Effort) -> pd.DataFrame:
    """Rows of four panels: x, y, value and a label, with what each means."""
    return pd.concat([_regimes(), _requirements(), _tornado(effort), _roofline(effort)], ignore_index=True)


def _case(model: str, analog: str, settings: Sequence[str] = (), draws: int = 0) -> Case:
    """What the questions of the command line are asked of."""
    return Case(lambda more: load(model, DIGITAL, analog, [*settings, *more]), draws, SEED)


def _grouped(phases: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds by what is waited for."""
    found: dict[str, Any] = {}
    for phase, seconds in phases.items():
        name = phase.split(".")[0]
        group = "digital" if phase in SHARED else _OF_PHASE.get(name, "digital")
        found[group] = found.get(group, 0.0) + np.ravel(seconds)
    return found


def _regimes() -> pd.DataFrame:
    """For each width and kappa the gain of Method 2 over the best digital method, and what most of its step waits for."""
    parts = []
    for machine, (card, changes) in MAPS.items():
        case = _case("mlp", card, (*_MLP, *changes))
        found = regimes(case, "width", "condition_number", SOLVE, BEST_DIGITAL)
        x, y = (each.ravel() for each in np.meshgrid(found.columns, found.rows))
        costs = case.times({found.across: x, found.up: y}, [SOLVE], draws=0, phases=True)
        groups = _grouped(costs.phases[SOLVE])
        names = list(groups)
        most = np.argmax(np.stack([np.broadcast_to(groups[name], x.shape) for name in names]), axis=0)
        labels = [names[at] for at in most]
        part = {"panel": f"regime, {machine}", "x": x, "y": y, "value": found.speedup.ravel(), "label": labels}
        parts.append(pd.DataFrame(part))
    return pd.concat(parts)


def _requirements() -> pd.DataFrame:
    """Gain of the better of both methods over the best digital one on ViT, over RC and the link of `tngd-2024`."""
    case = _case(MODEL, "tngd-2024")
    both = [regimes(case, "relaxation_time", "link", method, BEST_DIGITAL) for method in METHODS]
    x, y = (each.ravel() for each in np.meshgrid(both[0].columns, both[0].rows))
    gain = np.maximum(*(each.speedup for each in both)).ravel()
    found = pd.DataFrame({"panel": "requirement", "x": x, "y": y, "value": gain, "label": ""})
    return pd.concat([found, pd.DataFrame([_published(case, both[0])])])


def _published(case: Case, on: Regimes) -> dict[str, Any]:
    """The gain at the constants of the card."""
    assert on.across.value
    assert on.up.value
    digital = case.members(BEST_DIGITAL)
    step = case.times({on.across: np.array([on.across.value])}, [*digital, *METHODS], draws=0).step
    gain = min(float(step[name][0]) for name in digital) / min(float(step[name][0]) for name in METHODS)
    return {"panel": "published", "x": on.across.value, "y": on.up.value, "value": gain, "label": ""}


def _tornado(effort: Effort) -> pd.DataFrame:
    """Step of Method 2 on ViT and `tngd-2024` with each assumption at either end of its range, over all at their values."""
    found = sensitivity(_case(MODEL, "tngd-2024", draws=effort.draws), SOLVE, samples=effort.either(16, 512))
    rows = [
        {"panel": "tornado", "x": each.at_low / found.nominal, "y": each.at_high / found.nominal,
         "value": abs(np.log(each.at_high / each.at_low)), "label": each.path}
        for each in found.influences
    ]  # fmt: skip
    return pd.DataFrame(rows).sort_values("value", ascending=False).head(SHOWN)


def _roofline(effort: Effort) -> pd.DataFrame:
    """FLOP/s that the products of preconditioning would need to be as fast as each part of Method 2, for one layer."""
    digital, scaled = load_card(DIGITAL), load_card("scaled")
    assert isinstance(digital, DigitalCard)
    assert isinstance(scaled, AnalogCard)
    rows = []
    for n in effort.either((128, 512, 2048, 8192, 32768), (128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)):
        useful = 4.0 * n**3  # G^-1 V A^-1: two products of n by n matrices, 2 n^3 each
        costs = evaluate_points(layer(n, "fixed"), digital, scaled, {}, methods=[SOLVE, "kfac.cholesky"], phases=True)
        groups = _grouped(costs.phases[SOLVE])
        parts = {name: float(each[0]) for name, each in groups.items() if name != "digital"}
        parts["whole"] = sum(parts.values())
        parts["digital product"] = float(np.ravel(costs.phases["kfac.cholesky"]["precondition"])[0])
        rows += [
            {"panel": "roofline", "x": n, "y": useful / seconds, "value": seconds, "label": name}
            for name, seconds in parts.items()
            if seconds > 0
        ]
    return pd.DataFrame(rows)


def best_gain(frame: Frame) -> float:
    """Largest gain on the requirement map."""
    return float(frame[frame["panel"] == "requirement"]["value"].max())


def caption(frame: Frame) -> str:
    """What bounds, what is needed, what matters."""
    top = frame[frame["panel"] == "tornado"].iloc[0]
    even = frame[(frame["panel"] == "requirement") & (frame["value"] >= 0.99)]
    slowest = "nowhere on the map" if even.empty else f"at an RC of {even['x'].max():.2g} s or less"
    return (
        "Projected at nominal values; digital times fitted to timings, machines sourced or assumed. Maps of an MLP of three layers, "
        "every phase in every step: what takes most of a step by Method 2; inside the line it is ahead of the best digital K-FAC "
        "(`crossover mlp --map width condition_number`). Contours: gain of a step of ViT-S/16 by the better of both methods over the "
        f"best digital one, refresh every 100 steps, as RC and link of tngd-2024 change (`crossover imagenet_vit --map relaxation_time "
        f"link`); green where it is within 1 % of break-even ({slowest}). The most anywhere on the map is {best_gain(frame):.3f}x. "
        "Bars: the ten assumptions that move Method 2 most between their 5th and 95th percentile (`sensitivity imagenet_vit --method "
        f"thermo.solve`); {top['label']} moves it {top['x']:.2g}x to {top['y']:.2g}x. Ceilings: useful FLOP/s of preconditioning one layer "
        "that each part of Method 2 allows, at kappa = 100; the slowest part decides."
    )


def message(frame: Frame) -> list[Statement]:
    """Bounds change with n; break-even needs fast cells; it never becomes a gain worth having."""
    tiled = frame[frame["panel"] == "regime, 256 cells, RC 2 ns"]
    wide = tiled[(tiled["x"] == tiled["x"].max()) & (tiled["y"] < 1000)]["label"]
    published = float(frame[frame["panel"] == "published"]["value"].iloc[0])
    roof = frame[frame["panel"] == "roofline"].pivot(index="x", columns="label", values="y")
    return [
        Statement("On arrays of fixed size wide layers wait for digital products", bool((wide == "tiling").all())),
        Statement(f"On the published constants ViT loses ({published:.2f}x)", published < 0.99),
        Statement(f"No RC or link on the map gains 5 % on ViT ({best_gain(frame):.3f}x)", best_gain(frame) < 1.05),
        Statement("Method 2 stays below the product rate of the H100 on tiled wide layers",
                  bool(roof["whole"].iloc[-1] < roof["digital product"].iloc[-1])),
    ]  # fmt: skip


FIGURE: Final = Figure("fig6", "Beyond the paper", data, draw, caption, message)
