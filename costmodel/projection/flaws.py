"""What no time removes: rounding and mismatch as errors of a layer's gradient, and what they take of what is tolerated.

Each cause is measured by its own tolerance. Causes are independent, so the squares of their shares add up, and a layer
is solved accurately where the root of the sum is at most 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Final

import numpy as np

from costmodel.formulas import Formula, blocks
from costmodel.formulas.accuracy import couplings, products, readings, tiled
from costmodel.formulas.accuracy.chain import together
from costmodel.methods import Delivery
from costmodel.quantities.estimate import Draws

#: What training tolerates of each cause alone, by symbol.
TOLERANCE: Final[Mapping[str, str]] = {
    "input_rounding": "T_c",
    "right_hand_sides": "T_r",
    "output_rounding": "T_r",
    "product_rounding": "T_r",
    "mismatch": "T_m",
}
#: The symbol of what all causes of a delivery take together.
SHARE: Final[Mapping[Delivery, str]] = {
    Delivery.INVERSE: "u_i",
    Delivery.PRODUCTS: "u_p",
    Delivery.SOLUTION: "u_x",
}


def of_readings() -> tuple[Formula, ...]:
    """Errors of what goes to and comes from the arrays beside couplings, which a missing mode does not change."""
    return readings.inverse_total(), readings.input_error(), readings.solution_error()


def causes(delivers: Delivery, *, mismatched: bool) -> dict[str, tuple[Formula, ...]]:
    """Errors of a gradient by one inverse, by cause: an error and what amplifies it."""
    found: dict[str, tuple[Formula, ...]] = {"input_rounding": (couplings.rounding_total(),)}
    if delivers is Delivery.INVERSE:
        found["output_rounding"] = (readings.inverse_total(), tiled.amplification())
    elif delivers is Delivery.PRODUCTS:
        found["product_rounding"] = (products.error(),)
    else:
        found["right_hand_sides"] = (readings.input_error(),)
        found["output_rounding"] = (readings.solution_error(), blocks.solve_amplification())
    return found | ({"mismatch": (couplings.mismatch_error(),)} if mismatched else {})


def by_factor(own: Mapping[str, tuple[Formula, ...]], values: Mapping[Formula, Draws]) -> dict[str, Draws]:
    """Error by each cause, factors A then G: several formulas of one cause amplify each other."""
    return {
        name: np.asanyarray(reduce(np.multiply, (values[each] for each in formulas))) for name, formulas in own.items()
    }


def of_layers(errors: Draws) -> Draws:
    """Errors of layers, given those by their factors A, then G, which disturb one gradient."""
    half = len(errors) // 2
    return together(errors[:half], errors[half:])


def added(parts: Iterable[Draws]) -> Draws:
    """Root of the sum of squares of independent parts."""
    return np.asanyarray(np.sqrt(sum(part**2 for part in parts)))


def shares(parts: Mapping[str, Draws], tolerated: Mapping[str, Draws]) -> dict[str, Draws]:
    """Errors by cause over what training tolerates of each; ``tolerated`` is by symbol."""
    return {name: np.asanyarray(part / tolerated[TOLERANCE[name]]) for name, part in parts.items()}
