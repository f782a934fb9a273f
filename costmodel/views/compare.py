"""What ``compare`` prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from costmodel.defaults import SCHEMA
from costmodel.questions.compare import SAME, Comparison, Difference, Move
from costmodel.views.numbers import percent, scaled, significant
from costmodel.views.table import Table

#: Rows of a table for people.
_MOST: Final = 40


@dataclass(frozen=True, slots=True)
class CompareReport:
    """Projections side by side.

    Attributes:
        found: What is shown.
        every: Whether tables hold all methods and all inputs; every other format does.
    """

    found: Comparison
    every: bool = False

    def as_dict(self) -> dict[str, Any]:
        """What ``compare --format json`` prints."""
        found = self.found
        return {
            "schema": SCHEMA,
            "projections": list(found.names),
            "method_records": self.records(),
            "differences": [
                {"path": each.path, "unit": each.unit, "values": [_plain(value) for value in each.values]}
                for each in found.differences
            ],
            "another_version": found.unexplained,
        }

    def records(self) -> list[dict[str, object]]:
        """One record a method and projection: its step, and against the first the factor and the phase that moved."""
        moves = {(move.method, move.column): move for move in self.found.moves}
        records = []
        for method in self.found.methods:
            for column, name in enumerate(self.found.names):
                step, move = self.found.step(method, column), moves.get((method, column))
                if step is None:
                    continue
                records.append(
                    {
                        "projection": name,
                        "method": method,
                        **{f"step_time_s_{key}": step[key] for key in ("median", "p05", "p95", "status")},
                        "over_first": 1.0 if column == 0 else None if move is None else move.factor,
                        "moved_phase": move.phase if move else "",
                        "moved_share": move.share if move else None,
                        "phase_s_first": move.before if move and move.phase else None,
                        "phase_s": move.after if move and move.phase else None,
                    }
                )
        return records

    def tables(self) -> list[Table]:
        """Steps, what moved, what differs."""
        return [self._steps(), self._moves(), self._differences()]

    def _shown(self) -> list[str]:
        """All methods, or Adam with the best of each family in one of the projections."""
        if self.every:
            return list(self.found.methods)
        best = {each[key] for each in self.found.projections for key in ("best_digital", "best_thermodynamic")}
        return [name for name in self.found.methods if name == "adam" or name in best]

    def _steps(self) -> Table:
        rows = []
        for method in self._shown():
            steps = [self.found.step(method, column) for column in range(len(self.found.names))]
            rows.append((method, *("-" if step is None else scaled(step["median"], "s") for step in steps)))
        columns = ("method", *self.found.names)
        hidden = len(self.found.methods) - len(rows)
        note = f"{hidden} more methods with --all." if hidden else ""
        return Table("a step, median", columns, tuple(rows), right=tuple(range(1, len(columns))), note=note)

    def _moves(self) -> Table:
        shown = set(self._shown())
        rows = [self._moved(move) for move in self.found.moves if move.method in shown]
        columns = ("method", "in", "step", "mostly by", "from", "to", "part of the change")
        return Table(f"against {self.found.names[0]}", columns, tuple(rows), right=(2, 4, 5, 6))

    def _moved(self, move: Move) -> tuple[str, ...]:
        name = self.found.names[move.column]
        if not move.phase:
            return (move.method, name, "same", "", "", "", "")
        step = "same" if abs(move.factor - 1) <= SAME else f"{significant(move.factor)}x"
        times = (scaled(move.before, "s"), scaled(move.after, "s"))
        return (move.method, name, step, move.phase, *times, percent(move.share, 0))

    def _differences(self) -> Table:
        """Inputs that several have, with other values; those that only some have with ``every``."""
        found = self.found.differences
        common = [each for each in found if None not in each.values]
        shown = found if self.every else common[:_MOST]
        rows = tuple((each.path, *(_shown_value(value, each) for value in each.values)) for each in shown)
        hidden = len(found) - len(shown)
        note = f"{hidden} more with --all, most of which only some have." if hidden else ""
        if self.found.unexplained:
            note = "No input differs, and times do: another version of costmodel made one of them."
        elif not found:
            note = "No input differs."
        return Table("inputs that differ", ("input", *self.found.names), rows, note=note)


def _plain(value: Any) -> Any:
    return dict(zip(("value", "low", "high"), value, strict=True)) if isinstance(value, tuple) else value


def _shown_value(value: Any, of: Difference) -> str:
    if value is None:
        return "-"
    if not isinstance(value, tuple):
        return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    unit = "" if of.unit == "1" else of.unit
    middle, low, high = (scaled(each, unit) if unit else significant(each) for each in value)
    return middle if low == high else f"{middle} [{low}, {high}]"
