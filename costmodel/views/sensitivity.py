"""Sensitivity in the forms that the command line prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from costmodel.defaults import SCHEMA
from costmodel.questions.sensitivity import SPEEDUP, Influence, Sensitivity
from costmodel.views.contract import quantity_dict
from costmodel.views.numbers import percent, quantity, scaled, significant
from costmodel.views.table import Table

#: Indices below this are not shown to people.
_SHOWN = 0.005
#: Elasticities that are.
_SLOPES = 12
#: Half width from which more samples are asked for.
_UNSETTLED = 0.25


@dataclass(frozen=True, slots=True)
class SensitivityReport:
    """What drives a result."""

    sensitivity: Sensitivity

    def as_dict(self) -> dict[str, Any]:
        """What ``sensitivity --format json`` prints."""
        found = self.sensitivity
        first, first_error, total, total_error = found.rest
        return {
            "schema": SCHEMA,
            "model": found.model,
            "method": found.method,
            "of": found.of,
            "over": found.over if found.of == SPEEDUP else None,
            "nominal": found.nominal,
            "samples": found.samples,
            "spread_over_projection": found.spread,
            "inputs": self.records(),
            "rest": {"first": first, "first_ci95": first_error, "total": total, "total_ci95": total_error},
            "elasticities": self.elasticities(),
        }

    def tables(self) -> list[Table]:
        """Indices, the largest first; then elasticities."""
        found = self.sensitivity
        of = f"speedup of {found.method} over {found.over}" if found.of == SPEEDUP else f"step of {found.method}"
        rows = [self._row(each) for each in found.influences if max(each.first, each.total) >= _SHOWN]
        first, first_error, total, total_error = found.rest
        rest = (
            "all that is drawn beside them",
            "",
            _index(first, first_error),
            _index(total, total_error),
            "",
            "",
        )
        note = (
            f"Shares of the variance of the logarithm, by Sobol's indices from {found.samples} base samples: alone, "
            "and with interactions. Low and high are the result at the ends of an input's range, all others at their "
            "values; elasticity is per cent a per cent. Drawn beside the inputs: curvature of single layers and stages "
            "about the law, and times of sizes that were not timed."
        )
        if any(each.total_error > _UNSETTLED for each in found.influences):
            note += " Half widths are large: give more --samples."
        indices = Table(
            f"{found.model}: what drives the {of}, {self._shown(found.nominal)} at the values of all inputs",
            ("input", "value and range", "alone", "in all", "low to high", "elasticity"),
            (*rows, rest),
            right=(2, 3, 5),
            note=note,
        )
        slopes = tuple(
            (path, significant(each.value), each.how.value) for path, each in list(found.elasticities.items())[:_SLOPES]
        )
        return [indices, Table("elasticities, ranges aside", ("input", "d ln y / d ln x", "how"), slopes, right=(1,))]

    def elasticities(self) -> list[dict[str, Any]]:
        """One row an input that matters, the most first."""
        found = self.sensitivity.elasticities
        return [{"path": path, "elasticity": each.value, "how": each.how.value} for path, each in found.items()]

    def records(self) -> list[dict[str, Any]]:
        """One row an input."""
        return [
            {
                **quantity_dict(each.path, each.quantity),
                "first": each.first,
                "first_ci95": each.first_error,
                "total": each.total,
                "total_ci95": each.total_error,
                "elasticity": each.elasticity,
                "at_low": each.at_low,
                "at_high": each.at_high,
            }
            for each in self.sensitivity.influences
        ]

    def _row(self, each: Influence) -> tuple[str, ...]:
        return (
            each.path,
            quantity(each.quantity),
            _index(each.first, each.first_error),
            _index(each.total, each.total_error),
            f"{self._shown(each.at_low)} to {self._shown(each.at_high)}",
            significant(each.elasticity, 2),
        )

    def _shown(self, value: float) -> str:
        return f"{significant(value)}x" if self.sensitivity.of == SPEEDUP else scaled(value, "s")


def _index(value: float, error: float) -> str:
    return f"{percent(max(value, 0.0), 0)} ± {percent(error, 0)}"
