"""Projections side by side: which methods moved against the first, by which phase, and which inputs differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from costmodel.inputs.faults import InputError

if TYPE_CHECKING:
    import pandas as pd

#: A time that moves by less has not moved: JSON holds all digits, and sums may be taken in another order.
SAME: Final = 1e-9
_PARTS: Final = ("value", "low", "high")


@dataclass(frozen=True, slots=True)
class Difference:
    """An input that is not the same in all projections.

    Attributes:
        path: As ``--set`` takes it, or the name of a setting.
        values: In each projection, None where it has none; ``(value, low, high)`` of a quantity.
        unit: Of a quantity.
    """

    path: str
    values: tuple[Any, ...]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A method in one projection against the first.

    Attributes:
        method: Its name.
        column: Position of the projection, from 1.
        factor: Its median step over that of the first.
        phase: The phase whose median changed most, empty where none did.
        share: Part of the step's change that this phase makes.
        before: Median seconds of that phase in the first; 0 where it had none.
        after: In the other.
    """

    method: str
    column: int
    factor: float
    phase: str
    share: float
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several projections.

    Attributes:
        names: What each is called.
        projections: The JSON contract of each.
        methods: Every method that one of them has, in order.
        moves: Of each method that the first has, against it.
        differences: Inputs that differ; empty where all are the same.
    """

    names: tuple[str, ...]
    projections: tuple[Mapping[str, Any], ...]
    methods: tuple[str, ...]
    moves: tuple[Move, ...]
    differences: tuple[Difference, ...]

    def step(self, method: str, column: int) -> Mapping[str, Any] | None:
        """The step of a method in one projection; None where it has none."""
        found: Mapping[str, Any] | None = self.projections[column]["methods"].get(method)
        return None if found is None else found["step_time_s"]

    def table(self) -> pd.DataFrame:
        """One row a method and projection: seconds a step, its factor over the first, the phase that moved most."""
        from costmodel.views.compare import CompareReport
        from costmodel.views.frames import records_frame

        return records_frame(CompareReport(self).records())

    def differences_table(self) -> pd.DataFrame:
        """One row an input that differs, a column a projection."""
        from costmodel.views.frames import differences_frame

        return differences_frame(self)

    @property
    def unexplained(self) -> bool:
        """Whether something moved though no input did: another version of costmodel."""
        return not self.differences and any(abs(move.factor - 1) > SAME for move in self.moves)


def compare(named: Sequence[tuple[str, Mapping[str, Any]]]) -> Comparison:
    """Compare projections with the first.

    Args:
        named: What each is called, and what ``project --format json`` prints of it.
    """
    projections = tuple(each for _, each in named)
    methods = tuple(dict.fromkeys(name for each in projections for name in each["methods"]))
    first = projections[0]["methods"]
    moves = tuple(
        _move(name, column, first[name], each["methods"][name])
        for column, each in enumerate(projections[1:], 1)
        for name in methods
        if name in first and name in each["methods"]
    )
    differences = (*_settings(projections), *_quantities(projections))
    return Comparison(tuple(name for name, _ in named), projections, methods, moves, differences)


def check_names(names: Sequence[str]) -> None:
    """Refuse what cannot be told apart.

    Raises:
        InputError: Fewer than two projections, or one twice.
    """
    if len(names) < 2:
        raise InputError.about("compare", "give at least two models, cards or files of project --format json")
    twice = [each for each in dict.fromkeys(names) if names.count(each) > 1]
    if twice:
        raise InputError.about("compare", f"'{twice[0]}' is given twice")


def short_names(names: Sequence[str]) -> list[str]:
    """Names of files without folder and ending, where these tell them apart."""
    stems = [Path(each).stem if Path(each).suffix else each for each in names]
    return stems if len(set(stems)) == len(stems) else list(names)


def _move(name: str, column: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> Move:
    old, new = before["step_time_s"]["median"], after["step_time_s"]["median"]
    phases = dict.fromkeys((*before["phases"], *after["phases"]))
    times = {
        phase: tuple(each["phases"].get(phase, {"median": 0.0})["median"] for each in (before, after))
        for phase in phases
    }
    largest = max(times, key=lambda phase: abs(times[phase][1] - times[phase][0]), default="")
    change = times[largest][1] - times[largest][0] if largest else 0.0
    if abs(change) <= SAME * old:
        return Move(name, column, new / old, "", 0.0, 0.0, 0.0)
    share = change / (new - old) if new != old else 0.0
    return Move(name, column, new / old, largest, share, *times[largest])


def _settings(projections: Sequence[Mapping[str, Any]]) -> Iterator[Difference]:
    """What is no quantity: models, cards, settings, draws."""
    tables = [
        {
            **{f"model.{key}": value for key, value in each["model"].items() if key not in {"title", "source"}},
            "digital": each["digital"]["name"],
            "analog": each["analog"]["name"],
            **{key: each[key] for key in ("scenario", "draws", "seed")},
        }
        for each in projections
    ]
    for path in dict.fromkeys(path for table in tables for path in table):
        values = tuple(table.get(path) for table in tables)
        if any(value != values[0] for value in values):
            yield Difference(path, values)


def _quantities(projections: Sequence[Mapping[str, Any]]) -> Iterator[Difference]:
    """Values and ranges, by the path of ``--set``."""
    tables = [{each["path"]: each for each in projection["assumptions"]} for projection in projections]
    for path in dict.fromkeys(path for table in tables for path in table):
        entries = [table.get(path) for table in tables]
        values = tuple(None if each is None else tuple(each[part] for part in _PARTS) for each in entries)
        if any(value != values[0] for value in values):
            yield Difference(path, values, next(each["unit"] for each in entries if each is not None))
