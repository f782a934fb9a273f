"""Figure 3: the work of one layer against its width n, at fixed kappa, by the curvature law, and with deflation."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from costmodel import AnalogCard, DigitalCard, load_card, load_workload
from costmodel.methods.phases import FACTORS, FORWARD_BACKWARD, ROWS, RUNNING_AVERAGE, SAMPLED_BACKWARD, UPDATE
from costmodel.projection.points import PointCosts, evaluate_points
from costmodel.quantities.estimate import Draws
from costmodel.workloads.workload import Workload
from paper_figures.figure import FAST, ROOT, SEED, Effort, Figure, Frame, Statement
from paper_figures.style import ARMS, PAGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

#: What no solver takes over: the same in every K-FAC arm.
SHARED: Final = {each.name for each in (FORWARD_BACKWARD, ROWS, FACTORS, SAMPLED_BACKWARD, RUNNING_AVERAGE, UPDATE)}
LAYER: Final = ROOT / "paper_figures" / "data" / "layer.yaml"
#: Conditions under which the same layer is looked at: settings, and the arms of the two methods.
KAPPAS: Final[dict[str, dict[str, Any]]] = {"fixed": {"kfac.condition_number": 100.0}, "law": {}}
CONDITIONS: Final = (*KAPPAS, "deflated")
ARRAYS: Final = ("thermo.inverse", "thermo.solve", "thermo.columns")
MACHINES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "one array": ("tngd-2024", {}),
    "1024 arrays": ("tngd-2024", {"arrays": 1024, "relaxation_time": "1 ns", "link_bandwidth": "3.6 Tbit/s"}),
    "256 cells": ("scaled", {}),
}
FAST_SIZES: Final = (128, 512, 2048, 8192, 32768, 100_000)
FULL_SIZES: Final = (128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 100_000)
DIGITAL: Final = "h100-sxm"
#: Curves of every panel, and their look.
CURVES: Final = {
    "adam": "adam", "kfac.cholesky": "cholesky", "digital": "digital",
    "thermo.inverse": "thermo.inverse", "thermo.solve": "thermo.solve", "thermo.columns": "columns",
}  # fmt: skip
#: Methods of which the solver's time is shown beside the best digital one.
SHOWN: Final = ("kfac.cholesky", "kfac.eigh", "kfac.newton_schulz")


@cache
def layer(n: int, kappa: str = "law") -> Workload:
    """One hidden layer of an MLP with n inputs and n outputs, every phase done in every step."""
    return load_workload(LAYER, set={"layers.0.d_in": n, "layers.0.d_out": n} | KAPPAS[kappa])


def command(n: int, kappa: str, machine: str, verb: str = "project") -> str:
    """What prints the times behind a point, or explains them."""
    card, changes = MACHINES[machine]
    file = LAYER.relative_to(ROOT)
    sets = {"layers.0.d_in": n, "layers.0.d_out": n} | KAPPAS[kappa] | changes
    told = " ".join(
        f"--set '{path}={value}'" if " " in f"{value}" else f"--set {path}={value}" for path, value in sets.items()
    )
    if verb == "project":
        return f"python -m costmodel project {file} --analog {card} {told} --draws {FAST.draws} --seed {SEED}"
    return f"python -m costmodel {verb} --model {file} --analog {card} {told}"


@cache
def data(effort: Effort) -> Frame:
    """One row a size, condition, machine and arm: seconds of the layer's step and of its solver, speedups."""
    digital = load_card(DIGITAL)
    assert isinstance(digital, DigitalCard)
    rows = []
    for n in effort.either(FAST_SIZES, FULL_SIZES):
        for kappa, settings in KAPPAS.items():
            workload = layer(n, kappa)
            for machine, (card, changes) in MACHINES.items():
                analog = load_card(card, set=changes)
                assert isinstance(analog, AnalogCard)
                costs = evaluate_points(workload, digital, analog, {}, draws=effort.draws, seed=SEED, phases=True)
                rows += _rows(costs, n, kappa, machine, "")
                if not settings:
                    rows += _rows(costs, n, "deflated", machine, ".deflated")
    return pd.DataFrame(rows)


