"""Where a thermodynamic arm that wins is accurate enough for training, by the rule of a projection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Final

from costmodel.projection.feasibility import Feasibility, Reach
from costmodel.quantities.estimate import Draws
from costmodel.questions.case import Case
from costmodel.questions.inputs import Input

#: Most draws that accuracy is judged under: its rule takes medians, which these settle.
DRAWS: Final = 200


def reaches(case: Case, columns: Mapping[Input, Draws], winners: Sequence[str]) -> list[Reach | None]:
    """Whether the winner of each point is accurate enough there; None where it is no thermodynamic method.

    Args:
        case: The model and its cards.
        columns: Values by input, one a point.
        winners: The method that wins at each point.
    """
    arms = [name for name in dict.fromkeys(winners) if case.is_thermodynamic(name)]
    if not arms:
        return [None] * len(winners)
    judge = _Judge(case, columns, arms)
    return [
        judge.at(tuple(float(values[point]) for values in columns.values()))[name].reach if name in arms else None
        for point, name in enumerate(winners)
    ]


class _Judge:
    """Accuracy of some arms at points, each that differs in what accuracy depends on judged once."""

    def __init__(self, case: Case, columns: Mapping[Input, Draws], arms: Sequence[str]) -> None:
        self._case, self._inputs, self._arms = case, tuple(columns), arms
        self._draws = min(case.draws, DRAWS) or DRAWS
        self._known: dict[tuple[float, ...], dict[str, Feasibility]] = {}
        self._fixed: list[float | None] = [None] * len(columns)
        corners = [(float(values.min()), float(values.max())) for values in columns.values()]
        if not case.places(arms):  # which layers are judged may differ at any value
            self._fixed = [None if self._matters(index, corners) else ends[0] for index, ends in enumerate(corners)]

    def at(self, point: tuple[float, ...]) -> dict[str, Feasibility]:
        """Accuracy of each arm, by name."""
        key = tuple(value if own is None else own for value, own in zip(point, self._fixed, strict=True))
        if key not in self._known:
            at = dict(zip(self._inputs, key, strict=True))
            self._known[key] = self._case.feasibility(at, self._arms, self._draws)
        return self._known[key]

    def _matters(self, index: int, corners: Sequence[tuple[float, float]]) -> bool:
        """Whether accuracy differs between the ends of an input anywhere at the ends of the others.

        Time of a machine, its links and its arrays do not enter it at all.
        """
        others = [*corners[:index], *corners[index + 1 :]]
        for rest in product(*others):
            low, high = (self.at((*rest[:index], end, *rest[index:])) for end in corners[index])
            if low != high:
                return True
        return False
