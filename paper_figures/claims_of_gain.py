"""Claims about what is gained: steps kept under quantization, speedups over digital K-FAC and over Adam."""

from __future__ import annotations

from typing import Final

from paper_figures import quantization
from paper_figures.claims_common import ABSTRACT, DRAW, SECOND, SUBSTANTIAL, Frames, explain
from paper_figures.figure import FAST, Frame
from paper_figures.judgement import Check, Claim, Need, Side
from paper_figures.target_cases import (
    ANALOG,
    FASTEST,
    METHODS,
    PAPERS,
    PRECISIONS,
    SHORT,
    USUAL,
    Case,
    case_of,
    most,
    rows_of,
    span,
)

_FAST_MACHINE: Final = f"the machine is as fast as `{FASTEST}`"
#: Steps over those of exact K-FAC up to which nothing is lost.
_NO_LOSS: Final = 1.05
_STUDY: Final = "python -m validation.study.report"


def couplings(frames: Frames) -> Claim:
    """Eight bits of couplings are enough."""
    frame, wide = frames["fig4"], _wide()
    adam = [f"{quantization.ratio(frame, task, 'adam')['steps_ratio']:.2f}" for task in wide]
    small, large = _worst(frame, "in", 8, quantization.SMALL), _worst(frame, "in", 8, wide)
    return Claim(
        "The benefit of K-FAC survives quantization of its input; 8 bits are as good as float32",
        f"{ABSTRACT}; the number of bits from a comment in a public repository, third-hand",
        Side(f"Steps over exact K-FAC at 8 bits on small tasks, factors up to 65: {quantization.over_tasks(frame, 'in', 8, quantization.SMALL)}.",
             (f"{DRAW} fig4", _STUDY)),
        Side(f"On wide layers: {quantization.over_tasks(frame, 'in', 8, wide)}; at 6 bits {quantization.over_tasks(frame, 'in', 6, wide)}. "
             f"Adam on these: {', '.join(adam)}.", (f"{DRAW} fig4",)),
        (Check("steps over exact K-FAC at 8 bits, the worst task", _NO_LOSS, _number(small), large,
               (Need("layers are narrow (factors up to 65 were tested), or bits grow with width", large),), at_most=True, unit="x"),),
        (explain("accuracy.couplings.rounding.total"),),
    )  # fmt: skip


def readings(frames: Frames) -> Claim:
    """Few bits of readings are enough."""
    frame = frames["fig4"]
    small, large = (_worst(frame, "out", 4, tasks) for tasks in (quantization.SMALL, _wide()))
    tested = tuple(task for task in _wide() if _worst(frame, "out", 4, (task,)) is not None)
    told = quantization.over_tasks(frame, "out", 4, tested)
    return Claim(
        "The benefit survives quantization of its output",
        f"{ABSTRACT}; the authors' public post",
        Side(f"Steps over exact K-FAC at 4 bits on small tasks: {quantization.over_tasks(frame, 'out', 4, quantization.SMALL)}{_coarser(frame)}.",
             (f"{DRAW} fig4", _STUDY)),
        Side(f"On wide layers: {told}." if tested else "Readings of wide layers were not tested.", (f"{DRAW} fig4",)),
        (Check("steps over exact K-FAC at 4 bits, the worst task", _NO_LOSS, _number(small), large,
               (Need("layers are as narrow as those that were tested (factors up to 65)", large),), at_most=True, unit="x"),),
        (explain("accuracy.readings.inverse.total"), explain("accuracy.readings.solution.error")),
    )  # fmt: skip


def _coarser(frame: Frame) -> str:
    """The fewest bits of readings that were tried."""
    least = quantization.coarsest(frame, "out")
    if least == 4:
        return "; nothing coarser was tried"
    return f"; at {least:g} bits, the coarsest: {quantization.over_tasks(frame, 'out', least, quantization.SMALL)}"


def _wide() -> tuple[str, ...]:
    return tuple(task for task in quantization.TASKS if task not in quantization.SMALL)


def _worst(frame: Frame, flaw: str, bits: float, tasks: tuple[str, ...]) -> float | None:
    """Largest ratio of steps over some tasks; None where none of them was trained so."""
    rows = frame[frame["task"].isin(tasks) & (frame["flaw"] == flaw) & (frame["bits"] == bits)].dropna(
        subset="steps_ratio"
    )
    return None if rows.empty else float(rows["steps_ratio"].max())


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def speedup_vit(frames: Frames) -> Claim:
    """Over digital K-FAC on ViT."""
    return _speedup(frames["fig5"], PAPERS[0], "ViT on ImageNet")


def speedup_gnn(frames: Frames) -> Claim:
    """Over digital K-FAC on the GNN."""
    return _speedup(frames["fig5"], PAPERS[1], "the GNN on ogbg-molpcba")


