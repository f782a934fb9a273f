"""Draws of every input of a projection at points: a column where it has one, else what is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from costmodel.defaults import Scenario
from costmodel.machines.analog_defaults import completed
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.draws import Sample, draw_all, quantities
from costmodel.quantities.estimate import DEVIATE_95, Draws, Quantity, standard_normal
from costmodel.workloads.workload import Workload


class PointDraws:
    """Draws of the inputs of one network on its hardware, for points.

    Args:
        workload: The network.
        digital: The digital device.
        analog: The thermodynamic machine.
        draws: How many draws each point has; 0 for its value alone.
        seed: Of the draws.
        scenario: How the ranges of the analog arm are used.
    """

    def __init__(
        self,
        workload: Workload,
        digital: DigitalCard,
        analog: AnalogCard,
        draws: int,
        seed: int = 0,
        scenario: Scenario = Scenario.NOMINAL,
    ) -> None:
        self._analog, self.draws, self._seed, self._scenario = analog, draws, seed, scenario
        self.found: dict[str, Quantity] = quantities(workload, digital, analog)

    @cached_property
    def _drawn(self) -> dict[str, Draws]:
        """Draws of each quantity as it is without columns; one number for what has no range."""
        if not self.draws:
            return Sample.nominal(self.found).drawn  # type: ignore[return-value]
        drawn = draw_all(self.found, self.draws, self._seed, self._scenario)
        return {path: each[:1] if np.all(each == each[0]) else each for path, each in drawn.items()}

    @cached_property
    def _deviates(self) -> _Further:
        return _Further(self.draws, self._seed)

    def sample(self, columns: Mapping[str, Draws], at: slice, points: int, *, paired: bool = False) -> Sample:
        """Draws of every input for some points, one after the other; one number for what is the same at all.

        Args:
            columns: Values by path in SI units, each of shape (points,) or (1,).
            at: Where the points lie among all.
            points: How many they are.
            paired: The points are as many as the draws, and each has one of them.
        """
        draws = 1 if paired else max(1, self.draws)

        def of_draws(values: Draws) -> Draws:
            """Draws of all inputs without a column, for every point."""
            if len(values) == 1:
                return values
            return values[at] if paired else np.tile(values, points)

        def of_points(values: Draws) -> Draws:
            return values if len(values) == 1 else np.repeat(values, draws)

        drawn = {path: of_draws(values) for path, values in self._drawn.items()}
        drawn |= {path: of_points(values) for path, values in columns.items()}
        for path, quantity in self._derived(columns).items():
            value, low, high = (of_points(each) for each in (quantity.value, quantity.low, quantity.high))
            drawn[path] = _at(value, low, high, of_draws(self._deviates[quantity.stream or path]))
        deviates = _Tiled(self._deviates, of_draws)
        return Sample(self.found, drawn, points * draws, self._seed, 0, points * draws, deviates, draws)

    def _derived(self, columns: Mapping[str, Draws]) -> dict[str, Any]:
        """Quantities of the machine that its card leaves out and that follow from columns, their numbers arrays."""
        own = {path.partition(".")[2]: each for path, each in columns.items() if path.startswith("analog.")}
        stated = {name: getattr(self._analog, name) for name in (field.name for field in fields(AnalogCard))}
        numbers: dict[str, dict[str, Any]] = {
            name: {"value": each, "low": each, "high": each} for name, each in own.items()
        }
        given: dict[str, Any] = {name: replace(self.found[f"analog.{name}"], **each) for name, each in numbers.items()}
        changed = completed(replace(self._analog, **given))
        return {
            f"analog.{name}": quantity
            for name, quantity in changed.items()
            if name not in own and stated[name] is None and np.ndim(quantity.value)
        }

    def beside(self, sample: Sample, further: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Sample:
        """The same with what is drawn beside the inputs of the draw that each point names."""
        known = _Further(int(further.max()) + 1, self._seed)
        return replace(sample, deviates=_Tiled(known, lambda values: values[further]))


def _at(value: Draws, low: Draws, high: Draws, deviates: Draws) -> Draws:
    """:meth:`Quantity.at` where its numbers are arrays, all above zero."""
    share = deviates / DEVIATE_95
    return np.asanyarray(value * np.exp(np.where(share > 0, share * np.log(high / value), share * np.log(value / low))))


class _Further(dict[str, Draws]):
    """Deviates of further streams for the draws of one point; zero where there are none."""

    def __init__(self, draws: int, seed: int) -> None:
        super().__init__()
        self._draws, self._seed = draws, seed

    def __missing__(self, path: str) -> Draws:
        found = self[path] = standard_normal(path, self._draws, self._seed) if self._draws else np.zeros(1)
        return found


class _Tiled(dict[str, Draws]):
    """The same for many points."""

    def __init__(self, of_point: _Further, tile: Callable[[Draws], Draws]) -> None:
        super().__init__()
        self._of_point, self._tile = of_point, tile

    def __contains__(self, path: object) -> bool:
        return True

    def __missing__(self, path: str) -> Draws:
        self[path] = self._tile(self._of_point[path])
        return self[path]
