"""Claims about how the work of a layer grows with its width, and what divides it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from costmodel import AnalogCard, DigitalCard, formulas, load_card, load_workload
from costmodel.projection.points import evaluate_points
from paper_figures import scaling
from paper_figures.claims_common import ABSTRACT, DRAW, EXACT, NEARLY, SECOND, SUBSTANTIAL, WHOLE, Frames, explain
from paper_figures.figure import Frame
from paper_figures.judgement import Check, Claim, Need, Side
from paper_figures.target_cases import PAPERS


def complexity(frames: Frames) -> Claim:
    """O(n^2 kappa^2) against O(n^3)."""
    frame = frames["fig3"]
    formula = formulas.get("thermo.solve.time")
    leading = formula.leading("n", "kappa")
    analog = scaling.exponent(frame, "fixed", "one array", "thermo.solve", "analog_s")
    law = scaling.exponent(frame, "law", "one array", "thermo.solve", "analog_s")
    tiled = scaling.exponent(frame, "fixed", "256 cells", "thermo.solve")
    honest = scaling.exponent(frame, "law", "256 cells", "thermo.solve")
    digital = scaling.exponent(frame, "fixed", "one array", "kfac.cholesky")
    best = {kappa: scaling.exponent(frame, kappa, "one array", "digital") for kappa in scaling.KAPPAS}
    tile = scaling.select(frame, "law", "256 cells", "thermo.solve").iloc[-1]
    last, products = tile["n"], tile["tiling_s"] / tile["solver_s"]
    name = scaling.select(frame, "law", "one array", "digital").iloc[-1]["method"]
    powers = {letter: float(leading.as_powers_dict()[symbol]) for letter, symbol in _symbols(leading).items()}
    return Claim(
        "Thermodynamic K-FAC costs O(n^2 kappa^2) a layer, digital K-FAC O(n^3)",
        SECOND,
        Side(
            f"The formula of Method 2 leads with {str(leading).replace('**', '^')} in n and kappa; its analog time grows as n^{analog:.2f} at "
            f"fixed kappa on one array as large as the matrix (from n = 8192 on), Cholesky's solver as n^{digital:.2f}.",
            (f"{DRAW} fig3", scaling.command(8192, "fixed", "one array")),
        ),
        Side(
            f"On arrays of 256 cells its solver grows as n^{honest:.2f}, {products:.0%} of it digital products between blocks at n = {last}, and "
            f"the solver of the best digital method there ({name}) as n^{best['law']:.2f}.",
            (scaling.command(8192, "law", "256 cells"),),
        ),
        (
            Check("power of n in the leading term of Method 2", 2, powers["n"], powers["n"], at_most=True),
            Check("power of kappa in that term", 2, powers["kappa"], powers["kappa"], at_most=True),
            Check("power of n of Method 2's time", 2 + NEARLY, analog, honest, at_most=True,
                  needs=(Need(WHOLE, tiled), Need("kappa does not grow with n", law))),
            Check("power of n of the digital rival's time", 3 - NEARLY, digital, best["law"], needs=(Need(EXACT, best["fixed"]),)),
        ),
        (explain("thermo.solve.time"), scaling.command(8192, "fixed", "one array", "explain thermo.solve"),
         scaling.command(8192, "fixed", "one array", "explain kfac.cholesky"), scaling.command(8192, "law", "256 cells", f"explain {name}")),
    )  # fmt: skip


def _symbols(expression: Any) -> dict[str, Any]:
    """Symbols of an expression by letter."""
    return {str(symbol): symbol for symbol in expression.free_symbols}


def grows(frames: Frames) -> Claim:
    """The advantage grows with n."""
    frame = frames["fig3"]
    first, last = frame["n"].min(), frame["n"].max()

    def ends(machine: str, over: str) -> tuple[float, float]:
        lead = scaling.at(frame, "law", machine, "thermo.solve", f"over_{over}_median")
        return float(lead[first]), float(lead[last])

    def growth(machine: str, over: str) -> float:
        start, end = ends(machine, over)
        return end / start

    theirs, rival, honest = ends("1024 arrays", "cholesky"), ends("1024 arrays", "best"), ends("256 cells", "best")
    best = scaling.select(frame, "law", "1024 arrays", "digital").iloc[-1]["method"]
    one = [scaling.size(n, first) for n in scaling.crossover(frame, "fixed", "one array", "thermo.solve")]
    needs = (
        Need(EXACT, growth("1024 arrays", "best")),
        Need("arrays grow with the layer", growth("256 cells", "cholesky")),
    )
    return Claim(
        "The advantage grows with n, the neurons of a layer",
        ABSTRACT,
        Side(
            f"Over Cholesky Method 2 on 1024 arrays of RC 1 ns is {theirs[0]:.2g}x as fast at n = {first} and {theirs[1]:.2g}x at n = {last}; "
            f"on one array of RC 1 us, at kappa = 100, it is ahead {one[0]} (90 %: {one[1]}; {one[2]}).",
            (f"{DRAW} fig3", *(scaling.command(n, "law", "1024 arrays") for n in (first, last))),
        ),
        Side(
            f"Over the best digital method it is {rival[0]:.2g}x and {rival[1]:.2g}x as fast there, and {honest[0]:.2g}x and "
            f"{honest[1]:.2g}x on arrays of 256 cells.",
            tuple(scaling.command(n, "law", "256 cells") for n in (first, last)),
        ),
        (
            Check(f"lead at n = {last} over that at n = {first}", SUBSTANTIAL, growth("1024 arrays", "cholesky"),
                  growth("256 cells", "best"), needs),
        ),
        tuple(scaling.command(last, "law", "1024 arrays", f"explain {name}") for name in ("thermo.solve", "kfac.cholesky", best)),
    )  # fmt: skip


#: Arrays of which one and all are compared.
ARRAYS: Final = 64
#: Phases that run in the arrays; link and converters are not among them.
_IN_ARRAYS: Final = {"settle", "average", "sample"}


def arrays() -> Frame:
    """Seconds of Method 2 on ViT with one array and with many: in the arrays, by the whole solver, of a step."""
    digital, analog = load_card("h100-sxm"), load_card("tngd-2024")
    assert isinstance(digital, DigitalCard)
    assert isinstance(analog, AnalogCard)
    counts = np.array([1.0, ARRAYS])
    costs = evaluate_points(
        load_workload(PAPERS[0]), digital, analog, {"arrays": counts}, methods=["thermo.solve"], phases=True
    )
    phases = costs.phases["thermo.solve"]
    sums = {
        "analog_s": sum(each for name, each in phases.items() if name.split(".")[0] in _IN_ARRAYS),
        "solver_s": sum(each for name, each in phases.items() if name not in scaling.SHARED),
    }
    return pd.DataFrame({"arrays": counts, **sums, "step_s": costs.step["thermo.solve"]})


def parallel(frames: Frames) -> Claim:
    """Work is easily parallelized."""
    frame = frames["arrays"]
    gain = {name: float(frame[name].iloc[0] / frame[name].iloc[1]) for name in ("analog_s", "solver_s", "step_s")}
    commands = tuple(f"python -m costmodel project {PAPERS[0]} --details --set arrays={count}" for count in (1, ARRAYS))
    return Claim(
        "The work is easily parallelized over many solvers",
        "caption of the overview figure",
        Side(
            f"Layers and right-hand sides are independent: {ARRAYS} arrays in place of one divide settling and averaging of Method 2 on ViT "
            f"by {gain['analog_s']:.3g} (`tngd-2024`).",
            commands,
        ),
        Side(
            f"With link and converters its whole solver is {gain['solver_s']:.3g} times as fast, and a step {gain['step_s']:.3g} times: "
            "passes, factors and the one link are divided by nothing.",
            commands,
        ),
        (
            Check(f"gain by {ARRAYS} arrays in the solver's time", ARRAYS / 2, gain["analog_s"], gain["solver_s"],
                  (Need("the link to the machine grows with its arrays", gain["solver_s"]),), unit="x"),
        ),
        (explain("thermo.solve.settle.time"), explain("thermo.solve")),
    )  # fmt: skip
