"""Figure 5: projected time to target on the eight AlgoPerf workloads, and what even a perfect solver could gain."""

from __future__ import annotations

from typing import Final

from costmodel.projection.feasibility import Reach
from costmodel.views.numbers import scaled
from paper_figures.figure import Figure, Frame, Statement
from paper_figures.style import ARMS
from paper_figures.target_cases import (
    ANALOG,
    DEVICES,
    FASTEST,
    METHODS,
    PAPERS,
    SHORT,
    USUAL,
    case_of,
    data,
    most,
    plain,
    rows_of,
    span,
    usual,
)  # fmt: skip
from paper_figures.target_drawing import draw


def caption(frame: Frame) -> str:
    """Gains of the paper's two workloads, the bound, what a twofold gain would need."""
    parts = []
    for workload in PAPERS:
        rows = rows_of(frame, workload, FASTEST)
        adam = ", ".join(
            f"{ARMS[arm]['label']} {span(rows.loc[arm], 'over_adam_to_target')}" for arm in ("digital", *ANALOG)
        )
        parts.append(
            f"{SHORT[workload]}: {adam}; a free solver over digital K-FAC {span(rows.loc['digital'], 'free_solver')}"
        )
    every = {name: rows_of(frame, name, FASTEST, 1).loc["cholesky", "free_over_cholesky"] for name in PAPERS}
    return (
        "a: hours to the target, each panel a machine; bars and the grey band are 90 % intervals with the range of steps that K-FAC "
        "saves in them, and may leave the picture above; black is a solver that takes no time (Amdahl), dotted grey half of digital "
        f"K-FAC's time. b: hours, and gains of a step (bold: a tenth or more), on 1 to {DEVICES[-1]} devices in two precisions. c: gain to the target over Adam, "
        f"refresh every {USUAL} steps on one device; an arrow is an interval that goes on. d: the bound by workload. Digital times are "
        "fitted to timings, steps to target sourced or assumed, the analog machines sourced or assumed. On the optimistic machine "
        f"`{FASTEST}`, {'. '.join(parts)}. Over Cholesky in every step a free solver gains {every['imagenet_vit']:.2f}x on ViT and "
        f"{every['ogbg']:.2f}x on GNN. The most gained over the best digital K-FAC in any case of the CSV: {_elsewhere(frame)}. "
        f"{_twofold(frame)} {_accuracy(frame)}"
    )


def _elsewhere(frame: Frame) -> str:
    """The most that is gained in any case."""
    found = []
    for name in PAPERS:
        free = most(frame, name, "free_solver_median", "digital")
        best = most(frame, name, "over_digital_median", *ANALOG)
        found.append(
            f"on {SHORT[name]} a free solver {free['free_solver_median']:.3g}x ({case_of(free).words()}), "
            f"a machine {best['over_digital_median']:.3g}x ({case_of(best).words()})"
        )
    return "; ".join(found)


def _twofold(frame: Frame) -> str:
    """What a twofold gain over digital K-FAC needs, in words."""
    rows = frame[(frame["arm"] == "digital") & (frame["machine"] == FASTEST)]
    able = rows[rows["solver_room_s"] > 0]
    if able.empty:
        return "No solver, however fast, doubles the speed of digital K-FAC in any case of the CSV."
    widest = able.loc[able["solver_room_s"].idxmax()]
    names = ", ".join(SHORT[name] for name in dict.fromkeys(able["workload"]))
    return (
        f"A twofold gain is possible in {len(able)} of {len(rows)} cases, of {names} alone; the solver that takes longest for it may take "
        f"{scaled(widest['solver_room_s'], 's', 2)} a step ({SHORT[widest['workload']]}, {case_of(widest).words()})."
    )


def _accuracy(frame: Frame) -> str:
    """Where the machines are accurate enough for the steps that they are credited with."""
    share = frame[frame["arm"].isin(ANALOG)]["accurate"].value_counts(normalize=True)
    told = ", ".join(f"{_REACHED[reach]} in {part:.0%}" for reach, part in share.items())
    return f"Of the machines' rows the accuracy that their steps rest on is reached {told}; the CSV says where."


#: Layers in which a machine is accurate enough.
_REACHED: Final = {
    Reach.YES.value: "in every layer", Reach.SOME.value: "in some layers", Reach.NO.value: "in none",
    Reach.CANNOT_RUN.value: "by no machine that can run it",
}  # fmt: skip


def message(frame: Frame) -> list[Statement]:
    """Who leads, and why it cannot be by much."""
    found = []
    for workload in PAPERS:
        bound = rows_of(frame, workload, FASTEST).loc["digital", "free_solver_median"]
        text = f"On {SHORT[workload]} a free solver gains at most 1.2x at the usual interval ({bound:.3g}x)"
        found.append(Statement(text, bool(bound < 1.2)))
    slow = usual(frame, "tngd-2024")
    ahead = slow[slow["workload"].isin(PAPERS) & slow["arm"].isin(METHODS)]["over_digital_median"].max()
    text = f"On the published constants neither method of the paper is ahead ({ahead:.3g}x)"
    found.append(Statement(text, bool(ahead < 1)))
    rows = plain(frame)
    chosen = (rows["workload"] == PAPERS[0]) & (rows["arm"] == "cholesky") & (rows["machine"] == FASTEST)
    free = rows[chosen].set_index("refresh")["free_over_cholesky"]
    text = f"What a free solver gains over Cholesky on ViT is small: {free[1]:.3g}x at every step, {free[1000]:.3g}x at every 1000"
    found.append(Statement(text, bool(1.2 > free[1] > free[1000])))
    best = max(most(frame, name, "free_solver_median", "digital")["free_solver_median"] for name in PAPERS)
    text = f"In no case tried a free solver gains 1.2x over the best digital K-FAC on ViT and GNN ({best:.3g}x)"
    found.append(Statement(text, bool(best < 1.2)))
    machines = frame[frame["arm"].isin(ANALOG)]
    within = bool((machines["over_digital_median"] <= 1.001 * machines["free_solver_median"]).all())
    found.append(Statement("No arm passes the bound of a solver that takes no time", within))
    return found


FIGURE: Final = Figure("fig5", "Time to target", data, draw, caption, message)
