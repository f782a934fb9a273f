"""The ledger of claims: what the paper says, as far as it is known, the test made of it, and what is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from costmodel import formulas
from costmodel.inputs.files import write_text
from paper_figures import quantization, scaling, time_profile, time_to_target
from paper_figures.catalog import fast_frame
from paper_figures.figure import ROOT, Frame

PAGE: Final = ROOT / "docs" / "claims.md"


class Verdict(StrEnum):
    """What becomes of a claim."""

    HOLDS = "holds"
    IF = "holds if"
    FAILS = "fails"
    UNKNOWN = "cannot be tested here"


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim or stated limit.

    Attributes:
        said: The claim in our words.
        seen: Where it was seen, and how directly.
        theirs: What is found under the paper's own assumptions.
        honest: What is found under honest ones.
        verdict: What becomes of it.
        condition: When it holds, where that is the verdict.
        commands: What reproduces the numbers.
        explain: Formulas and values to trace the numbers by.
    """

    said: str
    seen: str
    theirs: str
    honest: str
    verdict: Verdict
    commands: tuple[str, ...]
    condition: str = ""
    explain: tuple[str, ...] = ()


ABSTRACT: Final = "abstract"
SECOND: Final = "public summary, second-hand"
#: A gain below this is not substantial.
SUBSTANTIAL: Final = 1.2
DRAW: Final = "python -m paper_figures --fast --only"


def claims() -> Iterator[Claim]:
    """All claims in the order of the paper, its stated limits last."""
    three, five = fast_frame("fig3"), fast_frame("fig5")
    two, four = fast_frame("fig2"), fast_frame("fig4")
    yield _complexity(three)
    yield _grows(three)
    yield _bottleneck(two)
    yield _overhead(five)
    yield _couplings(four)
    yield _readings(four)
    yield _speedup(five, "imagenet_vit", "ViT on ImageNet")
    yield _speedup(five, "ogbg", "the GNN on ogbg-molpcba")
    yield _against_adam(five)
    yield _parallel(three)
    yield _method_two(five)
    yield _offloading(five)
    yield _depth(five)
    yield Claim(
        "Future work: thermodynamic solvers inside large training pipelines, other accelerators, a better split, other local models",
        SECOND,
        "These are plans and say nothing that could be wrong.",
        "A better split is tried here: columns of the inverse settled by the machine and refined digitally; see figure 5.",
        Verdict.UNKNOWN,
        ("python -m costmodel project imagenet_vit --analog scaled",),
        explain=("thermo.columns.refined",),
    )
    yield Claim(
        "The paper's own numbers: its table, constants, bit widths, intervals and times to target",
        "not seen",
        "Cannot be told without their numbers.",
        "Nothing in this repository is passed off as theirs.",
        Verdict.UNKNOWN,
        ("python -m costmodel catalog devices",),
    )


def _complexity(frame: Frame) -> Claim:
    analog = scaling.exponent(frame, "fixed", "one array", "thermo.solve", "analog_s")
    digital = scaling.exponent(frame, "fixed", "one array", "kfac.cholesky")
    tiling = scaling.exponent(frame, "fixed", "256 cells", "thermo.solve", "tiling_s")
    best = scaling.exponent(frame, "law", "one array", "digital")
    leading = formulas.get("thermo.solve.time").leading("n", "kappa")
    return Claim(
        "Thermodynamic K-FAC costs O(n^2 kappa^2) a layer, digital K-FAC O(n^3)",
        SECOND,
        f"The formula of Method 2 leads with {_plain(leading)} in n and kappa. Its analog time grows as n^{analog:.2f} at fixed kappa "
        f"on one array as large as the matrix, Cholesky's solver as n^{digital:.2f} (from n = 8192 on).",
        f"On arrays of 256 cells the digital products between blocks grow as n^{tiling:.2f}. The best digital method, of low "
        f"rank, grows as n^{best:.2f}: n^3 is not what a digital device has to pay.",
        Verdict.IF,
        (f"{DRAW} fig3", "python -m costmodel explain thermo.solve.time"),
        "the array is as large as the matrix and the rival inverts exactly",
        ("thermo.solve.time", "kfac.cholesky.refresh.flops"),
    )


