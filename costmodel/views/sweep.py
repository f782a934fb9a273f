"""What ``sweep`` shows when its file is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from costmodel.defaults import SCHEMA
from costmodel.questions.sweep_run import SweepResult
from costmodel.views.numbers import percent, scaled
from costmodel.views.table import Table


@dataclass(frozen=True, slots=True)
class SweepReport:
    """A sweep that is done."""

    result: SweepResult

    def as_dict(self) -> dict[str, Any]:
        """What ``sweep --format json`` prints."""
        result = self.result
        return {
            "schema": SCHEMA,
            "name": result.plan.name,
            "file": str(result.out),
            "points": result.plan.points,
            "chunks": result.chunks,
            "chunks_of_earlier_runs": result.kept,
            "columns": list(result.columns),
            "methods": self.records(),
        }

    def records(self) -> list[dict[str, object]]:
        """One record a method: seconds of its fastest and slowest step, and points at which it is the cheapest."""
        return [
            {"method": name, "fastest_s": each.low, "slowest_s": each.high, "cheapest_at_points": each.cheapest}
            for name, each in self.result.methods.items()
        ]

    def tables(self) -> list[Table]:
        """Methods, and what was written."""
        result = self.result
        points = result.plan.points
        rows = tuple(
            (name, scaled(each.low, "s"), scaled(each.high, "s"), percent(each.cheapest / points))
            for name, each in result.methods.items()
        )
        note = f"{result.out}: {points:,} points, {len(result.columns)} columns."
        if result.kept == result.chunks and not result.methods:
            note = f"{result.out} is there already, whole: {points:,} points; --restart makes it anew."
        elif result.kept:
            note += f" {result.kept} of {result.chunks} chunks were there from an earlier run."
        title = f"{result.plan.name}: a step of each method, over all points"
        return [Table(title, ("method", "fastest", "slowest", "cheapest at"), rows, right=(1, 2, 3), note=note)]
