"""One self-contained page: a projection that recomputes itself, and what stands behind it in tables."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Iterable, Sequence
from html import escape
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import sympy as sp

from costmodel.formulas import Formula
from costmodel.inputs.texts import printable
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.placing import PLACED
from costmodel.projection.project import Projection
from costmodel.projection.values import paths_behind
from costmodel.quantities import symbols
from costmodel.quantities.estimate import Status
from costmodel.views.numbers import quantity, scaled, seconds, significant, speed_with_range
from reports.plan import Choice, Plan
from reports.scripts import ENGINE, asset, script

_PLACE: Final = re.compile(r"{{(\w+)}}")


class Report:
    """Everything that a page or a document says of some projections, the first of which is the one that is alive.

    Args:
        projections: Of models on the same cards, or of one model on several.
        digital: Further digital cards that the page can be set to.
        analog: Further analog cards.
        settings: What ``--set`` was given, to be repeated in the commands.
        command: That made the report.
        asked: How a command line names the first model.
    """

    def __init__(
        self,
        projections: Sequence[Projection],
        digital: Iterable[DigitalCard] = (),
        analog: Iterable[AnalogCard] = (),
        settings: Sequence[str] = (),
        command: str = "",
        asked: str = "",
    ) -> None:
        self.projections, self.settings, self.command = tuple(projections), tuple(settings), command
        first = self.projections[0]
        self._asked = asked or shlex.quote(printable(first.workload.name))
        self._digital = _named(first.digital, digital)
        self._analog = _named(first.analog, analog)

    @property
    def first(self) -> Projection:
        """The projection that is alive."""
        return self.projections[0]

    @property
    def title(self) -> str:
        """Name of the report."""
        return f"What K-FAC costs: {printable(self.first.workload.title or self.first.workload.name)}"

    @property
    def subtitle(self) -> str:
        """On which hardware, from how many draws."""
        first = self.first
        return (
            f"{printable(first.workload.name)}, batch {first.workload.batch_size}, on {first.digital.name} and "
            f"{first.analog.name}; {first.scenario} scenario, {first.draws} draws, seed {first.seed}"
        )

    def html(self) -> str:
        """The page."""
        plan = Plan(
            Choice(self.first.workload, self._digital, self._analog),
            self.first.draws,
            self.first.seed,
            self.first.scenario,
        )
        filled = {
            "version": escape(_version()),
            "title": escape(self.title),
            "subtitle": escape(self.subtitle),
            "verdict": escape(self.first.verdict()),
            "draws": str(self.first.draws),
            "placement": not_alive(self.first),
            "digital": escape(self.first.digital.name),
            "analog": escape(self.first.analog.name),
            "style": asset("page.css"),
            "script": script(*ENGINE, "page.js"),
            "plan": _embedded(self._data(plan)),
            "command": escape(self.command),
            "comparison": self._comparison(),
            "layers": self._layers(),
            "assumptions": table("assumption-table", ASSUMPTION_HEADS, assumption_rows(self.first), sortable=True),
            "scores": table("score-table", SCORE_HEADS, score_rows(self.first)),
            "extrapolated": "".join(f"<p>{escape(line)}</p>" for line in extrapolated(self.first)),
        }
        return _PLACE.sub(lambda match: filled[match[1]], asset("page.html"))

    def _data(self, plan: Plan) -> dict[str, Any]:
        first, found = self.first, plan.as_json()
        letters = sorted({letter for each in plan.formulas.values() for letter in each.letters})
        return {
            "plan": found,
            "shown": {
                "digital": first.digital.name,
                "analog": first.analog.name,
                "seed": first.seed,
                "quoted": self._asked,
                "settings": [f"--set {shlex.quote(each)}" for each in self.settings],
            },
            "formulas": {name: _formula(each) for name, each in plan.formulas.items()},
            "symbols": {letter: _symbol(letter, first) for letter in letters},
        }

    def _comparison(self) -> str:
        if len(self.projections) < 2:
            return ""
        body = table("comparison-table", COMPARISON_HEADS, comparison_rows(self.projections), sortable=True)
        verdicts = "".join(
            f"<p><strong>{escape(printable(each.workload.name))}</strong> on {escape(each.digital.name)} and "
            f"{escape(each.analog.name)}: {escape(each.verdict())}</p>"
            for each in self.projections
        )
        return f'<h2 id="comparison">Side by side</h2><div class="scroll" tabindex="0">{body}</div>{verdicts}'

    def _layers(self) -> str:
        first = self.first
        chosen = [name for name in (first.best_digital, best_analog(first)) if name]
        heads = ("layer", "role", "inputs", "outputs", "pairs", "rows a step", *chosen)
        rows: list[Sequence[Cell]] = []
        for each in first.layers:
            layer = each.layer
            role = layer.role.value if layer.role else ""
            sizes = (layer.input_factor_dimension, layer.output_dimension, layer.pairs)
            numbers = [(significant(value, 6), float(value)) for value in (*sizes, each.rows)]
            times = [(scaled(each.step_time[name], "s"), each.step_time[name]) for name in chosen]
            rows.append((printable(layer.name), role, *numbers, *times))
        return table("layer-table", heads, rows, sortable=True)


ASSUMPTION_HEADS: Final = ("path", "value", "status", "source")
SCORE_HEADS: Final = (
    "operation",
    "90 % of times within a factor",
    "sizes",
    "fitted to, and error on what was left out",
)
COMPARISON_HEADS: Final = (
    "model", "digital", "analog", "best digital step", "best thermodynamic", "its step",
    "against the digital", "accurate",
)  # fmt: skip

Cell = str | tuple[str, float]


def table(name: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]], *, sortable: bool = False) -> str:
    """A table in HTML; a number comes with its text, so that it sorts as one."""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join(f"<tr>{''.join(_cell(each) for each in row)}</tr>" for row in rows)
    kind = ' class="sortable"' if sortable else ""
    return f'<table id="{name}"{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return f"<td{' class=source' if len(cell) > 60 else ''}>{escape(cell)}</td>"
    return f'<td class="number" data-value="{cell[1]!r}">{escape(cell[0])}</td>'


def assumption_rows(projection: Projection) -> list[tuple[str, ...]]:
    """Every number the answer rests on."""
    return [
        (printable(path), quantity(each), each.status.value, printable(each.source))
        for path, each in projection.assumptions.items()
    ]


def score_rows(projection: Projection) -> list[tuple[str, ...]]:
    """What each law that a projection may use was fitted to, and how far off it was on what was left out."""
    rows: list[tuple[str, ...]] = []
    for path, each in projection.assumptions.items():
        prefix, _, key = path.rpartition(".")
        if (path.startswith("digital.operations.") and key == "scatter") or path.startswith("solver."):
            ends = [] if each.domain is None else [significant(end, 5) for end in each.domain if end < math.inf]
            name = prefix.removeprefix("digital.operations.")
            rows.append((name, significant(each.high / each.value), " to ".join(ends), printable(each.source)))
    return rows


def extrapolated(projection: Projection) -> list[str]:
    """In sentences: which methods and which numbers go beyond data."""
    lines = []
    for status in (Status.EXTRAPOLATED, Status.ASSUMED):
        methods = [name for name, each in projection.methods.items() if each.step_time.status is status]
        paths = [path for path, each in projection.assumptions.items() if each.status is status]
        if methods:
            lines.append(f"Steps that rest on what is {status.value}: {', '.join(methods)}.")
        if paths:
            lines.append(f"Numbers that are {status.value}: {', '.join(printable(path) for path in paths)}.")
    return lines or ["Nothing."]


def comparison_rows(projections: Iterable[Projection]) -> list[tuple[str, ...]]:
    """The answer of each projection on one line."""
    rows: list[tuple[str, ...]] = []
    for each in projections:
        digital, analog = each.methods[each.best_digital], best_analog(each)
        head = (printable(each.workload.name), each.digital.name, each.analog.name)
        step = f"{digital.name} {seconds(digital.step_time)}"
        if analog is None:
            rows.append((*head, step, "none", "", "", "cannot run"))
            continue
        reach = each.feasibility[analog].reach.value
        own = each.methods[analog].step_time
        rows.append((*head, step, analog, seconds(own), speed_with_range(each.speedup[analog]["kfac.best"]), reach))
    return rows


def not_alive(projection: Projection) -> str:
    """A paragraph where a projection leaves layers to the digital device, which the page does not follow."""
    placed = [name for name, each in projection.methods.items() if each.placement and each.placement.method.split]
    if not placed:
        return ""
    what = f"{placed[0]} is not among them" if placed == [PLACED] else "they are not what the verdict is of"
    return (
        '<p class="soft" id="placement">Not alive: layers that are left to the digital device. Below, thermodynamic '
        f"methods solve every layer on the machine; {what}. costmodel project places layers at other settings.</p>"
    )


def best_analog(projection: Projection) -> str | None:
    """The cheapest thermodynamic method that the machine can run; None where it can run none."""
    able = [name for name, each in projection.feasibility.items() if not each.missing]
    return min(able, key=lambda name: projection.methods[name].step_time.median) if able else None


def _formula(formula: Formula) -> dict[str, str]:
    body = str(sp.mathml(formula.expression, printer="presentation"))
    return {
        "name": formula.name,
        "unit": formula.unit.name,
        "meaning": formula.meaning,
        "source": formula.source,
        "mathml": f'<math display="block">{body}</math>',
    }


def _symbol(letter: str, projection: Projection) -> dict[str, Any]:
    info = symbols.info(letter)
    paths = paths_behind(letter, projection.assumptions)
    return {"name": info.name, "unit": info.unit.name, "meaning": info.meaning, "paths": paths[:12]}


def _embedded(data: Any) -> str:
    """JSON that no text in it can end the script it stands in, nor be taken for markup."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _named(first: Any, more: Iterable[Any]) -> list[Any]:
    """Cards, each name once, the first first."""
    return list({each.name: each for each in reversed([first, *more])}.values())[::-1]


def _version() -> str:
    try:
        return version("costmodel")
    except PackageNotFoundError:
        return "unreleased"