def _plain(leading: Any) -> str:
    return str(leading.expression if hasattr(leading, "expression") else leading).replace("**", "^")


def _grows(frame: Frame) -> Claim:
    first, last = frame["n"].min(), frame["n"].max()
    over = {
        over: scaling.at(frame, "law", "1024 arrays", "thermo.solve", f"over_{over}_median")
        for over in ("cholesky", "best")
    }
    one = [scaling.size(n, first) for n in scaling.crossover(frame, "fixed", "one array", "thermo.solve")]
    kept = {
        over: f"{each[first]:.2g}x at n = {first} to {each[last]:.2g}x at n = {last}" for over, each in over.items()
    }
    return Claim(
        "The advantage grows with n, the neurons of a layer",
        ABSTRACT,
        f"Against Cholesky it does, on 1024 arrays of RC 1 ns: {kept['cholesky']}. On one array of RC 1 us Method 2 is ahead of "
        f"Cholesky {one[0]} (90 %: {one[1]}; {one[2]}), at kappa = 100.",
        f"Against the best digital method it does not: {kept['best']}.",
        Verdict.IF,
        (f"{DRAW} fig3",),
        "the rival is exact digital inversion and arrays grow with the layer",
        ("thermo.solve.settle.time", "kfac.low_rank"),
    )


def _bottleneck(frame: Frame) -> Claim:
    found, networks = time_profile.bottlenecks(frame)
    share = time_profile.inversion(frame)["share"]
    amortised = time_profile.inversion(frame, "share_amortised")["share_amortised"]
    full = frame[
        (frame["device"] == "one processor core") & (frame["batch"] == "full") & (frame["phase"] == "inversion")
    ]
    return Claim(
        "Inversion is the main bottleneck of the K-FAC update over MLP widths and GPT vocabularies",
        f"{SECOND}; the authors' public post on the figure",
        f"Measured with every phase in every step: it is the largest phase in {found} of {networks} networks, its share "
        f"{share.min():.0%} to {share.max():.0%}.",
        f"With factors every 10 steps and inversion every 100 its share is {amortised.min():.1%} to {amortised.max():.1%}; with 2048 rows on a "
        f"processor {full['share'].min():.0%} to {full['share'].max():.0%} even in every step, because building the factors grows with the batch.",
        Verdict.IF,
        (f"{DRAW} fig2", "python -m paper_figures.profile"),
        "inverses are renewed in every step and the batch is small",
        ("kfac.cholesky.refresh.flops",),
    )  # fmt: skip


def _overhead(frame: Frame) -> Claim:
    parts: list[str] = []
    honest: list[str] = []
    for workload in time_to_target.PAPERS:
        for refresh, into in ((1, parts), (time_to_target.USUAL, honest)):
            rows = _rows(frame, workload, "scaled", refresh)
            into.append(
                f"{time_to_target.SHORT[workload]} {_over_adam(rows, 'thermo.solve')} (Method 2), {_over_adam(rows, 'digital')} (digital)"
            )
    return Claim(
        "With thermodynamic solvers the cost of a K-FAC step comes near that of SGD and Adam",
        "the authors' public post on the table",
        f"Time of a step over Adam's, all phases in every step, on the optimistic `scaled`: {'; '.join(parts)}.",
        f"With inverses renewed every 100 steps: {'; '.join(honest)}. The digital method comes as near.",
        Verdict.HOLDS if _all_near(frame) else Verdict.IF,
        (f"{DRAW} fig5", "python -m costmodel project imagenet_vit --analog scaled"),
        "" if _all_near(frame) else "inverses are renewed rarely, which serves the digital method as much",
        ("thermo.solve", "adam"),
    )


