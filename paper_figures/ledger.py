"""The ledger of claims: what the paper says, as far as it is known, the checks made of it, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from costmodel.inputs.files import write_text
from costmodel.views.numbers import significant
from paper_figures import claims_of_gain as gain
from paper_figures import claims_of_growth as growth
from paper_figures import claims_of_steps as steps
from paper_figures.catalog import fast_frame
from paper_figures.claims_common import Frames
from paper_figures.figure import ROOT, Frame
from paper_figures.judgement import Check, Claim

PAGE: Final = ROOT / "docs" / "claims.md"
#: What makes a claim of data, and the figures that the data are of, in the order of the paper, its stated limits last.
CLAIMS: Final[tuple[tuple[Callable[[Frames], Claim], tuple[str, ...]], ...]] = (
    (growth.complexity, ("fig3",)),
    (growth.grows, ("fig3",)),
    (steps.bottleneck, ("fig2",)),
    (steps.overhead, ("fig5",)),
    (gain.couplings, ("fig4",)),
    (gain.readings, ("fig4",)),
    (gain.speedup_vit, ("fig5",)),
    (gain.speedup_gnn, ("fig5",)),
    (gain.against_adam, ("fig5",)),
    (growth.parallel, ()),
    (steps.method_two, ("fig5",)),
    (steps.offloading, ("fig5",)),
    (steps.depth, ("fig2", "fig5")),
    (gain.plans, ()),
    (gain.own_numbers, ()),
)


class FastFrames(dict[str, Frame]):
    """Data of figures at little effort, and of what no figure shows, made when they are asked for."""

    def __missing__(self, name: str) -> Frame:
        self[name] = growth.arrays() if name == "arrays" else fast_frame(name)
        return self[name]


def claims(frames: Frames | None = None, only: Collection[str] = ()) -> dict[int, Claim]:
    """Claims by their number.

    Args:
        frames: Data by figure; those of little effort without it.
        only: Figures; claims that rest on none of them are left out. All without it.
    """
    data = FastFrames() if frames is None else frames
    chosen = {index: make for index, (make, of) in enumerate(CLAIMS, 1) if not only or {*of} & {*only}}
    return {index: make(data) for index, make in chosen.items()}


_PAGE: Final = """# The paper's claims, judged

<!-- written by: python -m paper_figures claims -->
"Scalable Thermodynamic Second-order Optimization" (arXiv 2502.08603) could not be read in full for this project: its
abstract, the caption of one figure and public summaries were. Each claim below says how directly it was seen. None of the
numbers below is the paper's; all are of this model, this simulator or measured timings, and change with them. "Its own
assumptions" are those that its claims need as far as they are known: every phase in every step, exact inversion as the
digital rival, arrays as large as the matrix. "Honest ones" are the best digital rival, usual intervals, arrays of a size
that exists, and the measured curvature. Ranges in brackets are 90 % intervals.

No verdict is written by hand. Each claim has checks: a number and a bound. It **holds** where all pass under both
assumptions, **fails** where they do under neither, and **holds if** where they pass under one alone; what follows "if" are
the assumptions that a check does not pass without. A claim without a check cannot be tested here.

| | claim | verdict |
| --: | --- | --- |
{summary}

{details}

## Tracing a number

Every projected number is a ratio of times that the command beside it prints, with the same draws; `--details` shows the
phases that a time is the sum of, and every value with its source. The `explain` commands give the formulas, their symbols
with units, and the values of the model and the cards behind them; `--set` changes any of them. Figures come with their data
(CSV), and a manifest of versions, seeds and the hashes of what they read; measured ones name the file of the timings.
"""


def page(only: Collection[str] = ()) -> str:
    """The page of all claims, or of those that rest on some figures."""
    found = claims(only=only)
    return _PAGE.format(summary=_summary(found), details=sections(found))


def sections(found: dict[int, Claim]) -> str:
    """Claims, one after the other."""
    return "\n\n".join(_section(index, each) for index, each in found.items())


def _summary(found: dict[int, Claim]) -> str:
    return "\n".join(f"| {index} | {each.said} | {_verdict(each)} |" for index, each in found.items())


def _verdict(claim: Claim) -> str:
    return f"**{claim.verdict.value}** {claim.condition}".strip()


def _section(index: int, claim: Claim) -> str:
    lines = [
        f"## {index}. {claim.said}\n",
        f"- Seen in: {claim.seen}.",
        f"- Under its own assumptions: {claim.theirs.text}",
        f"- Under honest ones: {claim.honest.text}",
        *(f"- Check: {_check(each)}." for each in claim.checks),
        f"- Verdict: {_verdict(claim)}.",
    ]
    blocks = {
        "under its own assumptions": claim.theirs.commands,
        "under honest ones": tuple(each for each in claim.honest.commands if each not in claim.theirs.commands),
        "where the numbers come from": claim.explain,
    }
    told = "\n".join("\n".join([f"# {title}", *each]) for title, each in blocks.items() if each)
    return "\n".join([*lines, "", "```", told, "```"])


def _check(check: Check) -> str:
    """A check with its numbers, and what they are without single assumptions."""

    def number(value: float | None) -> str:
        return "not tested" if value is None else f"{significant(value)}{check.unit}"

    side = "at most" if check.at_most else "at least"
    needs = "".join(
        f", {number(need.without)} unless {need.text}" for need in (*check.shared, *check.needs, *check.honest_needs)
    )
    return (
        f"{check.asks}, {side} {check.bound:g}{check.unit}: {number(check.theirs)} under its own assumptions{needs}, "
        f"{number(check.honest)} under honest ones"
    )


def write(out: Path | None = None, only: Collection[str] = ()) -> Path:
    """Write the page."""
    place = out or PAGE
    write_text(place, page(only))
    return place
