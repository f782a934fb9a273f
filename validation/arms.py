"""docs/arms.md: every analog arm before and after each improvement, and where the best of them wins.

python -m validation.arms docs/arms.md
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

import costmodel
from costmodel.inputs.files import write_text
from costmodel.projection.feasibility import Reach
from costmodel.projection.project import Projection
from costmodel.views.numbers import scaled

DIGITAL: Final = "h100-sxm"
CARDS: Final = ("tngd-2024", "sram-2026", "scaled")
#: Machines of other kinds: products in a digital iteration, and settling of resistive arrays.
SUBSTRATES: Final = ("hermes-2023", "photonic-2025", "rram-2025")
WORKLOADS: Final = ("imagenet_vit", "ogbg", "wmt", "gpt", "mlp")
#: Draws behind a median; intervals are not shown.
DRAWS: Final = 40
#: Each arm is the one before with one thing more.
LADDER: Final = {
    "thermo.inverse": "Method 1, inverse from the covariance, with correlators that no card describes",
    "thermo.inverse.accumulated": "the same without them, samples summed digitally",
    "thermo.solve": "Method 2, systems every step",
    "thermo.columns": "inverse from settled columns, once a refresh",
    "thermo.columns.refined": "and one Newton-Schulz step",
    "thermo.columns.refined.deflated": "and the top mode taken out",
    "thermo.columns.warm.refined.deflated": "and started from the last inverse",
}
OVERLAP: Final = "any arm, refresh beside training and readings beside runs"
#: A win is a step this much shorter than that of the best digital K-FAC.
WIN: Final = 1.02
#: From what networks are trained with to what asks most of a solver; the first that wins is told.
INTERVALS: Final = (100, 10, 1)
FASTER: Final = (1, 100)
BATCHES: Final = {
    "imagenet_vit": (1024, 64, 16), "ogbg": (512, 64, 16), "wmt": (128, 16, 4), "gpt": (512, 8, 1),
    "mlp": (1024, 128, 16),
}  # fmt: skip
WIDTHS: Final[Mapping[str, tuple[int, ...]]] = {"gpt": (768, 3072), "mlp": (1024, 4096)}


@dataclass(frozen=True, slots=True)
class Regime:
    """What a network is trained with, and how much faster the cells are than on the card."""

    interval: int
    batch: int
    faster: int
    width: int | None

    def settings(self, card: str) -> dict[str, object]:
        """As ``--set`` takes them, with everything overlapped."""
        found: dict[str, object] = {
            "kfac.factor_interval": min(10, self.interval), "batch_size": self.batch, **overlapped(self.interval),
        }  # fmt: skip
        if self.faster > 1:
            found |= _sped_up(card, self.faster)
        return found | ({} if self.width is None else {"parameters.width": self.width})

    def __str__(self) -> str:
        width = "" if self.width is None else f", width {self.width}"
        faster = "" if self.faster == 1 else f", tau / {self.faster}"
        return f"refresh every {self.interval}, batch {self.batch}{width}{faster}"


def overlapped(interval: int) -> dict[str, object]:
    """A refresh that is used when the next one starts, and readings beside runs."""
    return {
        "kfac.refresh_interval": interval, "kfac.stale_steps": interval, "readout_overlaps_settling": True,
    }  # fmt: skip


def _sped_up(card: str, times: int) -> dict[str, object]:
    found = costmodel.load_card(card)
    assert isinstance(found, costmodel.AnalogCard)
    tau = found.relaxation_time
    assert tau is not None  # cards of the page settle
    return {"analog.relaxation_time": {
        "value": f"{tau.value / times!r} s", "low": f"{tau.low / times!r} s", "high": f"{tau.high / times!r} s",
        "status": "assumed", "source": f"the card's, {times} times faster",
    }}  # fmt: skip


def regimes(workload: str) -> list[Regime]:
    """Every regime that is tried, the most usual first."""
    widths: tuple[int | None, ...] = WIDTHS.get(workload, (None,))
    return [
        Regime(interval, batch, faster, width)
        for faster, width, interval, batch in product(FASTER, widths, INTERVALS, BATCHES[workload])
    ]


def run(workload: str, card: str, settings: Mapping[str, object] | None = None) -> Projection:
    """One projection."""
    return costmodel.project(workload, DIGITAL, card, set=dict(settings or {}), draws=DRAWS)


def best(result: Projection, *, accurate: bool) -> str | None:
    """The quickest arm that takes nothing for granted, of those accurate in nearly all layers; None without one."""
    wanted = {Reach.YES} if accurate else {Reach.YES, Reach.SOME, Reach.NO}
    able = [n for n, found in result.feasibility.items() if found.reach in wanted and not found.assumes]
    return min(able, key=lambda name: result.methods[name].step_time.median, default=None)


def quickest_arm(result: Projection) -> str | None:
    """The best accurate arm, or the quickest where none is accurate."""
    return best(result, accurate=True) or best(result, accurate=False)


def gain(result: Projection, name: str) -> float:
    """Of an arm over the best digital K-FAC."""
    return result.speedup[name]["kfac.best"].median


# --- the page --------------------------------------------------------------------------------------------------------

_HEAD: Final = f"""# Analog arms, before and after

