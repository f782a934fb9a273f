"""The schema of a sweep file: a model and cards, axes as lists or ranges, what is computed at each point."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator

from costmodel.defaults import ANALOG, DIGITAL, Scenario
from costmodel.inputs.schema import Name, Strict

#: Most points of one sweep; more is a slip of a finger.
MOST_POINTS: Final = 10_000_000_000
MOST_ON_AXIS: Final = 1_000_000
_SPACES: Final = ("linspace", "logspace")

Names = Name | Annotated[list[Name], Field(min_length=1)]


class SweepFile(Strict):
    """A sweep as it is written; docs/sweep.md describes every key."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    name: Name
    model: Names
    digital: Names = DIGITAL
    analog: Names = ANALOG
    set: dict[str, Any] = Field(default_factory=dict)
    over: dict[str, Any] = Field(default_factory=dict)
    methods: list[str] = Field(default_factory=list)
    columns: list[Literal["step", "phases", "best"]] = Field(default_factory=list)
    draws: Annotated[int, Field(ge=0, le=100_000)] = 0
    seed: Annotated[int, Field(ge=0)] = 0
    scenario: Scenario = Scenario.NOMINAL

    @field_validator("scenario", mode="before")
    @classmethod
    def _scenario(cls, value: Any) -> Scenario:
        if value not in list(Scenario):
            raise ValueError(f"'{value}' is none of {', '.join(Scenario)}")
        return Scenario(value)


def axis_fault(entry: Any) -> str:
    """What is wrong with the values of an axis; empty where nothing is."""
    if isinstance(entry, list):
        return _list_fault(entry)
    if not isinstance(entry, dict):
        return "expected a list of values, or logspace or linspace with points"
    spaces = [key for key in entry if key in _SPACES]
    strange = [key for key in entry if key not in {*_SPACES, "points"}]
    if strange:
        from costmodel.quantities.names import unknown

        return unknown("key", strange[0], [*_SPACES, "points"])
    if len(spaces) != 1 or "points" not in entry:
        return "a range is one of logspace and linspace, with points: {logspace: [1 ns, 1 us], points: 7}"
    points, ends = entry["points"], entry[spaces[0]]
    if type(points) is not int or not 2 <= points <= MOST_ON_AXIS:
        return f"points is {points!r}; a range has a whole number of them, from 2 to {MOST_ON_AXIS}"
    if not isinstance(ends, list) or len(ends) != 2 or any(type(each) not in {int, float, str} for each in ends):
        return f"expected the two ends of {spaces[0]}, like [1 ns, 1 us]"
    return ""


def _list_fault(entry: list[Any]) -> str:
    if not entry:
        return "is empty; an axis needs at least one value"
    if any(not isinstance(each, int | float | str | bool) for each in entry):
        return "a value is neither a number nor a word"
    kinds = [(type(each), each) for each in entry]
    if len(set(kinds)) < len(kinds):
        twice = next(each for kind, each in kinds if kinds.count((kind, each)) > 1)
        return f"{twice} is given twice; its points would be doubled"
    return ""