def _rows(costs: PointCosts, n: int, kappa: str, machine: str, suffix: str) -> list[dict[str, Any]]:
    step = {name: np.ravel(each) for name, each in costs.step.items()}
    best = min((name for name in step if name.startswith("kfac.")), key=lambda name: float(np.median(step[name])))
    names = {"adam": "adam", "digital": best, **{each: each for each in SHOWN}}
    names |= {arm: f"{arm}{suffix}" for arm in ARRAYS}
    return [
        {"n": n, "kappa": kappa, "machine": machine, "arm": arm, "method": name}
        | _columns("step", step[name])
        | {"solver_s": _median(costs, name, lambda phase: phase not in SHARED)}
        | {"analog_s": _median(costs, name, lambda phase: phase.split(".")[0] in {"settle", "average", "sample"})}
        | {"tiling_s": _median(costs, name, lambda phase: phase.split(".")[0] in {"tiling", "eliminate"})}
        | _columns("over_cholesky", step["kfac.cholesky"] / step[name])
        | _columns("over_best", step[best] / step[name])
        for arm, name in names.items()
    ]


def _median(costs: PointCosts, name: str, chosen: Callable[[str], bool]) -> float:
    """Median seconds of some phases together."""
    parts = [np.ravel(each) for phase, each in costs.phases[name].items() if chosen(phase)]
    return float(np.median(np.sum(parts, axis=0))) if parts else 0.0


def _columns(name: str, draws: Draws) -> dict[str, float]:
    p05, median, p95 = np.quantile(draws, (0.05, 0.5, 0.95))
    return {f"{name}_median": float(median), f"{name}_p05": float(p05), f"{name}_p95": float(p95)}


def select(frame: Frame, kappa: str, machine: str, arm: str) -> Frame:
    """Rows of one curve, by n."""
    chosen = (frame["kappa"] == kappa) & (frame["machine"] == machine) & (frame["arm"] == arm)
    return frame[chosen].sort_values("n")


def exponent(frame: Frame, kappa: str, machine: str, arm: str, column: str = "solver_s") -> float:
    """Local exponent over the upper part of the range, from n = 8192 on.

    A constant part of a time fades as n grows; what remains is the leading power.
    """
    curve = select(frame, kappa, machine, arm)
    curve = curve[curve["n"] >= 8192]
    return float(np.polyfit(np.log(curve["n"]), np.log(curve[column]), 1)[0])


def crossover(frame: Frame, kappa: str, machine: str, arm: str, over: str = "cholesky") -> tuple[float, float, float]:
    """Smallest n from which an arm stays ahead of a digital one: of the median, and of the 95th and 5th percentile.

    Between two sizes the logarithm of the ratio is taken to be a line; infinite where the arm is never ahead.
    """
    curve = select(frame, kappa, machine, arm)
    found = [
        _crossing(curve["n"].to_numpy(), curve[f"over_{over}_{key}"].to_numpy()) for key in ("median", "p95", "p05")
    ]
    return found[0], found[1], found[2]


def _crossing(n: Any, ratio: Any) -> float:
    behind = np.flatnonzero(ratio <= 1)
    if not len(behind):
        return float(n[0])
    last = int(behind[-1])
    if last == len(n) - 1:
        return float("inf")
    share = -np.log(ratio[last]) / np.log(ratio[last + 1] / ratio[last])
    return float(np.exp(np.log(n[last]) + share * np.log(n[last + 1] / n[last])))


