"""Requirements in the forms that the command line prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from costmodel.defaults import SCHEMA
from costmodel.questions.require import Change, Requirement, Setting
from costmodel.views.crossover import value_of
from costmodel.views.numbers import significant
from costmodel.views.table import Table

#: Pairs that are shown to people.
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class RequireReport:
    """What a speedup would take."""

    requirement: Requirement

    def as_dict(self) -> dict[str, Any]:
        """What ``require --format json`` prints."""
        found = self.requirement
        return {
            "schema": SCHEMA,
            "model": found.model,
            "speedup": found.speedup,
            "method": found.method,
            "over": found.over,
            "current": found.current,
            "answer": self.answer(),
            "reach": found.reach.value,
            "best_digital": found.best_digital,
            "free_solver": found.free_solver,
            "free_solver_bound": found.bound,
            "changes": [_change_dict(change) for change in (*found.singles, *found.pairs)],
            "largest_alone": [{"path": path, "speedup": value} for path, value in found.best.items()],
            "draws": found.draws,
        }

    def answer(self) -> str:
        """One sentence, the cheapest change first, or why there is none."""
        found = self.requirement
        wanted = f"{significant(found.speedup, 4)}x over {found.over}"
        if found.current >= found.speedup:
            return f"{wanted} is there already: {significant(found.current, 4)}x"
        changes = [*found.singles, *found.pairs]
        if changes:
            what = " and ".join(
                f"{each.input.path} of {value_of(each.input, each.value)}" for each in changes[0].settings
            )
            return f"{wanted} takes {what} (it is {significant(found.current, 4)}x)"
        return f"{wanted} is out of reach: {self._bound()}"

    def _bound(self) -> str:
        found = self.requirement
        free = (
            f"a solver that takes no time at all gives {significant(found.free_solver, 4)}x over {found.best_digital}"
        )
        if found.bound > found.free_solver * 1.001:
            free += f", {significant(found.bound, 4)}x with an inversion every step"
        if found.over == "kfac.best" and found.bound < found.speedup:
            return f"Amdahl's bound. Even {free}"
        return f"no change of one input or of two gives it; {free}"

    def tables(self) -> list[Table]:
        """Changes with their effort, or the most that each input gives."""
        found = self.requirement
        title = f"{found.model}: {self.answer()}"
        changes = (*found.singles, *found.pairs[:_SHOWN])
        if found.current >= found.speedup:
            return [Table("", ("answer",), ((title,),))]
        if not changes:
            rows = tuple((path, f"{significant(value)}x") for path, value in found.best.items())
            return [Table(title, ("input alone", "gives at most"), rows, right=(1,))]
        note = (
            "Least effort first, one input before two: effort is the sum of |ln(new / old)|, so that a factor of two "
            f"either way counts the same for every input. Interval over {found.draws} draws. "
            "Accuracy as project judges it, of the first few."
        )
        columns = ("change", "90 %", "factor", "effort", "method", "accurate")
        return [Table(title, columns, tuple(_row(each) for each in changes), right=(2, 3), note=note)]

    def records(self) -> list[dict[str, Any]]:
        """One row for each input of each change."""
        found = self.requirement
        return [
            {
                "model": found.model,
                "speedup": found.speedup,
                "over": found.over,
                "change": number,
                "path": setting.input.path,
                "unit": setting.input.unit.name,
                "now": setting.input.value,
                "needed": setting.value,
                "p05": setting.low,
                "p95": setting.high,
                "effort": change.effort,
                "method": change.method,
                "reach": change.reach.value if change.reach else None,
            }
            for number, change in enumerate((*found.singles, *found.pairs), 1)
            for setting in change.settings
        ]


def _change_dict(change: Change) -> dict[str, Any]:
    return {
        "inputs": [
            {
                "path": each.input.path,
                "unit": each.input.unit.name,
                "now": each.input.value,
                "needed": each.value,
                "p05": each.low,
                "p95": each.high,
            }
            for each in change.settings
        ],
        "effort": change.effort,
        "method": change.method,
        "reach": change.reach.value if change.reach else None,
    }


def _row(change: Change) -> tuple[str, ...]:
    settings = change.settings
    return (
        " and ".join(f"{each.input.path} {value_of(each.input, each.value)}" for each in settings),
        _interval(settings[0]) if len(settings) == 1 else "",
        " and ".join(f"{significant(each.factor)}x" for each in settings),
        significant(change.effort),
        change.method,
        change.reach.value if change.reach else "",
    )


def _interval(setting: Setting) -> str:
    low = "below the range" if setting.low is None else value_of(setting.input, setting.low)
    high = "beyond the range" if setting.high is None else value_of(setting.input, setting.high)
    return f"{low} to {high}"