def _rows(frame: Frame, workload: str, machine: str, refresh: int) -> Frame:
    chosen = (frame["workload"] == workload) & (frame["machine"] == machine) & (frame["refresh"] == refresh)
    return time_to_target.plain(frame[chosen]).set_index("arm")


def _over_adam(rows: Frame, arm: str) -> str:
    return f"{rows.loc[arm, 'step_s_median'] / rows.loc['adam', 'step_s_median']:.2f}x"


def _all_near(frame: Frame) -> bool:
    """Whether a step of Method 2 takes at most a quarter more than Adam's, in every step."""
    both = [_rows(frame, workload, "scaled", 1) for workload in time_to_target.PAPERS]
    return all(rows.loc["thermo.solve", "step_s_median"] <= 1.25 * rows.loc["adam", "step_s_median"] for rows in both)


def _couplings(frame: Frame) -> Claim:
    small, wide = quantization.SMALL, tuple(task for task in quantization.TASKS if task not in quantization.SMALL)
    adam = [f"{quantization.ratio(frame, task, 'adam')['steps_ratio']:.2f}" for task in wide]
    return Claim(
        "The benefit of K-FAC survives quantization of its input; 8 bits are as good as float32",
        f"{ABSTRACT}; the number of bits from a comment in a public repository, third-hand",
        f"Steps over exact K-FAC at 8 bits: {quantization.over_tasks(frame, 'in', 8, small)}.",
        f"On wide layers: {quantization.over_tasks(frame, 'in', 8, wide)}; at 6 bits {quantization.over_tasks(frame, 'in', 6, wide)}. "
        f"Adam on these: {', '.join(adam)}.",
        Verdict.IF,
        (f"{DRAW} fig4", "python -m validation.study.report"),
        "layers are narrow (factors up to 65 were tested), or bits grow with width",
        ("accuracy.couplings.rounding.total",),
    )


def _readings(frame: Frame) -> Claim:
    return Claim(
        "The benefit survives quantization of its output",
        f"{ABSTRACT}; the authors' public post",
        f"Steps over exact K-FAC at 4 bits: {quantization.over_tasks(frame, 'out', 4, quantization.SMALL)}.",
        f"No readings of wide layers were tested{_coarser(frame)}.",
        Verdict.HOLDS,
        (f"{DRAW} fig4", "python -m validation.study.report"),
    )


def _coarser(frame: Frame) -> str:
    """The fewest bits of readings that were tried."""
    least = quantization.coarsest(frame, "out")
    if least == 4:
        return ", and nothing coarser than 4 bits"
    return f"; {least:g} bits, the coarsest: {quantization.over_tasks(frame, 'out', least, quantization.SMALL)}"


def _speedup(frame: Frame, workload: str, title: str) -> Claim:
    def span(machine: str, arm: str, refresh: int) -> str:
        return time_to_target.span(_rows(frame, workload, machine, refresh).loc[arm], "over_digital")

    usual = _rows(frame, workload, "scaled", time_to_target.USUAL)
    exact, at = time_to_target.most(frame, workload, "over_cholesky", *time_to_target.ANALOG)
    free, where = time_to_target.most(frame, workload, "free_over_cholesky", "cholesky")
    bound, bound_at = time_to_target.most(frame, workload, "free_solver_median", "digital")
    best, best_at = time_to_target.most(frame, workload, "over_digital_median", *time_to_target.ANALOG)
    holds = exact >= SUBSTANTIAL
    return Claim(
        f"Substantial speedups over digital K-FAC are predicted for {title}",
        ABSTRACT,
        f"Against Cholesky, in the most favourable case on the optimistic `scaled`, a machine is {exact:.2f}x as fast ({at}) and a "
        f"solver that takes no time {free:.2f}x ({where}). On the published constants (`tngd-2024`), refresh every 100 steps, Method 1 "
        f"is {span('tngd-2024', 'thermo.inverse', 100)} as fast as the best digital one, Method 2 {span('tngd-2024', 'thermo.solve', 100)}.",
        f"Against the best digital method on `scaled`, refresh every 100 steps: Method 1 {span('scaled', 'thermo.inverse', 100)}, Method 2 "
        f"{span('scaled', 'thermo.solve', 100)}, columns {span('scaled', 'columns', 100)}, and no solver more than "
        f"{time_to_target.span(usual.loc['digital'], 'free_solver')}: passes and factors stay digital. In the most favourable case a "
        f"machine gains {best:.2f}x ({best_at}), no solver more than {bound:.2f}x ({bound_at}).",
        Verdict.IF if holds else Verdict.FAILS,
        (f"{DRAW} fig5", f"python -m costmodel project {workload} --analog tngd-2024", f"python -m costmodel project {workload} --analog scaled"),
        "the rival inverts exactly and often, and the machine is as fast as `scaled`" if holds else "",
        ("thermo.inverse", "thermo.solve"),
    )  # fmt: skip