def draw(frame: Frame) -> Drawing:
    """Three machines by row, three conditions by column."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(3, 3, figsize=(PAGE, 5.9), sharex=True, sharey=True)
    titles = {"fixed": "κ = 100", "law": "κ by the measured law", "deflated": "the law, top mode deflated"}
    machines = {
        "one array": "tngd-2024: one array, RC 1 µs",
        "1024 arrays": "1024 arrays, RC 1 ns, 3.6 Tbit/s",
        "256 cells": "scaled: 64 arrays of 256 cells",
    }
    for row, machine in zip(axes, MACHINES, strict=True):
        for axis, kappa in zip(row, CONDITIONS, strict=True):
            _panel(axis, frame, kappa, machine)
            if machine == "one array":
                axis.set_title(titles[kappa])
            if kappa == "fixed":
                axis.set_ylabel(f"{machines[machine]}\ntime of the layer's step (s)")
            if machine == "256 cells":
                axis.set_xlabel("width n")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6)
    return figure


def _panel(axis: Axes, frame: Frame, kappa: str, machine: str) -> None:
    for arm, style in CURVES.items():
        curve = select(frame, kappa, machine, arm)
        look = ARMS[style]
        axis.loglog(curve["n"], curve["step_median"], **look)
        axis.fill_between(curve["n"], curve["step_p05"], curve["step_p95"], color=look["color"], alpha=0.15, lw=0)
    n = crossover(frame, kappa, machine, "thermo.solve")[0]
    if float(frame["n"].min()) < n < np.inf:
        axis.axvline(n, color=ARMS["thermo.solve"]["color"], lw=0.8, ls=":")
    axis.set_xlim(100, 1.2e5)


def size(n: float, least: float) -> str:
    """A crossover in words."""
    if n == np.inf:
        return "nowhere below 100 000"
    return "everywhere" if n <= least else f"from n = {float(f'{n:.2g}'):,.0f} on".replace(",", " ")


def at(frame: Frame, kappa: str, machine: str, arm: str, column: str) -> Frame:
    """A column of one curve by n."""
    return select(frame, kappa, machine, arm).set_index("n")[column]


def caption(frame: Frame) -> str:
    """Exponents and crossovers."""
    analog = exponent(frame, "fixed", "one array", "thermo.solve", "analog_s")
    tiled = exponent(frame, "fixed", "256 cells", "thermo.solve", "tiling_s")
    digital = exponent(frame, "fixed", "one array", "kfac.cholesky")
    least, big = float(frame["n"].min()), frame["n"].max()
    one = [size(n, least) for n in crossover(frame, "fixed", "one array", "thermo.solve")]
    many = size(crossover(frame, "law", "1024 arrays", "thermo.solve")[0], least)
    best = size(crossover(frame, "law", "1024 arrays", "thermo.solve", "best")[0], least)
    over = at(frame, "law", "1024 arrays", "thermo.solve", "over_cholesky_median")[big]
    over_best = at(frame, "law", "1024 arrays", "thermo.solve", "over_best_median")[big]
    return (
        f"One hidden layer of n inputs and n outputs, batch {layer(128).batch_size}, every phase in every step, {DIGITAL}. Lines are medians, "
        "bands 90 %; a dotted vertical is where Method 2 overtakes Cholesky for good. Digital times are fitted to timings up "
        "to n = 6144 and extrapolated beyond; all of the analog machines is sourced or assumed; the law of kappa was measured "
        f"up to width 2048. From n = 8192 on Cholesky's solver grows as n^{digital:.2f}, settling and averaging of Method 2 "
        f"on one array at fixed kappa as n^{analog:.2f}, and on arrays of 256 cells the digital products between blocks as "
        f"n^{tiled:.2f}. Method 2 overtakes Cholesky at fixed kappa on one array {one[0]} (90 %: {one[1]}; {one[2]}), and by "
        f"the law on 1024 fast arrays {many}. There it is {over:.2g} times as fast as Cholesky at n = {big}, and "
        f"{over_best:.2g} times as fast as the best digital method, which takes no n^3 either; it leads that one {best}."
    )


def message(frame: Frame) -> list[Statement]:
    """Powers, and who wins."""
    digital = exponent(frame, "fixed", "one array", "kfac.cholesky")
    analog = exponent(frame, "fixed", "one array", "thermo.solve", "analog_s")
    tiling = exponent(frame, "fixed", "256 cells", "thermo.solve", "tiling_s")
    least, big = frame["n"].min(), frame["n"].max()
    cholesky = at(frame, "fixed", "1024 arrays", "thermo.solve", "over_cholesky_median")
    best = at(frame, "law", "1024 arrays", "thermo.solve", "over_best_median")
    one = at(frame, "law", "one array", "thermo.solve", "over_best_median")
    return [
        Statement(f"Cholesky's solver grows nearly as n^3 (n^{digital:.2f})", 2.5 < digital < 3.1),
        Statement(f"Method 2's analog time at fixed kappa grows as n^2 or less (n^{analog:.2f})", analog < 2.1),
        Statement(f"Tiling puts n^3 back on a machine of fixed size (n^{tiling:.2f})", 2.6 < tiling < 3.2),
        Statement(
            f"Over Cholesky Method 2's lead grows with n ({cholesky[least]:.2g} to {cholesky[big]:.2g})",
            bool(cholesky[big] > 5 * cholesky[least]),
        ),
        Statement(
            f"Over the best digital method it does not ({best[least]:.2g} to {best[big]:.2g})", bool(best[big] < 1.1)
        ),
        Statement(f"One array of RC 1 us is never ahead of it (at best {one.max():.2g})", bool(one.max() < 1)),
    ]


FIGURE: Final = Figure("fig3", "Complexity and scaling with n", data, draw, caption, message, (LAYER,))
