"""What a GPU draws while it trains, from the power limit of its data sheet.

Of the GPUs that have cards, the H100 alone was found measured in training, in whole nodes of eight. Its share of the
rating stands for all: an assumption, like the low end. A board stays below its limit but for moments.
"""

from __future__ import annotations

from typing import Final

from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import watt

#: Watts, by card. Data sheets.
LIMITS: Final = {"h100-sxm": 700.0, "a100-sxm": 400.0, "v100": 300.0, "rtx-a6000": 300.0, "rtx-2080-ti": 250.0}
#: Of its rating, what a node of eight H100 draws in training that computes most of the time. arXiv 2506.14551.
SHARE: Final = 0.76
#: Where layers are small or memory decides. Assumed.
LOW_SHARE: Final = 0.6


def board_power(card: str) -> Quantity:
    """What the board of a card draws while it trains, watts; the rest of its server is not in it.

    Raises:
        KeyError: If no limit of the card is known.
    """
    limit = LIMITS[card]
    node = "nodes of eight H100 in training draw 76 % of their rating (arXiv 2506.14551)"
    taken = node if card == "h100-sxm" else f"{node}, taken for this GPU too"
    source = f"data sheet: limit of {limit:.0f} W (high); {taken}; 60 % as a guess (low). One board, without its server"
    return Quantity(SHARE * limit, LOW_SHARE * limit, limit, watt, Status.ASSUMED, source)
