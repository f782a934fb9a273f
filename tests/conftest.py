"""Fixtures that many tests share."""

import pytest

from costmodel.devices import AnalogCard, DigitalCard
from tests.round_cards import analog_card, digital_card


@pytest.fixture
def digital() -> DigitalCard:
    """The digital card with round numbers."""
    return digital_card()


@pytest.fixture
def analog() -> AnalogCard:
    """The analog card with round numbers."""
    return analog_card()
