"""Draws of everything a projection depends on, under a scenario."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from costmodel.curvature.law import Target
from costmodel.defaults import Scenario
from costmodel.machines.analog_defaults import completed
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.analog import solver_quantities
from costmodel.projection.curvature import LAW, curvature_quantities
from costmodel.quantities.declared import DECLARED, Declared
from costmodel.quantities.estimate import Draws, Quantity, medians, standard_normal
from costmodel.quantities.symbols import Better
from costmodel.workloads.workload import Workload

#: Rates of a digital device are drawn in every scenario, and no formula's symbol bounds them.
_DIGITAL = Declared(Better.EITHER)


def quantities(workload: Workload, digital: DigitalCard, analog: AnalogCard) -> dict[str, Quantity]:
    """Every uncertain or cited number of a projection, by the path that ``--set`` takes."""
    found = {
        f"model.kfac.{field.name}": getattr(workload.kfac, field.name)
        for field in fields(workload.kfac)
        if isinstance(getattr(workload.kfac, field.name), Quantity) and field.name not in list(Target)
    }
    found |= curvature_quantities(workload)
    if workload.kfac.condition_number is not None:
        del found["model.kfac.damping"]
    if workload.training is not None:
        found["model.training.adam_steps"] = workload.training.adam_steps
        found["model.training.kfac_step_ratio"] = workload.training.kfac_step_ratio
    if workload.host_time is not None:
        found["model.host_time"] = workload.host_time
    found |= {f"digital.{path}": quantity for path, quantity in digital.quantities(workload.precisions).items()}
    found |= {f"analog.{name}": quantity for name, quantity in completed(analog).items()}
    found |= solver_quantities(analog.solver)
    return found


def draw_all(found: dict[str, Quantity], count: int, seed: int, scenario: Scenario) -> dict[str, Draws]:
    """Draws of each quantity, shape (count,).

    A quantity's stream depends on the seed and on its path, or the name of the stream it shares, alone: a card with one
    more value leaves the draws of the others as they were, and two projections with one seed are paired draw by draw.
    """
    return {path: _draw(path, quantity, count, seed, scenario) for path, quantity in found.items()}


def _draw(path: str, quantity: Quantity, count: int, seed: int, scenario: Scenario) -> Draws:
    declared = _DIGITAL if path.startswith("digital.") else DECLARED[path.rsplit(".", 1)[-1]]
    if scenario is Scenario.NOMINAL or declared.better is Better.EITHER:
        draws = quantity.at(standard_normal(quantity.stream or path, count, seed))
    else:
        high = (declared.better is Better.LARGER) == (scenario is Scenario.OPTIMISTIC)
        draws = np.full(count, quantity.high if high else quantity.low)
    return within_domain(path, draws)


def within_domain(path: str, draws: Draws) -> Draws:
    """Draws of a quantity cut off at the ends of its symbol's domain, which a range or the tail of its draws can pass.

    An error of 0.1 (0.06 to 0.3) has one draw in 5000 above 1, and a stable rank of 1.2 some below 1. A range that
    follows from a standard error ends outside by itself, so a scenario's value is cut off alike.
    """
    declared = _DIGITAL if path.startswith("digital.") else DECLARED.get(path.rsplit(".", 1)[-1], _DIGITAL)
    info = declared.symbol
    # A factor on the law of curvature is no value of the symbol that it is named after.
    if info is None or path.startswith(f"{LAW}."):
        return draws
    inside = 1.0 - 1e-9 if info.open_maximum else 1.0
    return np.clip(draws, info.minimum, info.maximum * inside)


@dataclass(frozen=True, slots=True)
class Sample:
    """Draws of everything a projection depends on, or a stretch of them.

    Attributes:
        found: Every quantity by path.
        drawn: Draws of each, shape (count,).
        count: How many.
        seed: Their seed.
        start: Position of the first in the whole.
        whole: How many the whole has.
        deviates: Further streams of standard normal deviates by path, as they were asked for.
        per_point: How many draws one point has, where the draws are those of many points, one after the other; 0 where
            all are of one.
    """

    found: Mapping[str, Quantity]
    drawn: Mapping[str, Draws]
    count: int
    seed: int
    start: int
    whole: int
    deviates: dict[str, Draws]
    per_point: int = 0

    @classmethod
    def of(cls, found: dict[str, Quantity], count: int, seed: int, scenario: Scenario) -> Sample:
        """All draws."""
        return cls(found, draw_all(found, count, seed, scenario), count, seed, 0, count, {})

    @classmethod
    def nominal(cls, found: dict[str, Quantity]) -> Sample:
        """A single draw: every quantity at its value, every further deviate at 0."""
        drawn = {path: np.array([quantity.value], dtype=float) for path, quantity in found.items()}
        return cls(found, drawn, 1, 0, 0, 1, _Zeros())

    def stretches(self, length: int) -> Iterator[Sample]:
        """The draws in order, at most ``length`` at a time; each is what it is in the whole."""
        for start in range(0, self.whole, length):
            stop = min(start + length, self.whole)
            drawn = {path: draws[start:stop] for path, draws in self.drawn.items()}
            yield replace(self, drawn=drawn, count=stop - start, start=start, deviates=type(self.deviates)())

    def medians(self, values: Draws) -> Draws:
        """Medians over the draws of each point, in place of its draws; shape (units, 1) where all are of one point."""
        if not self.per_point or values.shape[1] == 1:
            return medians(values)[:, None]
        by_point = medians(values.reshape(len(values), -1, self.per_point))
        return np.repeat(by_point, self.per_point, axis=1)

    def standard_normal(self, path: str) -> Draws:
        """Deviates of a further stream, shape (count,)."""
        if path not in self.deviates:
            self.deviates[path] = standard_normal(path, self.count, self.seed, self.start)
        return self.deviates[path]


class _Zeros(dict[str, Draws]):
    """Deviates of a nominal draw, whatever they are asked for."""

    def __contains__(self, path: object) -> bool:
        return True

    def __missing__(self, path: str) -> Draws:
        return np.zeros(1)