def _against_adam(frame: Frame) -> Claim:
    parts = []
    for workload in time_to_target.PAPERS:
        rows = _rows(frame, workload, "scaled", time_to_target.USUAL)
        parts.append(
            f"{time_to_target.SHORT[workload]} Method 1 {time_to_target.span(rows.loc['thermo.inverse'], 'over_adam_to_target')}, "
            f"digital {time_to_target.span(rows.loc['digital'], 'over_adam_to_target')}"
        )
    slow = [
        f"{time_to_target.SHORT[workload]} {time_to_target.span(_rows(frame, workload, 'tngd-2024', time_to_target.USUAL).loc['thermo.solve'], 'over_adam_to_target')}"
        for workload in time_to_target.PAPERS
    ]
    return Claim(
        "Substantial speedups over Adam are predicted, to the target, for ViT and GNN",
        ABSTRACT,
        f"On the published constants Method 2 gains {', '.join(slow)}.",
        f"On `scaled`: {'; '.join(parts)}. The gain is that of K-FAC's fewer steps, and the digital method has it too.",
        Verdict.IF,
        (f"{DRAW} fig5", "python -m costmodel project ogbg --analog scaled"),
        "K-FAC saves the steps that are published for it, and the machine is as fast as `scaled`",
        ("adam", "thermo.inverse"),
    )


def _parallel(frame: Frame) -> Claim:
    n = 8192
    one = scaling.at(frame, "law", "one array", "thermo.solve", "over_cholesky_median")[n]
    many = scaling.at(frame, "law", "1024 arrays", "thermo.solve", "over_cholesky_median")[n]
    return Claim(
        "The work is easily parallelized over many solvers",
        "caption of the overview figure",
        "Layers and right-hand sides are independent, so that arrays divide the analog time; the formulas divide it by their number.",
        f"At n = {n} one array of RC 1 us is {one:.2g}x as fast as Cholesky, 1024 arrays of RC 1 ns on a link of 3.6 Tbit/s {many:.2g}x; "
        "the link and the digital products are divided by nothing.",
        Verdict.HOLDS,
        (f"{DRAW} fig3", "python -m costmodel project imagenet_vit --set arrays=64"),
        explain=("thermo.solve.settle.time",),
    )


def _method_two(frame: Frame) -> Claim:
    parts = []
    for workload in time_to_target.PAPERS:
        for machine in ("tngd-2024", "scaled"):
            rows = _rows(frame, workload, machine, time_to_target.USUAL)
            factor = rows.loc["thermo.solve", "step_s_median"] / rows.loc["thermo.inverse", "step_s_median"]
            parts.append(f"{time_to_target.SHORT[workload]} on `{machine}` {factor:.2f}x")
    return Claim(
        "Method 2 (linear systems) may increase the computational load over Method 1 (inversion)",
        f"{SECOND}, a stated limit",
        "It solves for every gradient, in every step, where Method 1 inverts when factors are renewed.",
        f"Step of Method 2 over Method 1, refresh every 100 steps: {', '.join(parts)}.",
        Verdict.HOLDS,
        (f"{DRAW} fig5",),
        explain=("thermo.solve", "thermo.inverse"),
    )


