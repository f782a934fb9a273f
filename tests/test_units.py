"""Quantities as people write them."""

import pytest

from costmodel.quantities import units


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("1 us", units.second, 1e-6),
        ("1 µs", units.second, 1e-6),
        ("0.3 ns", units.second, 3e-10),
        ("5e-3 ms", units.second, 5e-6),
        ("50 Gbit/s", units.bit_per_second, 50e9),
        ("6.25 GB/s", units.bit_per_second, 50e9),  # a byte is 8 bits
        ("2 TB/s", units.byte_per_second, 2e12),
        ("19.5 TFLOP/s", units.flop_per_second, 19.5e12),
        ("1 nF", units.farad, 1e-9),
        ("2 kOhm", units.ohm, 2e3),
        ("5 MHz", units.hertz, 5e6),
        ("16 bit", units.bit, 16.0),
        ("1 s*V/A", units.second * units.ohm, 1.0),
        ("0.5", units.one, 0.5),
        ("312 TFLOPS", units.flop_per_second, 312e12),
        ("1 PFLOPs/s", units.flop_per_second, 1e15),
        ("100 Gbps", units.bit_per_second, 100e9),
        ("12.5 GBps", units.bit_per_second, 100e9),
        ("12.5 GB / s", units.bit_per_second, 100e9),
        ("5 MS/s", units.hertz, 5e6),
        ("20 kSa/s", units.hertz, 2e4),
        ("1 GiB", units.bit, 8.0 * 2**30),
        ("3 \u03bcs", units.second, 3e-6),  # the Greek letter in place of the micro sign
    ],
)
def test_parse(text: str, unit: units.Unit, expected: float) -> None:
    assert units.parse_quantity(text, unit) == expected


def _unknown(unit: str) -> str:
    known = "known are s, V, A, K, bit, B, FLOP, Hz, Ohm, F, W, J, with prefixes f p n u m k M G T P"
    return f"unknown unit '{unit}'; {known}"


def test_farad_times_ohm_is_a_second() -> None:
    assert (units.farad * units.ohm).measures_same_as(units.second)
    assert not (units.farad / units.ohm).measures_same_as(units.second)


@pytest.mark.parametrize(
    ("text", "unit", "message"),
    [
        ("1", units.second, "missing unit: '1' needs one, like '1 us'"),
        ("1 V", units.second, "'1 V' is not in s; write it like '1 us'"),
        ("1 byte", units.bit_per_second, "'1 byte' is not in bit/s; write it like '50 Gbit/s'"),
        ("fast", units.second, "'fast' is not a number with a unit; write it like '1 us'"),
        ("inf s", units.second, "'inf s' is not finite; write a number like '1 us'"),
        ("1e308 Ps", units.second, "'1e308 Ps' is too large a number"),
        ("1.7976931348623157e308", units.one, "'1.7976931348623157e308' is too large a number"),
        ("1e-320 fs", units.second, "'1e-320 fs' is too small a number"),
        ("1" * 400, units.one, f"'{'1' * 400}' is not a number with a unit; write it like '1.5'"),
        ("1" + "0" * 90 + "e300", units.one, f"'1{'0' * 90}e300' is not finite; write a number like '1.5'"),
        (
            "312 TFLOPs",
            units.flop_per_second,
            "unknown unit 'TFLOPs'; known are s, V, A, K, bit, B, FLOP, Hz, Ohm, F, W, J, "
            "with prefixes f p n u m k M G T P",
        ),  # operations, or operations a second?
        (
            "5 MS",
            units.hertz,
            "unknown unit 'MS'; known are s, V, A, K, bit, B, FLOP, Hz, Ohm, F, W, J, "
            "with prefixes f p n u m k M G T P",
        ),
        (
            "1 GiHz",
            units.hertz,
            "unknown unit 'GiHz'; known are s, V, A, K, bit, B, FLOP, Hz, Ohm, F, W, J, "
            "with prefixes f p n u m k M G T P",
        ),
        (".nan s", units.second, "'.nan s' is not finite; write a number like '1 us'"),
    ],
)
def test_faults(text: str, unit: units.Unit, message: str) -> None:
    with pytest.raises(ValueError) as error:
        units.parse_quantity(text, unit)
    assert str(error.value) == message


def test_unknown_unit_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown unit 'sec'; known are s, V, A, K, bit, B, FLOP, Hz, Ohm, F, W, J"):
        units.parse_quantity("1 sec", units.second)
