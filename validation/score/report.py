"""What ``validate`` shows: thresholds, errors by operation, and every held-out point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from costmodel.defaults import SCHEMA
from costmodel.views.table import Table
from validation.score.scoring import Scores, by_operation


@dataclass(frozen=True, slots=True)
class Check:
    """One threshold.

    Attributes:
        card: What is scored.
        what: Which data, and how many points.
        found: Errors as text.
        threshold: As text.
        passed: Whether it is met.
        required: Whether a miss fails the run; where published data cannot tell, a miss is shown and stands.
    """

    card: str
    what: str
    found: str
    threshold: str
    passed: bool
    required: bool = True


@dataclass(frozen=True, slots=True)
class ValidateReport:
    """Scores on held-out data; a report of :mod:`costmodel.views.report`.

    Attributes:
        scored: Scores by card.
        checks: Thresholds, those of the cards among them.
        points: Whether the tables list every held-out point.
        curvature: Condition numbers of the shipped law on networks that had no part in it; None where not scored.
    """

    scored: Mapping[str, Scores]
    checks: Sequence[Check]
    points: bool = False
    curvature: Mapping[str, Any] | None = None

    @property
    def passed(self) -> bool:
        """Whether every required threshold is met."""
        return all(check.passed for check in self.checks if check.required)

    def as_dict(self) -> dict[str, Any]:
        """The thresholds, the law of curvature by network and role, and every held-out point."""
        checks = [_check_record(each) for each in self.checks]
        points = self.records()
        return {
            "schema": SCHEMA,
            "passed": self.passed,
            "checks": checks,
            "curvature": self.curvature,
            "points": points,
        }

    def tables(self) -> list[Table]:
        """The thresholds, the errors by operation of each card, and the points where asked."""
        points = _point_table(self.scored) if self.points else []
        return [_check_table(self.checks), *_detail(self.scored), *_curvature_table(self.curvature), *points]

    def records(self) -> list[dict[str, Any]]:
        """A row for every held-out point."""
        return _records(self.scored)


def _check_table(checks: Sequence[Check]) -> Table:
    verdict = {(True, True): "met", (True, False): "met", (False, True): "MISSED", (False, False): "missed, known"}
    rows = tuple(
        (each.card, each.what, each.found, each.threshold, verdict[each.passed, each.required]) for each in checks
    )
    return Table("held-out data against thresholds", ("card", "data", "error", "threshold", ""), rows)


def _detail(scored: Mapping[str, Scores]) -> list[Table]:
    tables = []
    for card, found in scored.items():
        rows = []
        for (group, what), each in by_operation(found.points).items():
            errors = np.array([abs(one.error) for one in each])
            worst = max(each, key=lambda one: abs(one.error))
            label = worst.size or worst.what.split(" ")[0]
            rows.append(
                (
                    group,
                    what,
                    str(len(each)),
                    f"{np.median(errors):.1%}",
                    f"{np.quantile(errors, 0.9):.1%}",
                    f"{worst.error:+.1%} ({label})",
                    f"{np.mean([one.inside for one in each]):.0%}",
                )
            )
        columns = ("held out", "operation or phase", "points", "median", "p90", "worst", "inside")
        tables.append(Table(f"{card}, by operation", columns, tuple(rows), right=(2, 3, 4, 5, 6)))
    return tables


def _curvature_table(scored: Mapping[str, Any] | None) -> list[Table]:
    if scored is None:
        return []
    rows = tuple(
        (
            network,
            str(each["factors"]),
            f"{each['median_ratio']:.2f}",
            f"{each['p90_ratio']:.1f}",
            f"{each['inside_90']:.0%}",
        )
        for network, each in scored["condition_number"]["by_network"].items()
    )
    title = f"law of curvature, condition numbers at lambda = {scored['damping']:g}, by new network"
    return [Table(title, ("network", "factors", "median ratio", "p90 ratio", "inside"), rows, right=(1, 2, 3, 4))]


def _point_table(scored: Mapping[str, Scores]) -> list[Table]:
    columns = ("held out", "what", "size", "reference", "model", "error", "inside")
    return [
        Table(
            f"{card}, every held-out point",
            columns,
            tuple(
                (e.group, e.what, e.size, f"{e.reference:.4g} s", f"{e.model:.4g} s", f"{e.error:+.1%}", str(e.inside))
                for e in found.points
            ),
            right=(3, 4, 5),
        )
        for card, found in scored.items()
    ]


def _records(scored: Mapping[str, Scores]) -> list[dict[str, Any]]:
    return [
        {
            "card": card,
            "group": each.group,
            "what": each.what,
            "size": each.size,
            "reference_s": each.reference,
            "model_s": each.model,
            "error": each.error,
            "inside": each.inside,
        }
        for card, found in scored.items()
        for each in found.points
    ]


def _check_record(check: Check) -> dict[str, Any]:
    return {
        "card": check.card,
        "data": check.what,
        "found": check.found,
        "threshold": check.threshold,
        "passed": check.passed,
        "required": check.required,
    }
