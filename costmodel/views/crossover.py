"""Crossovers and regime maps in the forms that the command line prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from costmodel.defaults import SCHEMA
from costmodel.quantities.units import one
from costmodel.questions.crossover import Crossover, Never, Tie
from costmodel.questions.inputs import Input
from costmodel.questions.regimes import Regimes
from costmodel.views.numbers import in_unit, scaled, significant
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
        if found.never is not None:
            return [Table(title, ("answer",), ((f"never: {never_sentence(found.never, wanted)}",),), note=note)]
        rows = tuple(
            (value_of(wanted, tie.value), _interval(wanted, tie), f"{tie.above} is cheaper above") for tie in found.ties
        )
        return [Table(title, (wanted.name, "90 %", ""), rows, note=note)]

    def records(self) -> list[dict[str, Any]]:
        """One row a crossing; one without a value where there is none."""
        found = self.crossover
        rows = self._ties() or [{"value": None, "p05": None, "p95": None, "cheaper_above": None}]
        fixed = {"model": found.model, "path": found.over.path, "unit": found.over.unit.name}
        return [{**fixed, "method": found.method, "against": found.against, **row} for row in rows]

    def curve(self) -> list[dict[str, Any]]:
        """One row a value that was looked at."""
        found = self.crossover
        return [
            {"value": value, "speedup_p05": p05, "speedup_median": p50, "speedup_p95": p95}
            for value, p05, p50, p95 in zip(found.grid.tolist(), *found.ratio.tolist(), strict=True)
        ]

    def _ties(self) -> list[dict[str, Any]]:
        return [
            {"value": tie.value, "p05": tie.low, "p95": tie.high, "cheaper_above": tie.above}
            for tie in self.crossover.ties
        ]


def never_sentence(never: Never, wanted: Input) -> str:
    """Why two methods never tie, in words."""
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


@dataclass(frozen=True, slots=True)
class RegimesReport:
    """A map over two inputs."""

    regimes: Regimes

    def as_dict(self) -> dict[str, Any]:
        """What ``crossover --map --format json`` prints."""
        found = self.regimes
        return {
            "schema": SCHEMA,
            "model": found.model,
            "across": input_dict(found.across),
            "up": input_dict(found.up),
            "cells": self.records(),
        }

    def tables(self) -> list[Table]:
        """A letter a cell, capitals where a thermodynamic method wins; what they mean, and what bounds each."""
        found = self.regimes
        winners = sorted({name for row in found.winner for name in row})
        letters = {name: chr((65 if name.startswith("thermo") else 97) + index) for index, name in enumerate(winners)}
        rows = tuple(
            (value_of(found.up, float(found.rows[index])), "".join(letters[name] for name in found.winner[index]))
            for index in reversed(range(len(found.rows)))
        )
        ends = (value_of(found.across, float(found.columns[index])) for index in (0, -1))
        title = f"{found.model}: the cheapest K-FAC; across {found.across.path}, {' to '.join(ends)}"
        note = (
            f"Time of {found.against} over {found.method}: {significant(float(found.speedup.min()))} to "
            f"{significant(float(found.speedup.max()))}x. Times alone, at the values of all other inputs; project says "
            "whether a machine is accurate enough."
        )
        legend = tuple((letters[name], name, self._bounds(name)) for name in winners)
        if len(winners) == 1:
            rows = (("everywhere", f"{letters[winners[0]]}, {winners[0]}"),)
        return [
            Table(title, (found.up.path, "who"), rows, right=(0,), note=note),
            Table("who wins, and what bounds it", ("", "method", "most of its own work"), legend),
        ]

    def records(self) -> list[dict[str, Any]]:
        """One row a cell."""
        found = self.regimes
        return [
            {
                found.across.path: float(across),
                found.up.path: float(up),
                "winner": found.winner[row][column],
                "bound": found.bound[row][column],
                "own_bound": found.solver[row][column],
                "speedup": float(found.speedup[row, column]),
            }
            for row, up in enumerate(found.rows)
            for column, across in enumerate(found.columns)
        ]

    def _bounds(self, name: str) -> str:
        found, counts = self.regimes, dict[str, int]()
        for row, cells in enumerate(found.winner):
            for column, each in enumerate(cells):
                if each == name:
                    phase = found.solver[row][column]
                    counts[phase] = counts.get(phase, 0) + 1
        most = sorted(counts, key=lambda phase: -counts[phase])
        return ", ".join(f"{found.labels.get(phase, phase)} in {counts[phase]}" for phase in most)
