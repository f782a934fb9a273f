"""The methods compared, each built from phases of counted work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from costmodel.methods import first_order, kfac, rivals, thermo
from costmodel.methods.work import AnalogWork, Cadence, DigitalWork, Layers, Method, Phase, Resource, Scope

__all__ = ["METHODS", "AnalogWork", "Cadence", "DigitalWork", "Layers", "Method", "Phase", "Resource", "Scope"]

#: Every method by name, built for a way of constructing factors, in the order it is shown.
METHODS: Final[Mapping[str, Callable[[str], Method]]] = {
    "sgd": first_order.sgd,
    "adam": first_order.adam,
    "kfac.cholesky": kfac.cholesky,
    "kfac.cholesky_batched": kfac.cholesky_batched,
    "kfac.cholesky_solve": kfac.cholesky_solve,
    "kfac.eigh": kfac.eigh,
    "kfac.newton_schulz": kfac.newton_schulz,
    "kfac.low_rank": kfac.low_rank,
    "kfac.cg": kfac.conjugate_gradients,
    "ekfac": rivals.ekfac,
    "shampoo": rivals.shampoo,
    "soap": rivals.soap,
    "muon": rivals.muon,
    "thermo.inverse": thermo.inverse_from_covariance,
    "thermo.inverse.underdamped": thermo.inverse_from_covariance_underdamped,
    "thermo.solve": thermo.linear_systems,
    "thermo.solve.underdamped": thermo.linear_systems_underdamped,
}

#: Phases a solver that takes no time at all would remove from digital K-FAC.
SOLVER_PHASES: Final = ("inversion", "precondition")
