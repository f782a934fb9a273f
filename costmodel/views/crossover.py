"""Crossovers in the forms that the command line prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from costmodel.defaults import SCHEMA
from costmodel.projection.feasibility import Reach
from costmodel.quantities.units import one
from costmodel.questions.crossover import Crossover, Never, Tie
from costmodel.questions.inputs import Input
from costmodel.views.numbers import in_unit, scaled
from costmodel.views.table import Table


def value_of(wanted: Input, value: float) -> str:
    """A value of an input for people; a whole number with all its digits, so that it can be given again."""
    if wanted.whole and value >= 1000 and value == round(value) and wanted.unit == one:
        return f"{value:.0f}"
    return in_unit(value, wanted.unit)


def input_dict(wanted: Input) -> dict[str, Any]:
    """An input in the JSON contract."""
    return {"path": wanted.path, "unit": wanted.unit.name, "value": wanted.value, "from": wanted.low, "to": wanted.high}


@dataclass(frozen=True, slots=True)
class CrossoverReport:
    """Where two methods tie."""

    crossover: Crossover

    def as_dict(self) -> dict[str, Any]:
        """What ``crossover --format json`` prints."""
        found = self.crossover
        never = found.never
        return {
            "schema": SCHEMA,
            "model": found.model,
            "over": input_dict(found.over),
            "method": found.method,
            "against": found.against,
            "draws": found.draws,
            "crossovers": self._ties(),
            "never": None
            if never is None
            else {
                "loser": never.loser,
                "loser_time_s": never.loser_time,
                "winner": never.winner,
                "winner_time_s": never.winner_time,
                "at": never.at,
                "phase": never.phase,
                "phase_time_s": never.phase_time,
                "replaced_time_s": never.replaced,
                "phase_alone": never.alone,
            },
            "curve": self.curve(),
        }

    def tables(self) -> list[Table]:
        """Every crossing, or a sentence why there is none."""
        found = self.crossover
        wanted, now = found.over, found.over.value
        title = f"{found.model}: where {found.method} and {found.against} cost the same, over {wanted.path}"
        looked = f"Looked at from {value_of(wanted, wanted.low)} to {value_of(wanted, wanted.high)}"
        note = f"{looked}, {found.draws} draws" + (f"; it is {value_of(wanted, now)} here." if now else ".")
        note += self._inaccurate()
        if found.never is not None:
            return [Table(title, ("answer",), ((f"never: {never_sentence(found.never, wanted)}",),), note=note)]
        rows = tuple(
            (
                value_of(wanted, tie.value),
                _interval(wanted, tie),
                f"{tie.above} is cheaper above",
                f"{tie.arm}: {tie.reach.value}" if tie.reach else "",
            )
            for tie in found.ties
        )
        return [Table(title, (wanted.name, "90 %", "", "accurate there"), rows, note=note)]

    def _inaccurate(self) -> str:
        """Where a thermodynamic method that wins is not accurate enough; the stretches, in words."""
        found = self.crossover
        stretches = list(_stretches(found.reach))
        if not any(found.reach):
            return ""
        if not stretches:
            return " Wherever a thermodynamic method is the cheapest it is accurate enough for training."
        ends = (tuple(value_of(found.over, float(found.grid[each])) for each in both) for both in stretches)
        where = ", ".join(low if low == high else f"{low} to {high}" for low, high in ends)
        return (
            f" The cheapest is a thermodynamic method that is not accurate enough for training in all layers: {where}."
        )

    def records(self) -> list[dict[str, Any]]:
        """One row a crossing; one without a value where there is none."""
        found = self.crossover
        rows = self._ties() or [dict.fromkeys(("value", "p05", "p95", "cheaper_above", "arm", "reach"))]
        fixed = {"model": found.model, "path": found.over.path, "unit": found.over.unit.name}
        return [{**fixed, "method": found.method, "against": found.against, **row} for row in rows]

    def curve(self) -> list[dict[str, Any]]:
        """One row a value that was looked at."""
        found = self.crossover
        return [
            {"value": value, "speedup_p05": p05, "speedup_median": p50, "speedup_p95": p95}
            | {"winner": winner, "reach": reach_text(reach)}
            for value, p05, p50, p95, winner, reach in zip(
                found.grid.tolist(), *found.ratio.tolist(), found.winner, found.reach, strict=True
            )
        ]

    def _ties(self) -> list[dict[str, Any]]:
        return [
            {"value": tie.value, "p05": tie.low, "p95": tie.high, "cheaper_above": tie.above}
            | {"arm": tie.arm, "reach": reach_text(tie.reach)}
            for tie in self.crossover.ties
        ]


def reach_text(found: Reach | None) -> str | None:
    """Whether an arm is accurate enough, as formats say it; None where no thermodynamic method is meant."""
    return None if found is None else found.value


def _stretches(reach: Sequence[Reach | None]) -> Iterator[tuple[int, int]]:
    """First and last of each run of values at which an arm that wins is not accurate enough."""
    for wanting, run in groupby(enumerate(reach), key=lambda each: each[1] not in {None, Reach.YES}):
        if wanting:
            places = [place for place, _ in run]
            yield places[0], places[-1]


def never_sentence(never: Never, wanted: Input) -> str:
    """Why two methods never tie, in words."""
    if never.same:
        return f"both do the same at every value, {scaled(never.loser_time, 's', 4)} a step: {never.loser}"
    phase, time = never.phase, scaled(never.phase_time, "s")
    where = f"even at {value_of(wanted, never.at)}, where they come closest"
    steps = f"{scaled(never.loser_time, 's', 4)} against {scaled(never.winner_time, 's', 4)} a step"
    if never.alone:
        replaced = f"all that {never.winner} does in its place ({scaled(never.replaced, 's')})"
        why = f"{phase} alone ({time} a step) already costs more than {replaced}"
        if not never.replaced:
            why = f"{phase} alone ({time} a step) comes on top of all that {never.winner} does"
        return f"{why}, {where}; {never.loser} takes {steps}"
    return f"{never.loser} takes {steps} {where}; most of what it adds is {phase} ({time})"


def _interval(wanted: Input, tie: Tie) -> str:
    low = "below the range" if tie.low is None else value_of(wanted, tie.low)
    high = "beyond the range" if tie.high is None else value_of(wanted, tie.high)
    return f"{low} to {high}"
