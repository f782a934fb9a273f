"""What a command takes where nothing is said, and its options' choices; imports nothing, so that help is quick."""

from enum import StrEnum
from typing import Final

MODEL: Final = "imagenet_vit"
DIGITAL: Final = "h100-sxm"
ANALOG: Final = "tngd-2024"
#: Draws the intervals rest on: the 5th percentile is then known to about half a percentile.
DRAWS: Final = 2000
#: Draws of a report: what its page carries and evaluates again while a slider moves.
REPORT_DRAWS: Final = 200
#: Of every JSON object that is printed; it changes where a key is renamed, removed or changes its meaning.
SCHEMA: Final = 2


class Scenario(StrEnum):
    """How the ranges of the analog card and of the K-FAC settings are used; digital rates are always drawn."""

    CONSERVATIVE = "conservative"  # every range at the end that hurts the analog machine
    NOMINAL = "nominal"  # drawn from the ranges
    OPTIMISTIC = "optimistic"  # every range at the end that helps it


class Format(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
