"""Claims and stated limits about where a step spends its time."""

from __future__ import annotations

from paper_figures import time_profile
from paper_figures.claims_common import DRAW, EVERY, SECOND, SUBSTANTIAL, Frames, explain
from paper_figures.figure import FAST
from paper_figures.judgement import Check, Claim, Need, Side
from paper_figures.target_cases import FASTEST, PAPERS, SHORT, USUAL, Case, case_of, most, plain, rows_of, usual


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
                  (Need(EVERY, rare / networks), Need("the batch is small", full / all_full))),
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