def _offloading(frame: Frame) -> Claim:
    parts = [
        f"{time_to_target.SHORT[name]} {_rows(frame, name, 'scaled', 1).loc['cholesky', 'free_over_cholesky']:.2f}x"
        for name in time_to_target.PAPERS
    ]
    return Claim(
        "Inversions may still not dominate the overall runtime; the implementation is not optimized for offloading them",
        f"{SECOND}, a stated limit",
        f"Projected gain of a solver that takes no time over Cholesky in every step, batch of AlgoPerf: {', '.join(parts)}.",
        "It is the main result here: at these batches building the factors and both passes outweigh all inversions.",
        Verdict.HOLDS,
        (f"{DRAW} fig5", "python -m costmodel project imagenet_vit --set kfac.refresh_interval=1 --set kfac.factor_interval=1"),
        explain=("kfac.factors.expand.flops", "kfac.cholesky"),
    )  # fmt: skip


def _depth(frame: Frame) -> Claim:
    bounds = time_to_target.usual(frame, "scaled").query("arm == 'digital'")["free_solver_median"]
    wide = {name: time_to_target.most(frame, name, "free_solver_median", "digital") for name in time_to_target.WIDE}
    told = ", ".join(f"{time_to_target.SHORT[name]} {gain:.3g}x ({at})" for name, (gain, at) in wide.items())
    return Claim(
        "The study of width fixes the depth and may not carry to other architectures",
        f"{SECOND}, a stated limit",
        "All costs are sums over layers, so that depth changes no share; batch and shared positions do.",
        f"Over the eight AlgoPerf workloads a solver that takes no time gains {bounds.min():.3g}x to {bounds.max():.3g}x over the best digital one on one device; with many devices, where inversion weighs more: {told}.",
        Verdict.HOLDS,
        (f"{DRAW} fig5",),
    )


def page() -> str:
    """The whole page."""
    found = list(claims())
    summary = "\n".join(f"| {index} | {each.said} | {_verdict(each)} |" for index, each in enumerate(found, 1))
    details = "\n\n".join(_section(index, each) for index, each in enumerate(found, 1))
    return f"""# The paper's claims, judged

<!-- written by: python -m paper_figures claims -->
"Scalable Thermodynamic Second-order Optimization" (arXiv 2502.08603) could not be read in full for this project: its
abstract, the caption of one figure and public summaries were. Each claim below says how directly it was seen. None of the
numbers below is the paper's; all are of this model, this simulator or measured timings, and change with them. "Its own
assumptions" are those that its claims need as far as they are known: every phase in every step, exact inversion as the
digital rival, arrays as large as the matrix. "Honest ones" are the best digital rival, usual intervals, arrays of a size
that exists, and the measured curvature. Ranges in brackets are 90 % intervals.

| | claim | verdict |
| --: | --- | --- |
{summary}

{details}

## Tracing a number

Every number is a sum of phases of a projection: the commands print it with its parts, `explain` gives the formula, its
symbols, their values and sources, and `--set` changes any of them. Figures come with their data (CSV), and a manifest of
versions, seeds and the hashes of what they read.
"""


def _verdict(claim: Claim) -> str:
    return f"**{claim.verdict.value}** {claim.condition}".strip()


def _section(index: int, claim: Claim) -> str:
    commands = "\n".join(claim.commands)
    explain = "".join(
        f"\npython -m costmodel explain {name}"
        for name in claim.explain
        if f"python -m costmodel explain {name}" not in claim.commands
    )
    return f"""## {index}. {claim.said}

- Seen in: {claim.seen}.
- Under its own assumptions: {claim.theirs}
- Under honest ones: {claim.honest}
- Verdict: {_verdict(claim)}.

```
{commands}{explain}
```"""  # fmt: skip


def write(out: Path | None = None) -> Path:
    """Write the page."""
    place = out or PAGE
    write_text(place, page())
    return place
