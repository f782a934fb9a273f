"""What ``curvature score`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from costmodel.views.numbers import significant
from costmodel.views.table import Table

_COLUMNS: Final = ("factors", "median ratio", "90th percentile", "inside 90 %")
_CONDITION: Final = "condition_number"


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """Predictions of a law against what was measured.

    Attributes:
        scored: The JSON contract: damping, whose networks, and a summary for each number that a law predicts.
        remark: Whether the law has seen the networks.
        origin: The file.
    """

    scored: Mapping[str, Any]
    remark: str
    origin: str

    def as_dict(self) -> dict[str, Any]:
        """What ``curvature score --format json`` prints."""
        return dict(self.scored)

    def records(self) -> list[dict[str, Any]]:
        """One row for each number a law predicts: of all factors, of every role and of every network."""
        return [
            {"quantity": name, "group": group, "of": of, **summary}
            for name, whole in self._quantities()
            for group, of, summary in _groups(whole)
        ]

    def tables(self) -> list[Table]:
        """All factors by what is predicted; condition numbers by role and by network."""
        condition = self.scored[_CONDITION]
        damping = self.scored["damping"]
        return [
            _table(
                f"{self.origin}: law of curvature against measurement",
                "predicted",
                dict(self._quantities()),
                "A ratio is the larger of predicted over measured and measured over predicted. " + self.remark,
            ),
            _table(f"condition number at lambda = {damping:g}, by role", "role", condition["by_role"]),
            _table(f"condition number at lambda = {damping:g}, by network", "network", condition["by_network"]),
        ]

    def _quantities(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        yield from ((name, each) for name, each in self.scored.items() if isinstance(each, Mapping))


def _groups(whole: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    yield "all", "", {key: value for key, value in whole.items() if not isinstance(value, Mapping)}
    for group in ("role", "network"):
        yield from ((group, name, dict(each)) for name, each in whole[f"by_{group}"].items())


def _table(title: str, head: str, rows: Mapping[str, Mapping[str, Any]], note: str = "") -> Table:
    texts = tuple(
        (
            name,
            str(each["factors"]),
            significant(each["median_ratio"]),
            significant(each["p90_ratio"]),
            f"{each['inside_90']:.0%}",
        )
        for name, each in rows.items()
    )
    return Table(title, (head, *_COLUMNS), texts, (1, 2, 3, 4), note)
