"""Claims and stated limits about the work of a step: how it grows, what dominates it, what can be divided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from costmodel import AnalogCard, DigitalCard, formulas, load_card, load_workload
from costmodel.projection.points import evaluate_points
from paper_figures import scaling, time_profile
from paper_figures.figure import FAST, Frame
from paper_figures.judgement import Check, Claim, Need, Side
from paper_figures.target_cases import FASTEST, PAPERS, SHORT, USUAL, Case, case_of, most, plain, rows_of, usual

Frames = Mapping[str, Frame]
ABSTRACT: Final = "abstract"
SECOND: Final = "public summary, second-hand"
DRAW: Final = "python -m paper_figures --fast --only"
#: A gain below this is not substantial, a difference in powers of n below that not one of order, a share below half no bottleneck.
SUBSTANTIAL: Final = 1.2
#: A power of n is that of the claim up to this.
_NEARLY: Final = 0.5
_WHOLE: Final = "the array is as large as the matrix"
_EXACT: Final = "the rival inverts exactly"
_EVERY: Final = "inverses are renewed in every step"


def explain(name: str) -> str:
    """What explains a formula or a method on the model and cards that are taken where none are named."""
    return f"python -m costmodel explain {name}"


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
            Check("power of n of Method 2's time", 2 + _NEARLY, analog, honest, at_most=True,
                  needs=(Need(_WHOLE, tiled), Need("kappa does not grow with n", law))),
            Check("power of n of the digital rival's time", 3 - _NEARLY, digital, best["law"], needs=(Need(_EXACT, best["fixed"]),)),
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
        Need(_EXACT, growth("1024 arrays", "best")),
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


def bottleneck(frames: Frames) -> Claim:
    """Inversion dominates over widths and vocabularies."""
    frame = frames["fig2"]
    found, networks = time_profile.bottlenecks(frame)
    rare, _ = time_profile.bottlenecks(frame, "share_amortised")
    large = frame[(frame["device"] == "one processor core") & (frame["batch"] == "full")]
    full, all_full = time_profile.bottlenecks(large)
    share = time_profile.inversion(frame)["share"]
    amortised = time_profile.inversion(frame, "share_amortised")["share_amortised"]
    of_full = time_profile.inversion(large)["share"]
    return Claim(
        "Inversion is the main bottleneck of the K-FAC update over MLP widths and GPT vocabularies",
        f"{SECOND}; the authors' public post on the figure",
        Side(
            f"Measured with every phase in every step it is the largest phase in {found} of {networks} networks, its share "
            f"{share.min():.0%} to {share.max():.0%}.",
            (f"{DRAW} fig2", "python -m paper_figures.profile"),
        ),
        Side(
            f"With factors every 10 steps and inversion every 100 it is the largest in {rare}, its share {amortised.min():.1%} to "
            f"{amortised.max():.1%}; with 2048 rows on a processor in {full} of {all_full} even in every step ({of_full.min():.0%} to "
            f"{of_full.max():.0%}).",
            (f"{DRAW} fig2",),
        ),
        (
            Check("networks in which inversion is the largest phase, of all", 0.5, found / networks, rare / networks,
                  (Need(_EVERY, rare / networks), Need("the batch is small", full / all_full))),
        ),
        (explain("kfac.cholesky.refresh.flops"), explain("kfac.factors.expand.flops"), explain("kfac.cholesky")),
    )  # fmt: skip


def overhead(frames: Frames) -> Claim:
    """A step comes near that of Adam."""
    frame = frames["fig5"]
    steps = {
        refresh: {name: rows_of(frame, name, FASTEST, refresh)["step_s_median"] for name in PAPERS}
        for refresh in (1, USUAL)
    }

    def worst(refresh: int, arm: str) -> float:
        return max(float(each[arm] / each["adam"]) for each in steps[refresh].values())

    def told(refresh: int) -> str:
        return "; ".join(
            f"{SHORT[name]} {each['thermo.solve'] / each['adam']:.2f}x by Method 2 and {each['digital'] / each['adam']:.2f}x digitally"
            for name, each in steps[refresh].items()
        )

    digital = rows_of(frame, PAPERS[0], FASTEST).loc["digital", "method"]
    as_near = worst(USUAL, "digital") <= worst(USUAL, "thermo.solve")
    rare = f"inverses are renewed rarely{', which serves the digital method as much' if as_near else ''}"
    return Claim(
        "With thermodynamic solvers the cost of a K-FAC step comes near that of SGD and Adam",
        "the authors' public post on the table",
        Side(
            f"Over a step of Adam, all phases in every step, on the optimistic `{FASTEST}`: {told(1)}.",
            tuple(Case(name, FASTEST, 1, 1).command(draws=FAST.draws) for name in PAPERS),
        ),
        Side(
            f"With inverses renewed every {USUAL} steps and factors every 10: {told(USUAL)}.",
            tuple(Case(name, FASTEST).command(draws=FAST.draws) for name in PAPERS),
        ),
        (
            Check("step of Method 2 over Adam's, the worse of ViT and GNN", 1.25, worst(1, "thermo.solve"), worst(USUAL, "thermo.solve"),
                  honest_needs=(Need(rare, worst(1, "thermo.solve")),), at_most=True, unit="x"),
        ),
        tuple(Case(PAPERS[0], FASTEST).command(f"explain {name}") for name in ("thermo.solve", "adam", digital)),
    )  # fmt: skip


#: Arrays of which one and all are compared.
ARRAYS: Final = 64
#: Phases that run in the arrays; link and converters are not among them.
_IN_ARRAYS: Final = {"settle", "average", "sample"}


def arrays() -> Frame:
    """Seconds of Method 2 on ViT with one array and with many: in the arrays, by the whole solver, of a step."""
    import pandas as pd

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


def method_two(frames: Frames) -> Claim:
    """Method 2 may increase the load."""
    frame = frames["fig5"]

    def load(workload: str, machine: str) -> float:
        steps = rows_of(frame, workload, machine)["step_s_median"]
        return float(steps["thermo.solve"] / steps["thermo.inverse"])

    def told(machine: str) -> str:
        return ", ".join(f"{SHORT[name]} {load(name, machine):.2f}x" for name in PAPERS)

    def side(machine: str, words: str) -> Side:
        commands = tuple(Case(name, machine).command(draws=FAST.draws) for name in PAPERS)
        return Side(
            f"Step of Method 2 over Method 1 {words} `{machine}`, refresh every {USUAL}: {told(machine)}.", commands
        )

    return Claim(
        "Method 2 (linear systems) may increase the computational load over Method 1 (inversion)",
        f"{SECOND}, a stated limit",
        side("tngd-2024", "on the published constants,"),
        side(FASTEST, "on the optimistic"),
        (
            Check("step of Method 2 over Method 1, the larger of ViT and GNN", 1, max(load(name, "tngd-2024") for name in PAPERS),
                  max(load(name, FASTEST) for name in PAPERS), (Need("cells relax slowly", max(load(name, FASTEST) for name in PAPERS)),),
                  unit="x"),
        ),
        (Case(PAPERS[0], "tngd-2024").command("explain thermo.solve"), Case(PAPERS[0], "tngd-2024").command("explain thermo.inverse")),
    )  # fmt: skip


def offloading(frames: Frames) -> Claim:
    """Inversions may not dominate the runtime."""
    frame = frames["fig5"]
    every = {name: float(rows_of(frame, name, FASTEST, 1).loc["cholesky", "free_over_cholesky"]) for name in PAPERS}
    rare = {name: float(rows_of(frame, name, FASTEST).loc["digital", "free_solver_median"]) for name in PAPERS}
    digital = rows_of(frame, PAPERS[0], FASTEST).loc["digital", "method"]

    def told(gains: dict[str, float]) -> str:
        return ", ".join(f"{SHORT[name]} {1 - 1 / gain:.1%} ({gain:.3g}x without it)" for name, gain in gains.items())

    return Claim(
        "Inversions may still not dominate the overall runtime; the implementation is not optimized for offloading them",
        f"{SECOND}, a stated limit",
        Side(
            f"Share of Cholesky's inversion and preconditioning in a step with every phase, at the batch of AlgoPerf: {told(every)}.",
            tuple(Case(name, FASTEST, 1, 1).command(draws=FAST.draws) for name in PAPERS),
        ),
        Side(
            f"Share of the best digital method's, refresh every {USUAL}: {told(rare)}; what is left is passes and factors.",
            tuple(Case(name, FASTEST).command(draws=FAST.draws) for name in PAPERS),
        ),
        (
            Check("share of the solver in a step, the larger of ViT and GNN", 0.5, 1 - 1 / max(every.values()), 1 - 1 / max(rare.values()),
                  honest_needs=(Need("inverses are renewed rarely", 1 - 1 / max(every.values())),), at_most=True),
        ),
        tuple(Case(PAPERS[0], FASTEST, 1, 1).command(f"explain {name}") for name in ("kfac.cholesky", digital)),
    )  # fmt: skip


def depth(frames: Frames) -> Claim:
    """A study of width may not carry to other architectures."""
    profile, frame = frames["fig2"], frames["fig5"]
    widths = time_profile.inversion(time_profile.panel(profile, "H100", "mlp", "full"))["share"]
    rows = plain(frame)
    every = rows[(rows["arm"] == "cholesky") & (rows["refresh"] == 1) & (rows["machine"] == FASTEST)]
    shares = 1 - 1 / every["free_over_cholesky"]
    bounds = usual(frame, FASTEST).query("arm == 'digital'")["free_solver_median"]
    many = {
        name: most(frame, name, "free_solver_median", "digital", refresh=1) for name in dict.fromkeys(frame["workload"])
    }
    gains = {name: float(row["free_solver_median"]) for name, row in many.items()}
    top = max(gains, key=lambda name: gains[name])
    return Claim(
        "The study of width fixes the depth and may not carry to other architectures",
        f"{SECOND}, a stated limit",
        Side(
            f"Inversion by Cholesky is {widths.min():.0%} to {widths.max():.0%} of a step with every phase over MLP widths (measured, H100), and "
            f"with preconditioning {shares.min():.0%} to {shares.max():.0%} on ViT and GNN (projected); all costs are sums over "
            "layers, so that depth alone changes no share.",
            (f"{DRAW} fig2", *(Case(name, FASTEST, 1, 1).command(draws=FAST.draws) for name in PAPERS)),
        ),
        Side(
            f"Over {len(bounds)} AlgoPerf workloads a solver that takes no time gains {bounds.min():.3g}x to {bounds.max():.3g}x over the best digital "
            f"one on one device, refresh every {USUAL}, and up to {gains[top]:.3g}x where inversion weighs most ({SHORT[top]}, {case_of(many[top]).words()}).",
            (case_of(many[top]).command(draws=FAST.draws),),
        ),
        (
            Check("largest share or bound of an architecture over the smallest", SUBSTANTIAL, float(widths.max() / shares.min()),
                  max(gains.values()) / min(gains.values()), unit="x"),
        ),
        (case_of(many[top]).command(f"explain {many[top]['method']}"), Case(PAPERS[0], FASTEST, 1, 1).command("explain kfac.cholesky")),
    )  # fmt: skip
