"""What ``target`` prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from costmodel.defaults import SCHEMA
from costmodel.questions.target import Target, Targets
from costmodel.views.contract import quantity_dict
from costmodel.views.numbers import quantity, scaled, significant
from costmodel.views.table import Table


@dataclass(frozen=True, slots=True)
class TargetReport:
    """Times to the target.

    Attributes:
        found: What is shown.
        every: Whether the table holds all methods, or the best of each family; every other format has all.
    """

    found: Targets
    every: bool = False

    def as_dict(self) -> dict[str, Any]:
        """What ``target --format json`` prints."""
        found = self.found
        floor = found.host_time
        return {
            "schema": SCHEMA,
            "model": found.projection.workload.name,
            "digital": found.projection.digital.name,
            "analog": found.projection.analog.name,
            "target": found.target,
            "adam_steps": quantity_dict("model.training.adam_steps", found.adam_steps),
            "kfac_step_ratio": quantity_dict("model.training.kfac_step_ratio", found.step_ratio),
            "host_time": None if floor is None else quantity_dict("model.host_time", floor),
            "host_bound": found.host_bound,
            "methods": self.records(),
        }

    def records(self) -> list[dict[str, object]]:
        """One record a method: seconds a step and to the target, Adam's time over it, the break-even ratio."""
        records = []
        for each in self.found.methods:
            record: dict[str, object] = {"method": each.method}
            estimates = {
                "step_time_s": each.step,
                "time_to_target_s": each.time,
                "over_adam_to_target": each.gain,
                "break_even_step_ratio": each.break_even,
            }
            for name, estimate in estimates.items():
                numbers = {} if estimate is None else estimate.as_dict()
                record |= {f"{name}_{key}": numbers.get(key) for key in ("median", "p05", "p95", "status")}
            records.append(record)
        return records

    def tables(self) -> list[Table]:
        """Methods, and what their steps rest on."""
        found, projection = self.found, self.found.projection
        best = {"adam", projection.best_digital, projection.best_thermodynamic}
        rows = tuple(_row(each) for each in found.methods if self.every or each.method in best)
        title = f"{projection.workload.name} on {projection.digital.name} and {projection.analog.name}: {found.target}"
        columns = ("method", "step", "to target", "90 %", "Adam over it", "break-even ratio", "90 %")
        return [Table(title, columns, rows, right=(1, 2, 3, 4, 5, 6), note=self._note(len(rows)))]

    def _note(self, shown: int) -> str:
        found = self.found
        adam, ratio = quantity(found.adam_steps), quantity(found.step_ratio)
        parts = [
            f"Adam takes {adam} steps ({found.adam_steps.status.value}); K-FAC takes {ratio} times as many "
            f"({found.step_ratio.status.value}: {found.step_ratio.source}), solved exactly. Break-even: the ratio at "
            "which a method takes as long as Adam; below it the method is faster."
        ]
        floor = found.host_time
        if floor is not None:
            parts.append(f"No step goes below {quantity(floor)}, the host's part ({floor.status.value}).")
        if found.host_bound:
            parts.append("Adam's step is that floor: a faster device changes nothing for Adam.")
        hidden = len(found.methods) - shown
        if hidden:
            parts.append(f"{hidden} more methods with --all.")
        return " ".join(parts)


def _row(each: Target) -> tuple[str, ...]:
    even = each.break_even
    time = "unknown" if each.time is None else _long(each.time.median)
    range_ = "" if each.time is None else f"{_long(each.time.p05)}, {_long(each.time.p95)}"
    gain = "unknown" if each.gain is None else f"{significant(each.gain.median)}x"
    evens = (significant(even.median), f"{significant(even.p05)}, {significant(even.p95)}")
    return (each.method, scaled(each.step.median, "s"), time, range_, gain, *evens)


def _long(seconds: float) -> str:
    """A time as people say it: minutes from three on, hours from two, days from three.

    >>> _long(2520), _long(7300), _long(3e5)
    ('42 min', '2.03 h', '3.47 d')
    """
    if seconds < 180:
        return scaled(seconds, "s")
    if seconds < 7200:
        return f"{significant(seconds / 60)} min"
    hours = seconds / 3600
    return f"{significant(hours / 24)} d" if hours >= 72 else f"{significant(hours)} h"
