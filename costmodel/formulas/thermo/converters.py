"""Converters as a class: energy and speed of the best that have been built, by effective bits and rate.

Fitted to Murmann's ADC survey (725 designs of 1997 to 2025, revision 2025-06-09) and Caragiulo's DAC survey. Schreier's
figure of merit FOMS = SNDR + 10 log10(f / 2 / P) is bounded by a constant F0 for slow converters and by K - 10 log10 f
for fast ones; below about nine bits Walden's energy for each of 2^b steps takes over. Constants for the 90th percentile
of designs since 2015: F0 = 183.0 dB, K = 259.0 dB, 5 fJ a step.
"""

from __future__ import annotations

from costmodel.formulas.extremes import larger, smaller
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import E_T, Expression, b_in, b_out, e_d, e_f, e_q, e_w, f_c, f_r
from costmodel.quantities.units import hertz, joule

_SOURCE = "derived: docs/derivations.md, converters; github.com/bmurmann/ADC-survey"


@formula("thermo.converter.energy", joule, _SOURCE, verified_by=Oracle.LIMITS)
def energy() -> Expression:
    """Energy of one analog-to-digital conversion at b effective bits and f conversions a second.

    FOMS gives E = SNDR / 2 / FOMS with an SNDR of 3/2 4^b.

    >>> constants = {"e_q": 10**-18.3, "e_f": 10**-25.9, "e_w": 5e-15}
    >>> round(energy().evaluate(b_out=12, f_c=100e6, **constants) * 1e12, 1)  # picojoules
    20.5
    >>> round(energy().evaluate(b_out=16, f_c=5e6, **constants) * 1e9, 2)  # nanojoules
    1.61
    """
    schreier = sp.Rational(3, 4) * 4**b_out * larger(e_q, e_f * f_c)
    return larger(schreier, e_w * 2**b_out)


@formula("thermo.converter.thermal_energy", joule, _SOURCE, verified_by=Oracle.LIMITS)
def thermal_energy() -> Expression:
    """Least energy of a conversion by thermal noise alone: 8 kT SNR = 12 kT 4^b.

    >>> round(thermal_energy().evaluate(E_T=4.142e-21, b_out=16) * 1e12, 1)  # picojoules
    213.5
    """
    return 12 * E_T * 4**b_out


@formula("thermo.converter.rate", hertz, _SOURCE, verified_by=Oracle.LIMITS)
def rate() -> Expression:
    """Fastest converter that has been built with b effective bits, as a multiple of the fastest with 7.5.

    Straight lines in log2 f through the survey's fastest designs: 18 GS/s at 7.5 bits, 6.4 at 11.5, then the fall
    to 40 MS/s at 13.5 and 5 MS/s at 15.5.

    >>> [float(f"{rate().evaluate(f_r=18e9, b_out=bits):.2g}") for bits in (7.5, 11.5, 13.5, 15.5)]
    [18000000000.0, 6400000000.0, 40000000.0, 5000000.0]
    """
    first, second, third, fourth = (sp.Rational(rate, 18_000) for rate in (18_000, 6_400, 40, 5))
    slow_decline = first * (second / first) ** ((b_out - sp.Rational(15, 2)) / 4)
    collapse = second * (third / second) ** ((b_out - sp.Rational(23, 2)) / 2)
    tail = third * (fourth / third) ** ((b_out - sp.Rational(27, 2)) / 2)
    return f_r * smaller(slow_decline, larger(collapse, tail))


@formula(
    "thermo.converter.input.energy",
    joule,
    "derived: docs/derivations.md, converters; github.com/pietro-caragiulo/survey-DAC",
    verified_by=Oracle.LIMITS,
)
def input_energy() -> Expression:
    """Energy of one digital-to-analog conversion at b bits, from its energy at 8 bits: the best grow as 2^(0.6 b).

    Line-driving converters start at 3 pJ for 8 bits; on-chip weight converters at about 0.3 pJ (recalled, factor 5).

    >>> round(input_energy().evaluate(e_d=0.3e-12, b_in=16) * 1e12, 2)  # picojoules
    8.36
    """
    return e_d * 2 ** (sp.Rational(3, 5) * (b_in - 8))
