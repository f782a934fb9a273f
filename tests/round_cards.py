"""Cards with round numbers, so that a time can be worked out on paper."""

from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.machines.laws import ConstantLaw
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import Unit, bit, bit_per_second, byte_per_second, flop_per_second, hertz, one, second


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