def _speedup(frame: Frame, workload: str, title: str) -> Claim:
    best = most(frame, workload, "over_cholesky", *METHODS)
    free = most(frame, workload, "free_over_cholesky", "cholesky")
    usual = rows_of(frame, workload, FASTEST)
    bound = most(frame, workload, "free_solver_median", "digital")
    ahead = most(frame, workload, "over_digital_median", *ANALOG)
    arms = ", ".join(f"{name} {span(usual.loc[arm], 'over_digital')}" for arm, name in _ARMS.items())
    slow = rows_of(frame, workload, "tngd-2024", 1).loc[list(METHODS), "over_cholesky"].max()
    rare = most(frame, workload, "over_cholesky", *METHODS, refresh=USUAL)["over_cholesky"]
    needs = (
        Need(
            "the rival inverts exactly",
            float(most(frame, workload, "over_digital_median", *METHODS)["over_digital_median"]),
        ),
        Need("inverses are renewed in every step", float(rare)),
        Need(_FAST_MACHINE, float(slow)),
        *_low_precision(frame, workload, best),
    )
    honest = float(usual.loc[list(ANALOG), "over_digital_median"].max())
    return Claim(
        f"Substantial speedups over digital K-FAC are predicted for {title}",
        ABSTRACT,
        Side(
            f"Over Cholesky, in the most favourable case on the optimistic `{FASTEST}`, a step of {_ARMS[best['arm']]} is {best['over_cholesky']:.2f}x "
            f"as fast ({case_of(best).words()}), and with a solver that takes no time {free['free_over_cholesky']:.2f}x ({case_of(free).words()}).",
            tuple(dict.fromkeys(case_of(row).command(draws=FAST.draws) for row in (best, free))),
        ),
        Side(
            f"Over the best digital method on `{FASTEST}`, refresh every {USUAL}: {arms}; no solver gains more than "
            f"{span(usual.loc['digital'], 'free_solver')}. In the most favourable case a machine gains {ahead['over_digital_median']:.3g}x "
            f"({case_of(ahead).words()}), no solver more than {bound['free_solver_median']:.3g}x ({case_of(bound).words()}).",
            tuple(
                dict.fromkeys(
                    case.command(draws=FAST.draws) for case in (Case(workload, FASTEST), case_of(ahead), case_of(bound))
                )
            ),
        ),
        (
            Check(
                "step of digital K-FAC over the machine's",
                SUBSTANTIAL,
                float(best["over_cholesky"]),
                honest,
                needs,
                unit="x",
            ),
        ),
        tuple(
            case_of(best).command(f"explain {name}")
            for name in (*METHODS, usual.loc["columns", "method"], "kfac.cholesky", usual.loc["digital", "method"])
        ),
    )


_ARMS: Final = {"thermo.inverse": "Method 1", "thermo.solve": "Method 2", "columns": "columns of the inverse"}


def _low_precision(frame: Frame, workload: str, best: Frame) -> tuple[Need, ...]:
    """Low precision of the passes, where the most favourable case has it."""
    if best["precision"] == PRECISIONS[0]:
        return ()
    without = most(frame, workload, "over_cholesky", *METHODS, precision=PRECISIONS[0])["over_cholesky"]
    return (Need("passes run in low precision", float(without)),)


def against_adam(frames: Frames) -> Claim:
    """Over Adam, to the target."""
    frame = frames["fig5"]
    column = "over_adam_to_target"

    def worst(machine: str, column: str = f"{column}_median") -> float:
        return min(float(rows_of(frame, name, machine).loc[list(METHODS), column].max()) for name in PAPERS)

    def told(machine: str, arms: dict[str, str]) -> str:
        rows = {name: rows_of(frame, name, machine) for name in PAPERS}
        return "; ".join(
            f"{SHORT[name]} {', '.join(f'{words} {span(each.loc[arm], column)}' for arm, words in arms.items())}"
            for name, each in rows.items()
        )

    arms = {arm: _ARMS[arm] for arm in METHODS}
    digital = rows_of(frame, PAPERS[0], FASTEST).loc["digital", "method"]
    a_step = min(_over_adam_a_step(rows_of(frame, name, FASTEST)) for name in PAPERS)
    return Claim(
        "Substantial speedups over Adam are predicted, to the target, for ViT and GNN",
        ABSTRACT,
        Side(
            f"With the steps that are published for K-FAC, on `{FASTEST}`: {told(FASTEST, arms | {'digital': 'digital K-FAC'})}; with as many steps as "
            f"Adam it would be {a_step:.2f}x.",
            tuple(Case(name, FASTEST).command(draws=FAST.draws) for name in PAPERS),
        ),
        Side(
            f"On the published constants (`tngd-2024`): {told('tngd-2024', arms)}.",
            tuple(Case(name, "tngd-2024").command(draws=FAST.draws) for name in PAPERS),
        ),
        (
            Check("time to target of Adam over the better method's, the worse of ViT and GNN", SUBSTANTIAL, worst(FASTEST), worst("tngd-2024"),
                  (Need(_FAST_MACHINE, worst("tngd-2024")),),
                  shared=(Need("K-FAC saves the steps that are published for it", a_step),), unit="x"),
        ),
        (*(f"python -m costmodel explain model.training.kfac_step_ratio --model {name}" for name in PAPERS),
         *(Case(PAPERS[0], FASTEST).command(f"explain {name}") for name in ("adam", *METHODS, digital))),
    )  # fmt: skip


def _over_adam_a_step(rows: Frame) -> float:
    """Gain of the better method over Adam if both took as many steps."""
    return float(rows.loc["adam", "step_s_median"] / rows.loc[list(METHODS), "step_s_median"].min())


def plans(frames: Frames) -> Claim:
    """Future work."""
    return Claim(
        "Future work: thermodynamic solvers inside large training pipelines, other accelerators, a better split, other local models",
        SECOND,
        Side("These are plans and say nothing that could be wrong."),
        Side(
            "A better split is tried here: columns of the inverse settled by the machine and refined digitally; see figure 5.",
            (f"{DRAW} fig5", Case(PAPERS[0], FASTEST).command(draws=FAST.draws)),
        ),
        explain=(explain("thermo.columns.refined"),),
    )


def own_numbers(frames: Frames) -> Claim:
    """What was not seen."""
    return Claim(
        "The paper's own numbers: its table, constants, bit widths, intervals and times to target",
        "not seen",
        Side("Cannot be told without their numbers."),
        Side("Nothing in this repository is passed off as theirs.", ("python -m costmodel catalog devices",)),
    )
