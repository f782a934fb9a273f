"""How the simulator runs each analog arm: an arm of the catalog that is not known here has no evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from costmodel.methods import METHODS, AnalogWork, FactorConstruction, Method, Resource, Role
from solver import (
    Accumulation,
    Machine,
    Mitigation,
    Regime,
    Session,
    Start,
    invert,
    invert_by_columns,
    invert_by_products,
)
from solver.kfac import Backend, ThermoColumns, ThermoInverse, ThermoProducts, ThermoSolve
from solver.results import Result

PRODUCT_TIME = 2e-7
#: Time between samples in correlation times; the law of arms with correlators is that of samples without a gap.
SPACING = {"inverse": 0.02, "accumulated": 1.0}
POWER_ITERATIONS = 12
#: What a start from the last inverse is planned to be off by.
DRIFT = 0.3
#: How often a settled state is read where readings are averaged.
READINGS = 3


def methods() -> dict[str, Method]:
    """Every analog arm by name."""
    built = (build(FactorConstruction.EXPAND) for build in METHODS.values())
    return {method.name: method for method in built if method.role is Role.THERMODYNAMIC}


@dataclass(frozen=True, slots=True)
class Arm:
    """An arm on the simulator.

    Attributes:
        name: Of the catalog.
        run: Matrix, right-hand sides, machine, relative error and the bound on kappa to a result.
        backend: Machine and relative error to what preconditions in training.
        samples: Whether its error is that of random samples.
    """

    name: str
    run: Callable[[Tensor, Tensor, Machine, float, float], Result]
    backend: Callable[[Machine, float], Backend]
    samples: bool

    def machine(self, **more: Any) -> Machine:
        """One with the cells it needs."""
        regime = Regime.UNDERDAMPED if "underdamped" in self.name else Regime.OVERDAMPED
        return Machine(regime=regime, product_time_s=PRODUCT_TIME, **more)

    def exact(self, matrix: Tensor, right: Tensor) -> Tensor:
        """What it estimates: an inverse, or solutions."""
        inverse: Tensor = torch.linalg.inv(matrix)
        return inverse @ right if self.name.startswith("thermo.solve") else inverse

    def runs(self) -> list[AnalogWork]:
        """Runs on the arrays for one factor, as its method in the catalog has them."""
        works = (work for phase in methods()[self.name].phases for work in phase.works)
        return [
            work
            for work in works
            if isinstance(work, AnalogWork) and work.resource is Resource.ARRAYS and work.tolerance is not None
            if not work.time.name.endswith("convert.time")
        ]


def arm(name: str) -> Arm:
    """How the simulator runs an arm.

    Raises:
        LookupError: It does not, so that nothing shows what the arm is projected for: say here how.
    """
    kind, *flags = name.removeprefix("thermo.").split(".")
    unknown = set(flags) - {"underdamped", "deflated", "refined", "accumulated", "warm", "passes", "averaged"}
    if unknown or kind not in _KINDS:
        raise LookupError(f"arm {name} has no evidence: tests/solver/arms.py does not say how the simulator runs it")
    return _KINDS[kind](name, flags)


def _mitigation(flags: list[str]) -> Mitigation:
    return Mitigation(
        deflation=POWER_ITERATIONS if "deflated" in flags else 0,
        refinements=1 if "refined" in flags else 0,
        readings=READINGS if "averaged" in flags else 1,
    )


def _inverse(name: str, flags: list[str]) -> Arm:
    accumulation = Accumulation.DIGITAL if "accumulated" in flags else Accumulation.ANALOG
    spacing = SPACING["accumulated" if "accumulated" in flags else "inverse"]
    more: dict[str, Any] = {"spacing": spacing, "accumulation": accumulation, "mitigation": _mitigation(flags)}

    def run(matrix: Tensor, right: Tensor, machine: Machine, error: float, kappa: float) -> Result:
        return invert(matrix, machine, error=error, burn_in_error=error, kappa=kappa, seed=3, **more)

    sparse = {**more, "spacing": 1.0}  # many fewer samples, for the same error
    return Arm(name, run, lambda machine, error: ThermoInverse(machine, error=error, **sparse), samples=True)


def _columns(name: str, flags: list[str]) -> Arm:
    power = 0.5 if "refined" in flags else 1.0
    drift = DRIFT if "warm" in flags else None

    def run(matrix: Tensor, right: Tensor, machine: Machine, error: float, kappa: float) -> Result:
        more: dict[str, Any] = {"settle_error": error**power, "mitigation": _mitigation(flags)}
        start = None
        if drift is not None:
            last = invert_by_columns(_before(matrix), machine, **more)
            assert last.pivots is not None
            start = Start(last.pivots, drift)
        return invert_by_columns(matrix, machine, kappa=kappa, start=start, **more)

    def backend(machine: Machine, error: float) -> Backend:
        return ThermoColumns(machine, settle_error=error**power, mitigation=_mitigation(flags), drift=drift)

    return Arm(name, run, backend, samples=False)


def _before(matrix: Tensor) -> Tensor:
    """What a matrix was at the last refresh: eigenvalues were a fifth larger, the next one smaller, in turn."""
    eigenvalues, basis = torch.linalg.eigh(matrix)
    ways = torch.tensor([1.0, -1.0]).to(matrix).repeat(-(-matrix.shape[-1] // 2))[: matrix.shape[-1]]
    before: Tensor = basis * (eigenvalues * (1 + 0.2 * ways))[..., None, :] @ basis.mT
    return before


def _solve(name: str, flags: list[str]) -> Arm:
    def run(matrix: Tensor, right: Tensor, machine: Machine, error: float, kappa: float) -> Result:
        session = Session(matrix, machine, kappa=kappa, mitigation=_mitigation(flags))
        return session.solve(right, error=error * (1 + 1e-12), settle_error=error)

    def backend(machine: Machine, error: float) -> Backend:
        return ThermoSolve(machine, error=error, mitigation=_mitigation(flags))

    return Arm(name, run, backend, samples=False)


def _products(name: str, flags: list[str]) -> Arm:
    passes = 2 if "passes" in flags else 1
    more: dict[str, Any] = {"passes": passes, "mitigation": _mitigation(flags)}
    power = 0.5 if {"passes", "refined"} & set(flags) else 1.0

    def run(matrix: Tensor, right: Tensor, machine: Machine, error: float, kappa: float) -> Result:
        return invert_by_products(matrix, machine, error=error**power, kappa=kappa, **more)

    def backend(machine: Machine, error: float) -> Backend:
        return ThermoProducts(machine, error=error**power, **more)

    return Arm(name, run, backend, samples=False)


_KINDS: dict[str, Callable[[str, list[str]], Arm]] = {
    "inverse": _inverse,
    "columns": _columns,
    "solve": _solve,
    "products": _products,
}
