"""A simulated machine with the values of a hardware card."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from solver.converters import Converter

if TYPE_CHECKING:
    from costmodel.machines.cards import AnalogCard

# Converters of more bits are as good as ideal in doubles.
_MOST_BITS = 32


def machine_values(card: AnalogCard | str) -> dict[str, Any]:
    """Arguments of `Machine` from a card, or from the shipped card of a name; its gaps are filled as in a projection.

    Cells are of first order. Noise at a node is that of the card's noise to signal with an input of one full scale.
    A mismatch that nobody states is 0.

    Raises:
        ValueError: a card whose relaxation time is not that of the largest eigenvalue, which the simulator's unit is.
    """
    from costmodel.inputs.loading import load_analog
    from costmodel.machines.analog_defaults import completed
    from costmodel.machines.cards import RelaxationOf

    card = load_analog(card) if isinstance(card, str) else card
    if card.relaxation_of is not RelaxationOf.LARGEST_EIGENVALUE:
        raise ValueError(
            f"{card.name}: its relaxation time is of the {card.relaxation_of.value.replace('_', ' ')}, the simulator's "
            f"of the largest eigenvalue; how far apart they are depends on the matrix, so give tau_s"
        )
    found = {name: quantity.value for name, quantity in completed(card).items()}

    def converter(bits: float) -> Converter:
        return Converter(bits=round(bits) if bits <= _MOST_BITS else None)

    cells = found.get("cells")
    return {
        "tau_s": found["relaxation_time"],
        "cells": None if cells is None else round(cells),
        "arrays": round(found["arrays"]),
        "dac": converter(found["input_bits"]),
        "adc": converter(found["output_bits"]),
        "link": {"bits_per_s": found["link_bandwidth"], "latency_s": found["link_latency"]},
        "mismatch": found.get("mismatch", 0.0),
        "noise": math.sqrt(found["noise_to_signal"]),
    }
