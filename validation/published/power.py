"""What a GPU draws while it trains, from the power limit of its data sheet, and what it draws while it waits.

Of the GPUs that have cards, the H100 alone was found measured in training, in whole nodes of eight. Its share of the
rating stands for all: an assumption, like the low end. A board stays below its limit but for moments.

A GPU that waits for the analog machine keeps its CUDA context and, for waits of less than seconds, its clocks: not the
deep idle of a board without a process.
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


_CONTEXT: Final = "a CUDA context adds 26 to 50 W on an H100 and an A100 (arXiv 2605.23918)"
#: Watts while it waits, lowest and highest; whether that GPU itself was read; where.
_IDLE: Final = {
    "h100-sxm": (
        (122.0, 83.0, 145.0),
        Status.SOURCED,
        f"83 to 88 W at P0 without a process (NVIDIA/nccl issue 1264), {_CONTEXT}; 140 to 145 W at 0 % utilization "
        "with 72 GB held (wilicc/gpu-burn issue 114)",
    ),
    "a100-sxm": (
        (97.0, 54.0, 147.0),
        Status.SOURCED,
        f"54 to 65 W at P0 without a process (listings of nvidia-smi in public repositories), {_CONTEXT}; one was "
        "seen at 147 W and 0 % utilization",
    ),
    "v100": (
        (55.0, 50.0, 66.0),
        Status.SOURCED,
        "53 W at P0 and 0 % utilization with 20 GB held (zai-org/GLM-130B issue 32), 57 W without a process "
        "(NVIDIA/nvidia-docker issue 1076)",
    ),
    "rtx-a6000": (
        (90.0, 55.0, 110.0),
        Status.ASSUMED,
        "not found for this GPU: an A40, of the same chip and limit, draws 110 W at P0 with a process that waits, 30 W "
        "without (NVIDIA/open-gpu-kernel-modules issue 874)",
    ),
    "rtx-2080-ti": (
        (55.0, 30.0, 80.0),
        Status.ASSUMED,
        "not found for this GPU: RTX 3070 at P0 without a process draw 48 to 51 of 220 W (lyulyul/shine-cluster issue "
        "54)",
    ),
}


def idle_power(card: str) -> Quantity:
    """What the board of a card draws while it waits for another machine, watts.

    Raises:
        KeyError: If none of the card is known.
    """
    (value, low, high), status, source = _IDLE[card]
    return Quantity(value, low, high, watt, status, f"{source}. One board, without its server")
