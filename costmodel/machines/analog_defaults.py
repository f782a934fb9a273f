"""What a machine is taken to have where its card does not say, always assumed and always with a range.

Energies come from what has been built: the converter surveys' envelopes at the card's own bits and rate. Nothing is
filled in for mismatch, which no published machine states; a projection says that it is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from costmodel.formulas.thermo import converters, noise
from costmodel.machines.cards import AnalogCard
from costmodel.quantities import symbols, units
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import Unit

BOLTZMANN: Final = 1.380649e-23  # J/K, exact in the SI
#: Of the largest coupling, where a card gives RC alone: 1 kOhm as in TNGD (2405.13817, appendix C), up to 100 kOhm.
_RESISTANCE: Final = (1e3, 100e3)
#: 1 / FOMS and energy a step: best designs, 90th percentile since 2015, median (ADC survey, revision 2025-06-09).
_SURVEY: Final = {
    "low": {"e_q": 10**-18.64, "e_f": 10**-26.37, "e_w": 0.35e-15},
    "value": {"e_q": 10**-18.30, "e_f": 10**-25.90, "e_w": 5e-15},
    "high": {"e_q": 10**-17.40, "e_f": 10**-25.05, "e_w": 35e-15},
}
#: The survey ends at 20 effective bits; its envelope is not followed further.
_MOST_BITS: Final = 24.0
#: On-chip weight converter of 8 bits, recalled, a factor of 5 either way.
_WEIGHT_CONVERTER: Final = (0.06e-12, 0.3e-12, 1.5e-12)

Found = Mapping[str, Quantity]


def completed(card: AnalogCard) -> dict[str, Quantity]:
    """Every quantity of a machine by its name, with the defaults of those its card leaves out.

    Array size, converters and mismatch have no default number: an array as large as the matrix, one converter a cell,
    and unknown.
    """
    found = card.quantities()
    for name, default in _DEFAULTS.items():
        if name not in found:
            found[name] = default(found)
    return found


def _range(low: float, value: float, high: float, unit: Unit, source: str) -> Quantity:
    return Quantity(value, low, high, unit, Status.ASSUMED, f"not on the card: {source}")


def _oscillation_time(found: Found) -> Quantity:
    same = found["relaxation_time"]
    return _range(same.low, same.value, same.high, units.second, "as if cells of second order were as fast as its RC")


def _relaxation_time(found: Found) -> Quantity:
    same = found["product_time"]
    return _range(same.low, same.value, same.high, units.second, "as if its arrays settled in the time of a product")


def _product_time(found: Found) -> Quantity:
    same = found["relaxation_time"]
    return _range(same.low, same.value, same.high, units.second, "as if a product took one relaxation time")


def _capacitance(found: Found) -> Quantity:
    tau, (least, most) = found["relaxation_time"], _RESISTANCE
    return _range(tau.low / most, tau.value / least, tau.high / least, units.farad, "RC over 1 kOhm, down to 100 kOhm")


def _noise_to_signal(found: Found) -> Quantity:
    heat, capacitance, swing = found["temperature"], found["capacitance"], found["full_scale_voltage"]

    def ratio(kelvin: float, farad: float, volt: float) -> float:
        """Standard deviation of a node's thermal voltage over its full scale."""
        # No float(): at many points at once a card holds arrays.
        found: float = noise.noise_to_signal().evaluate(E_T=BOLTZMANN * kelvin, C=farad, V=volt)
        return found

    return _range(
        ratio(heat.low, capacitance.high, swing.high),
        ratio(heat.value, capacitance.value, swing.value),
        ratio(heat.high, capacitance.low, swing.low),
        units.one,
        "thermal noise kT / C over an input of one full scale squared",
    )


def _conversion_energy(found: Found) -> Quantity:
    bits, rate = np.minimum(found["output_bits"].value, _MOST_BITS), found["conversion_rate"].value
    low, value, high = (
        converters.energy().evaluate(b_out=bits, f_c=rate, **_SURVEY[which]) for which in ("low", "value", "high")
    )
    source = "ADC survey at its bits and rate: 90th percentile of designs since 2015, from the best to the median"
    return _range(low, value, high, units.joule, source)


def _input_conversion_energy(found: Found) -> Quantity:
    bits = np.minimum(found["input_bits"].value, _MOST_BITS)
    low, value, high = (converters.input_energy().evaluate(e_d=energy, b_in=bits) for energy in _WEIGHT_CONVERTER)
    return _range(low, value, high, units.joule, "0.3 pJ at 8 bits (recalled, factor 5), growing as 2^(0.6 b)")


def _temperature(_: Found) -> Quantity:
    return _range(290.0, 300.0, 350.0, units.kelvin, "room temperature, up to a warm chip")


def _full_scale_voltage(_: Found) -> Quantity:
    return _range(0.5, 1.0, 1.8, units.volt, "supplies of on-chip analog circuits")


def _link_energy(_: Found) -> Quantity:
    unit = symbols.info("link_energy").unit
    return _range(0.3e-12, 5e-12, 10e-12, unit, "PCIe class 5 to 10 pJ/bit (recalled); 2.5D chiplets 0.3 pJ/bit")


#: In this order, since some rest on others.
_DEFAULTS: Final[Mapping[str, Callable[[Found], Quantity]]] = {
    "relaxation_time": _relaxation_time,
    "oscillation_time": _oscillation_time,
    "product_time": _product_time,
    "temperature": _temperature,
    "full_scale_voltage": _full_scale_voltage,
    "capacitance": _capacitance,
    "noise_to_signal": _noise_to_signal,
    "conversion_energy": _conversion_energy,
    "input_conversion_energy": _input_conversion_energy,
    "link_energy": _link_energy,
}
