"""Noise of a node: thermal noise kT/C, what it allows in bits and speed, and the noise Method 1 has to inject."""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import E_T, C, Expression, N_r, R, V, b_out, kappa, n, nu, s_x
from costmodel.quantities.units import bit, farad, one, second, volt

_SOURCE = "derived: docs/derivations.md, thermal noise"
#: Standard deviations of the loudest node that must fit into half the full scale: one sample in 2 million saturates.
_HEADROOM = 5


@formula("thermo.noise.thermal.variance", volt**2, _SOURCE, verified_by=Oracle.LIMITS)
def thermal_variance() -> Expression:
    """Thermal noise of a node, kT / C: equipartition of C V^2 / 2, whatever the resistance.

    >>> round(thermal_variance().evaluate(E_T=4.142e-21, C=1e-9) ** 0.5 * 1e6, 2)  # microvolts
    2.04
    """
    return E_T / C


@formula("thermo.noise.signal.ratio", one, _SOURCE, verified_by=Oracle.LIMITS)
def noise_to_signal() -> Expression:
    """Noise variance over the squared norm of an input of one full-scale voltage: nu = kT / (C V^2).

    A node of coupling 1 has the variance kT / C. An input with p entries at full scale has a p times larger norm.

    >>> round(noise_to_signal().evaluate(E_T=4.142e-21, C=1e-9, V=1.0), 15)
    4.142e-12
    """
    return E_T / (C * V**2)


@formula("thermo.noise.solution.ratio", one, _SOURCE, verified_by=Oracle.LIMITS)
def solution_ratio() -> Expression:
    """Noise variance over the squared norm of the largest input whose solution stays within full scale.

    A solution of n normal entries peaks at sqrt(2 ln(2 n)) standard deviations, which half the full scale has to hold,
    so its squared norm is n V^2 / (8 ln(2 n)); the input's is s_x times smaller. ``nu`` is for one full-scale voltage.

    >>> round(solution_ratio().evaluate(nu=4e-12, n=1024, s_x=400) * 1e12, 3)
    95.308
    """
    return nu * s_x * 8 * sp.log(2 * n) / n


@formula("thermo.noise.thermal.bits", bit, _SOURCE, verified_by=Oracle.LIMITS)
def thermal_bits() -> Expression:
    """Bits of a converter whose rounding noise equals thermal noise: an ideal one has V^2 / (12 * 4^b).

    >>> round(thermal_bits().evaluate(E_T=4.142e-21, C=0.2134e-9, V=1.0), 2)
    16.0
    """
    return sp.log(C * V**2 / (12 * E_T), 4)


@formula("thermo.noise.capacitance", farad, _SOURCE, verified_by=Oracle.LIMITS)
def capacitance_floor() -> Expression:
    """Smallest capacitance whose thermal noise does not exceed the rounding noise of b bits: 12 kT 4^b / V^2.

    >>> round(capacitance_floor().evaluate(E_T=4.142e-21, b_out=16, V=1.0) * 1e9, 3)  # nanofarads
    0.213
    """
    return 12 * E_T * 4**b_out / V**2


@formula("thermo.noise.relaxation_time", second, _SOURCE, verified_by=Oracle.LIMITS)
def relaxation_floor() -> Expression:
    """Smallest RC that leaves b bits to thermal noise: bits and speed are one choice, a factor of 4 for each bit.

    >>> round(relaxation_floor().evaluate(E_T=4.142e-21, b_out=16, V=1.0, R=1e3) * 1e6, 3)  # microseconds
    0.213
    """
    return R * capacitance_floor().expression


@formula("thermo.noise.averaged.bits", bit, _SOURCE, verified_by=Oracle.LIMITS)
def averaged_bits() -> Expression:
    """Bits that averaging N_r independent readings adds: half the base-2 logarithm of their number.

    >>> averaged_bits().evaluate(N_r=16)
    2.0
    """
    return sp.log(N_r, 2) / 2


@formula("thermo.noise.injected.rms", volt, _SOURCE, verified_by=Oracle.LIMITS)
def injected_rms() -> Expression:
    """Most noise that Method 1 may inject (rms at coupling 1) before the slowest mode leaves half the full scale.

    The slowest mode is sqrt(kappa) times louder than the fastest, and five standard deviations have to fit.

    >>> injected_rms().evaluate(V=1.0, kappa=100)
    0.01
    """
    return V / (2 * _HEADROOM * sp.sqrt(kappa))


@formula("thermo.noise.injected.ratio", one, _SOURCE, verified_by=Oracle.LIMITS)
def injected_to_thermal() -> Expression:
    """That noise over thermal noise, in variance: below 1 the circuit's own noise already leaves the full scale.

    >>> round(injected_to_thermal().evaluate(V=1.0, kappa=100, C=1e-9, E_T=4.142e-21))
    24142926
    """
    return injected_rms().expression ** 2 * C / E_T
