"""docs/answers.md: answers on the AlgoPerf workloads before and after curvature was measured, and why they moved.

python -m validation.answers docs/answers.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import costmodel
from costmodel.inputs.files import write_text
from costmodel.inputs.loading import load_analog, load_digital, load_workload
from costmodel.projection.placing import placements
from costmodel.projection.points import Points
from costmodel.projection.project import Projection
from costmodel.quantities.estimate import Estimate, Status
from costmodel.questions.judgement import judgements, overall
from costmodel.views.numbers import scaled, significant, speed_with_range
from validation.arms import best

BEFORE: Final = Path(__file__).parent / "data" / "answers" / "before.json"
#: Whose interval issue and page are about, and how narrow it should be.
NARROW: Final = ("imagenet_vit", "ogbg")
WIDEST: Final = 10.0
_ARMS: Final = ("thermo.solve", "thermo.columns")


@dataclass(frozen=True, slots=True)
class Before:
    """What the earlier version answered.

    Attributes:
        commit: Of that version.
        digital: Card.
        analog: Card.
        draws: Of its projections, and of those of today.
        seed: Of the draws.
        kfac: Inputs of curvature and accuracy, as ``--set`` takes them.
        workloads: By network: methods with steps, speedups and accuracy; the best; the answer.
    """

    commit: str
    digital: str
    analog: str
    draws: int
    seed: int
    kfac: Mapping[str, Mapping[str, float]]
    workloads: Mapping[str, Mapping[str, Any]]

    def step(self, workload: str, method: str) -> Estimate:
        """Seconds of a step."""
        return _estimate(self.workloads[workload]["methods"][method]["step_time_s"])

    def speedup(self, workload: str, method: str) -> Estimate:
        """Over the best digital K-FAC."""
        return _estimate(self.workloads[workload]["methods"][method]["speedup_over_best_digital"])


def _estimate(numbers: Mapping[str, float]) -> Estimate:
    return Estimate(numbers["median"], numbers["p05"], numbers["p95"], Status.EXTRAPOLATED)


def before() -> Before:
    """The data file."""
    data = json.loads(BEFORE.read_text(encoding="utf-8"))
    return Before(**{name: data[name] for name in Before.__slots__})


def today(earlier: Before, workload: str) -> Projection:
    """The same question asked of this version, with its defaults."""
    return costmodel.project(workload, earlier.digital, earlier.analog, draws=earlier.draws, seed=earlier.seed)


# --- why: one change after the other ---------------------------------------------------------------------------------

#: Before, all errors had one tolerance.
_TOLERANCES: Final = {
    f"{flaw}_tolerance": "relative_error" for flaw in ("sampling", "settling", "coupling", "reading", "mismatch")
}
_CURVATURE: Final = (
    "mean_curvature", "input_stable_rank", "output_stable_rank", "input_spectral_decay", "output_spectral_decay",
)  # fmt: skip
#: What changed, in order: which inputs are still the earlier version's, how layers are placed, and by which arm.
STEPS: Final = (
    (
        "formulas of today, its digital cards, curvature and tolerances of before",
        (*_CURVATURE, *_TOLERANCES),
        "all",
        "",
    ),
    ("tolerances from training of today", _CURVATURE, "all", ""),
    ("curvature by the law fitted to measured networks: today's `thermo.solve`", (), "all", ""),
    ("the top mode taken out: `thermo.solve.deflated`", (), "all", ".deflated"),
    ("layers left to the device where that is cheaper (`kfac.analog_layers=cheaper`)", (), "cheaper", ".deflated"),
)


def settings(earlier: Before, names: Sequence[str], layers: str) -> list[str]:
    """Inputs of the earlier version, as ``--set`` takes them."""
    found = [f"kfac.analog_layers={layers}"]
    for name in names:
        each = earlier.kfac[_TOLERANCES.get(name, name)]
        found.append(
            f"kfac.{name}={{value: {each['value']!r}, low: {each['low']!r}, high: {each['high']!r}, "
            "status: extrapolated, source: an earlier version}"
        )
    return found


def steps(earlier: Before, workload: str) -> list[tuple[str, Estimate]]:
    """What changed, and seconds of a step of Method 2 after each change."""
    cards = load_digital(earlier.digital), load_analog(earlier.analog)
    found = []
    for what, names, layers, kind in STEPS:
        method = f"thermo.solve{kind}"
        model = load_workload(workload, settings(earlier, names, layers))
        points = Points(model, *cards, methods=[method], draws=earlier.draws, seed=earlier.seed)
        placed = placements(model, *cards, names=[method]).get(method)
        told = "" if placed is None else f": {len(placed.layers) or 'no'} of {placed.of} layers on the machine"
        found.append((f"{what}{told}", Estimate.of(points.evaluate({}).step[method][0], Status.EXTRAPOLATED)))
    return found


# --- the page --------------------------------------------------------------------------------------------------------


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _seconds(each: Estimate) -> str:
    return f"{scaled(each.median, 's')} ({scaled(each.p05, 's')} to {scaled(each.p95, 's')})"


def width(each: Estimate) -> float:
    """The upper end of an interval over its lower one."""
    return each.p95 / each.p05


def answer_row(earlier: Before, result: Projection) -> list[str]:
    """A network: the best accurate arm against the best digital K-FAC, then and now."""
    workload = result.workload.name
    then = earlier.workloads[workload]
    first = then["best_thermodynamic"]
    was = f"`{first}` {speed_with_range(earlier.speedup(workload, first))}; accurate: {then['methods'][first]['reach']}"
    name = best(result, accurate=True)
    if name is None:
        return [workload, was, then["answer"], "no accurate arm", "no"]
    found = overall(judgements(result, name))
    return [
        workload, was, then["answer"], f"`{name}` {speed_with_range(result.speedup[name]['kfac.best'])}", found.value,
    ]  # fmt: skip


def arm_rows(earlier: Before, result: Projection) -> list[list[str]]:
    """A network: seconds of a step of the two arms that the page is about."""
    workload = result.workload.name
    rows = []
    for name in _ARMS:
        known = name in earlier.workloads[workload]["methods"]
        then = _seconds(earlier.step(workload, name)) if known else "not there"
        now = result.methods[name].step_time
        widths = [significant(width(earlier.step(workload, name)), 3) if known else "", significant(width(now), 3)]
        rows.append([workload, f"`{name}`", then, _seconds(now), *widths])
    return rows


def narrow_row(earlier: Before, result: Projection) -> list[str]:
    """The widest interval of an arm's step then and now, of arms that settle."""
    workload = result.workload.name
    then = {name: width(earlier.step(workload, name)) for name in earlier.workloads[workload]["methods"]}
    now = {name: width(result.methods[name].step_time) for name, each in result.feasibility.items() if not each.missing}
    widest = max(now, key=lambda name: now[name])
    plain = max(now["thermo.solve"], now["thermo.columns"])
    within = "yes" if plain < WIDEST else "no"
    return [
        workload, f"{significant(max(then.values()), 3)}x", f"{significant(now['thermo.solve'], 3)}x",
        f"{significant(now['thermo.columns'], 3)}x", f"{significant(now[widest], 3)}x (`{widest}`)", within,
    ]  # fmt: skip