Written by `python -m validation.arms docs/arms.md`; medians of {DRAWS} draws on `{DIGITAL}`. A number is the time that
the solver of an arm adds to a step: the step less one whose solver takes no time. In brackets the whole step's speedup
over the best digital K-FAC. † marks arms that are not accurate in all layers, `cannot run` what a card lacks. From
columns on each arm is the one before with one thing more; the last lets the refresh be one interval old and run beside
training, and reads results while the next system settles (`kfac.stale_steps`, `readout_overlaps_settling`), for the arm
that is then the quickest of those that are accurate, or of all.
"""


def _solver(result: Projection, name: str) -> float:
    free = result.methods[result.best_digital].step_time.median / result.free_solver.median
    return max(0.0, result.methods[name].step_time.median - free)


def _cell(result: Projection, name: str) -> str:
    reach = result.feasibility[name].reach
    if reach is Reach.CANNOT_RUN:
        return "cannot run"
    mark = "" if reach is Reach.YES else "†"
    return f"{scaled(_solver(result, name), 's')} ({gain(result, name):.3g}x){mark}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def ladder(workload: str) -> str:
    """Arms of one network on every card."""
    alone = {card: run(workload, card) for card in CARDS}
    beside = {
        card: run(workload, card, overlapped(each.workload.kfac.refresh_interval)) for card, each in alone.items()
    }
    rows = [[f"`{name}`: {words}", *(_cell(each, name) for each in alone.values())] for name, words in LADDER.items()]
    quickest = [(each, quickest_arm(each)) for each in beside.values()]
    rows.append([OVERLAP, *(f"{_cell(each, name)} `{name}`" for each, name in quickest if name)])
    first = alone[CARDS[0]]
    net, digital = first.workload, first.methods[first.best_digital]
    says = (
        f"Batch {net.batch_size}, refresh every {net.kfac.refresh_interval}: `{first.best_digital}` takes "
        f"{scaled(digital.step_time.median, 's')} a step, {scaled(_solver(first, first.best_digital), 's')} of it the "
        f"solver's; a free solver would gain {first.free_solver.median:.3g}x."
    )
    return f"## {workload}\n\n{says}\n\n{_table(['arm', *CARDS], rows)}"


@dataclass(frozen=True, slots=True)
class Found:
    """What a regime gives: the best accurate arm or any, its gain, and that of a solver that takes no time."""

    regime: Regime
    arm: str | None
    accurate: bool
    gain: float
    bound: float

    @property
    def wins(self) -> bool:
        """Whether an accurate arm's step is shorter by as much as counts."""
        return self.accurate and self.gain >= WIN


def tried(workload: str, card: str) -> list[Found]:
    """Regimes in order, until one wins."""
    found: list[Found] = []
    for regime in regimes(workload):
        result = run(workload, card, regime.settings(card))
        accurate, arm = best(result, accurate=True), quickest_arm(result)
        own = 0.0 if arm is None else gain(result, arm)
        found.append(Found(regime, arm, accurate is not None, own, result.free_solver.median))
        if found[-1].wins:
            break
    return found


def told(found: Sequence[Found]) -> list[str]:
    """Where the best arm wins first, or what keeps it from winning."""
    last = found[-1]
    if last.wins:
        return [f"wins: {last.regime}", f"`{last.arm}`", f"{last.gain:.3g}x", f"{last.bound:.3g}x"]
    accurate = [each for each in found if each.accurate]
    top = max(accurate or found, key=lambda each: each.gain)
    words, mark = ("never; best with", "") if accurate else ("never, not accurate; quickest with", "†")
    bound = max(each.bound for each in found)
    return [f"{words} {top.regime}", f"`{top.arm}`", f"{top.gain:.3g}x{mark}", f"{bound:.3g}x"]


_REGIMES: Final = f"""## Where the best arm wins

The first regime, in the order below, in which the quickest accurate arm that takes nothing for granted (no correlators)
has a step at least {(WIN - 1) * 100:.0f} % shorter than the best digital K-FAC, with everything overlapped; or the best
that was tried. The bound is that of a solver that takes no time; where an arm never wins it is the largest of all that
were tried: refreshes every 100, 10 and 1 steps, batches down to the smallest shown, widths, and cells a hundred
times faster than on the card. Digital K-FAC is given no second stream, which would let its refresh be as stale.
"""


_SUBSTRATES: Final = """## Other substrates

The quickest arm that takes nothing for granted, of those accurate in all layers or else of all, without overlap.
`hermes-2023` (phase-change memory) and `photonic-2025` only multiply, inside a digital iteration: `thermo.products`,
which a second pass, a Newton-Schulz step or the top mode taken out makes more accurate. `rram-2025` settles.
"""


def substrates(workloads: Sequence[str] = WORKLOADS) -> str:
    """The quickest arm of each network on machines of other kinds."""
    rows = []
    for workload in workloads:
        found = [run(workload, card) for card in SUBSTRATES]
        arms = [(each, quickest_arm(each)) for each in found]
        cells = ("cannot run" if name is None else f"{_cell(each, name)} `{name}`" for each, name in arms)
        rows.append([workload, *cells])
    return _table(["network", *SUBSTRATES], rows)


def page() -> str:
    """The page."""
    rows = [[workload, card, *told(tried(workload, card))] for workload in WORKLOADS for card in CARDS]
    ladders = "\n".join(ladder(workload) for workload in WORKLOADS)
    where = _table(["network", "card", "regime", "arm", "gain", "bound"], rows)
    return f"{_HEAD}\n{ladders}\n{_REGIMES}\n{where}\n{_SUBSTRATES}\n{substrates()}"


if __name__ == "__main__":
    write_text(Path(sys.argv[1]), page())
