"""Cards with round numbers, so that a time can be worked out on paper."""

from dataclasses import astuple

import numpy as np
import pytest

from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.machines.laws import ConstantLaw, FittedLaw
from costmodel.machines.operations import OPERATIONS
from costmodel.machines.sizes import Size
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import Unit, bit, bit_per_second, byte_per_second, flop_per_second, hertz, one, second


def assert_alike(card: DigitalCard, other: DigitalCard) -> None:
    """Two cards say the same, up to what nine digits of a file leave out."""
    assert list(card.laws) == list(other.laws)
    assert card.timings == other.timings
    quantities = card.quantities(), other.quantities()
    assert set(quantities[0]) == set(quantities[1])
    for path, quantity in quantities[0].items():
        values = [(each[path].low, each[path].value, each[path].high) for each in quantities]
        assert values[0] == pytest.approx(values[1], rel=1e-6), path
        assert (quantity.status, quantity.unit.powers) == (quantities[1][path].status, quantities[1][path].unit.powers)
    for name, law in card.laws.items():
        if isinstance(law, FittedLaw):
            _assert_same_times(name, law, other.laws[name])


def _assert_same_times(name: str, law: FittedLaw, other: FittedLaw) -> None:
    """Times from below the data to four times beyond, and what a step changes."""
    smallest, largest = law.domain
    for n in np.geomspace(max(4, smallest / 2), min(4 * largest, 20_000), 30):
        size = Size(round(n), round(n))
        found, expected = (each.seconds(OPERATIONS[name.partition(".")[0]], size) for each in (law, other))
        assert found == pytest.approx(expected, rel=1e-6), f"{name} of {size}"
    assert (law.in_step is None) == (other.in_step is None)
    if law.in_step is not None and other.in_step is not None:
        assert astuple(law.in_step) == pytest.approx(astuple(other.in_step), rel=1e-6), name
    assert (law.together, law.spread, law.growth) == (
        other.together, pytest.approx(other.spread, rel=1e-6), pytest.approx(other.growth, rel=1e-6),
    )  # fmt: skip


def exact(value: float, unit: Unit = one, status: Status = Status.ASSUMED) -> Quantity:
    return Quantity(value, value, value, unit, status, "round number of a test")


def digital_card() -> DigitalCard:
    """1 ms a call, 1 TFLOP/s, 1 ns an element, 1 TB/s: every term of a law shows at its own decimal place."""
    return DigitalCard(
        "round-digital",
        "round numbers",
        "made up",
        {
            "network": ConstantLaw(launch=exact(1e-3, second), rate=exact(1e12, flop_per_second)),
            "gemm": ConstantLaw(launch=exact(1e-3, second), rate=exact(1e12, flop_per_second)),
            "spd_inverse": ConstantLaw(launch=exact(1e-3, second), element_time=exact(1e-9, second)),
            "eigh": ConstantLaw(launch=exact(1e-3, second), element_time=exact(1e-8, second)),
            "stream": ConstantLaw(bandwidth=exact(1e12, byte_per_second)),
        },
    )


def analog_card() -> AnalogCard:
    """One array as large as the matrix; 1 us, 8 bit, 8 Gbit/s: a value takes 1 ns on the link."""
    return AnalogCard(
        "round-analog",
        "round numbers",
        "made up",
        arrays=exact(1),
        relaxation_time=exact(1e-6, second),
        input_bits=exact(8, bit),
        output_bits=exact(8, bit),
        link_bandwidth=exact(8e9, bit_per_second),
        link_latency=exact(0, second),
        row_write_time=exact(0, second),
        conversion_rate=exact(1e9, hertz),
        noise_to_signal=exact(0),
    )