def ladder(earlier: Before, workload: str) -> str:
    """Why a network's answer moved, one change after the other."""
    rows = [
        ["before", _seconds(earlier.step(workload, "thermo.solve")), _width(earlier.step(workload, "thermo.solve"))]
    ]
    rows += [[what, _seconds(each), _width(each)] for what, each in steps(earlier, workload)]
    return f"### {workload}\n\n{_table(['a step of Method 2', 'seconds (90 %)', 'width'], rows)}"


def _width(each: Estimate) -> str:
    return f"{significant(width(each), 3)}x"


def _head(earlier: Before) -> str:
    return f"""# Answers before and after curvature was measured

Written by `python -m validation.answers docs/answers.md`. "Before" is the version of commit `{earlier.commit[:12]}`,
the last before curvature was measured; its answers are kept in `validation/data/answers`. "After" is this version. Both
with their own defaults: `{earlier.digital}` and `{earlier.analog}`, {earlier.draws} draws. Neither is a measurement of
a machine.

## Does it pay off?

The best thermodynamic arm then, accurate or not; the best accurate one now that takes nothing for granted; both against
the best digital K-FAC, with 90 % intervals.
"""


_STEPS: Final = """## Steps

Seconds of a step with 90 % intervals, all layers on the machine, and how many times the upper end is the lower.
"""

_NARROW: Final = f"""## How narrow

The upper over the lower end of a step's 90 % interval, for the two networks of which less than {WIDEST:g} times was
asked: the widest arm then; Method 2, columns, and the widest arm now, which is one that samples. Of the other networks
the table above tells: where a layer may be very ill conditioned, Method 2 is still as wide as it says.
"""

_WHY: Final = """## Why

One change after the other, of a step of Method 2 (`thermo.solve`). The first brings everything that changed in formulas
and cards since, at inputs as they were: accuracy of a direction in place of each inverse, spectra that all methods
share, precision and laws of the digital device. Which layers are left to the device is decided before the run, by
medians; where no layer is on the machine, the last row is the step of the best digital K-FAC, and its interval is no
merit of the machine.
"""


def page() -> str:
    """The page."""
    earlier = before()
    results = {workload: today(earlier, workload) for workload in earlier.workloads}
    answers = _table(
        ["network", "best arm before", "pays off", "best accurate arm after", "pays off"],
        [answer_row(earlier, each) for each in results.values()],
    )
    arms = _table(
        ["network", "arm", "before", "after", "width before", "after"],
        [row for each in results.values() for row in arm_rows(earlier, each)],
    )
    narrow = _table(
        ["network", "before", "`thermo.solve`", "`thermo.columns`", "widest", f"both below {WIDEST:g}x"],
        [narrow_row(earlier, results[workload]) for workload in NARROW],
    )
    ladders = "\n".join(ladder(earlier, workload) for workload in results)
    return f"{_head(earlier)}\n{answers}\n{_STEPS}\n{arms}\n{_NARROW}\n{narrow}\n{_WHY}\n{ladders}"


if __name__ == "__main__":
    write_text(Path(sys.argv[1]), page())
