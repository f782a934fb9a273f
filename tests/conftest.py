"""Fixtures that many tests share."""

from collections.abc import Iterator
from typing import Any

import pytest

from costmodel import formulas
from costmodel.formulas import Formula
from costmodel.machines.cards import AnalogCard, DigitalCard
from tests.round_cards import analog_card, digital_card


@pytest.fixture
def digital() -> DigitalCard:
    """The digital card with round numbers."""
    return digital_card()


@pytest.fixture
def analog() -> AnalogCard:
    """The analog card with round numbers."""
    return analog_card()


@pytest.fixture(autouse=True)
def checked_formulas_are_evaluated(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test that says it verifies a formula must evaluate it; one that adds it up, also what it is composed of."""
    claimed = {name for mark in request.node.iter_markers("verifies") for name in mark.args}
    for name in (name for mark in request.node.iter_markers("composes") for name in mark.args):
        claimed |= {name, *formulas.get(name).composed_of}
    evaluated = set()
    original = Formula.evaluate

    def evaluate(formula: Formula, **values: Any) -> Any:
        evaluated.add(formula.name)
        return original(formula, **values)

    if claimed:
        monkeypatch.setattr(Formula, "evaluate", evaluate)
    yield
    assert claimed <= evaluated, f"claims to check {sorted(claimed - evaluated)} and never evaluates it"
