"""What methods take at many points at once: the estimator of a projection, with values of its inputs side by side.

An evaluation has an axis of draws. Here that axis holds points, or points times draws: an input that has a column is
what the column says, every other is its value, or drawn as a projection draws it. What no column changes is evaluated
once, so that a million points of a machine cost what depends on the machine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from costmodel.defaults import Scenario
from costmodel.machines.analog_defaults import completed
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.methods import Method, Role
from costmodel.projection.cost import Cost, total
from costmodel.projection.draws import Sample, draw_all, quantities
from costmodel.projection.evaluation import Evaluation
from costmodel.projection.feasibility import Feasibility, feasibilities
from costmodel.projection.methods import methods_of
from costmodel.projection.overlap import overlapped
from costmodel.projection.placing import placed, placements
from costmodel.projection.standing import standings
from costmodel.quantities.declared import DECLARED
from costmodel.quantities.estimate import DEVIATE_95, Draws, Quantity, standard_normal
from costmodel.quantities.names import unknown
from costmodel.workloads.workload import Workload

Index = npt.NDArray[np.intp]

#: Settings that are no quantities and can have a column.
INTERVALS: Final = ("model.kfac.factor_interval", "model.kfac.refresh_interval")
#: What may stand before a name: a path is found with or without its first word.
_ROOTS: Final = ("model", "digital", "analog", "solver")
#: Units of a network times draws that are evaluated at once: more would leave the processor's caches.
_CELLS: Final = 500_000


@dataclass(frozen=True, slots=True)
class PointCosts:
    """Seconds of a step at some points, by method.

    Attributes:
        step: Shape (points,), or (points, draws).
        phases: Of each phase by method and phase, likewise; empty where they were not asked for.
    """

    step: Mapping[str, Draws]
    phases: Mapping[str, Mapping[str, Draws]]


class Points:
    """One network on its hardware, to be evaluated at points.

    Args:
        workload: The network.
        digital: The digital device.
        analog: The thermodynamic machine.
        methods: Names of those that are wanted; all without it.
        draws: How many draws each point has, those of a projection; 0 for its value alone, every input at its own.
        seed: Of the draws.
        scenario: How the ranges of the analog arm are used, where there are draws.

    Raises:
        ValueError: An unknown method.
    """

    def __init__(
        self,
        workload: Workload,
        digital: DigitalCard,
        analog: AnalogCard,
        *,
        methods: Collection[str] = (),
        draws: int = 0,
        seed: int = 0,
        scenario: Scenario = Scenario.NOMINAL,
    ) -> None:
        self.workload, self.digital, self.analog = workload, digital, analog
        self.draws, self._seed, self._scenario = draws, seed, scenario
        self.methods = placed(
            _chosen(methods_of(workload), methods), placements(workload, digital, analog, scenario, methods)
        )

    @cached_property
    def found(self) -> dict[str, Quantity]:
        """Every quantity that can have a column, by path."""
        return quantities(self.workload, self.digital, self.analog)

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

    def path(self, name: str) -> str:
        """The path of an input that can have a column, with or without its first word.

        Raises:
            ValueError: There is none of the name.
        """
        known = {*self.found, *INTERVALS}
        for path in (name, *(f"{root}.{name}" for root in _ROOTS)):
            if path in known:
                return path
        raise ValueError(unknown("input", name, sorted(known)))

    def chunks(
        self, columns: Mapping[str, Draws], *, phases: bool = False, paired: bool = False, further: Index | None = None
    ) -> Iterator[tuple[slice, PointCosts]]:
        """The points in order, as many at a time as fit in memory, each with where it lies among all.

        Args:
            columns: Values by name in SI units, each of shape (points,) or (1,).
            phases: Whether seconds of the phases are wanted, too.
            paired: The points are as many as the draws, and each has one of them.
            further: Where points have no draws: of which draw each takes what is drawn beside the inputs.

        Raises:
            ValueError: An unknown input, columns of several lengths, or a value that the input cannot have.
        """
        arrays = {self.path(name): np.atleast_1d(np.asanyarray(each, dtype=float)) for name, each in columns.items()}
        for path, values in arrays.items():
            _check(path, values)
        alone = self.draws if paired else 1 if further is None else len(further)
        count = _length(arrays.values(), alone)
        if paired and count != self.draws:
            raise ValueError(f"{count} points cannot be paired with {self.draws} draws")
        per_point = 1 if paired else max(1, self.draws)
        units = 2 * len(standings(self.workload, tuple(shape for shape, _ in self.workload.shapes())))
        length = max(1, _CELLS // (units * per_point))
        for start in range(0, count, length):
            at = slice(start, min(start + length, count))
            some = {path: each if len(each) == 1 else each[at] for path, each in arrays.items()}
            beside = None if further is None else further[at]
            yield at, self._costs(some, at, beside, paired=paired, phases=phases)

    def evaluate(
        self,
        columns: Mapping[str, Draws],
        *,
        phases: bool = False,
        paired: bool = False,
        further: Index | None = None,
    ) -> PointCosts:
        """All points at once; arguments and faults are those of :meth:`chunks`."""
        parts = [costs for _, costs in self.chunks(columns, phases=phases, paired=paired, further=further)]
        step = {name: np.concatenate([part.step[name] for part in parts]) for name in parts[0].step}
        by_phase = {
            name: {phase: np.concatenate([part.phases[name][phase] for part in parts]) for phase in each}
            for name, each in parts[0].phases.items()
        }
        return PointCosts(step, by_phase)

    def feasibility(self, columns: Mapping[str, float]) -> dict[str, Feasibility]:
        """How accurate thermodynamic methods are at one point under its draws, by the rule of a projection.

        Args:
            columns: A value by name, in SI units.

        Raises:
            ValueError: An unknown input, or a value that the input cannot have.
        """
        arrays = {self.path(name): np.atleast_1d(np.asarray(value, dtype=float)) for name, value in columns.items()}
        for path, values in arrays.items():
            _check(path, values)
        sample = self._sample(arrays, slice(0, 1), 1, paired=False)
        evaluation = Evaluation(self.workload, self.digital, self.analog, (), sample)
        thermodynamic = [method for method in self.methods if method.role is Role.THERMODYNAMIC]
        return feasibilities(thermodynamic, self.analog, evaluation)

    def _costs(
        self, columns: Mapping[str, Draws], at: slice, further: Index | None, *, paired: bool, phases: bool
    ) -> PointCosts:
        points = at.stop - at.start
        draws = 1 if paired else max(1, self.draws)
        sample = self._sample(columns, at, points, paired=paired)
        if further is not None:
            known = _Further(int(further.max()) + 1, self._seed)
            sample = replace(sample, deviates=_Tiled(known, lambda values: values[further]))
        evaluation = Evaluation(self.workload, self.digital, self.analog, self.methods, sample)
        shape = (points,) if paired or not self.draws else (points, draws)

        def shaped(cost: Cost) -> Draws:
            return np.broadcast_to(cost.total, points * draws).reshape(shape)

        costs = {
            method.name: overlapped(method, evaluation.method(method), self.workload, sample.drawn).phases
            for method in self.methods
        }
        step = {name: shaped(total(each.values())) for name, each in costs.items()}
        if not phases:
            return PointCosts(step, {})
        return PointCosts(step, {name: {phase: shaped(c) for phase, c in each.items()} for name, each in costs.items()})

    def _sample(self, columns: Mapping[str, Draws], at: slice, points: int, *, paired: bool) -> Sample:
        """Draws of every input for some points, one after the other; one number for what is the same at all."""
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
        stated = {name: getattr(self.analog, name) for name in (field.name for field in fields(AnalogCard))}
        numbers: dict[str, dict[str, Any]] = {
            name: {"value": each, "low": each, "high": each} for name, each in own.items()
        }
        given: dict[str, Any] = {name: replace(self.found[f"analog.{name}"], **each) for name, each in numbers.items()}
        changed = completed(replace(self.analog, **given))
        return {
            f"analog.{name}": quantity
            for name, quantity in changed.items()
            if name not in own and stated[name] is None and np.ndim(quantity.value)
        }


def evaluate_points(
    workload: Workload,
    digital: DigitalCard,
    analog: AnalogCard,
    columns: Mapping[str, Draws],
    *,
    methods: Collection[str] = (),
    draws: int = 0,
    seed: int = 0,
    scenario: Scenario = Scenario.NOMINAL,
    phases: bool = False,
) -> PointCosts:
    """Seconds of a step of each method at many points; see :class:`Points`, which does it in pieces.

    >>> from costmodel.inputs.loading import load_analog, load_digital, load_workload
    >>> case = load_workload("mlp"), load_digital("h100-sxm"), load_analog("tngd-2024")
    >>> found = evaluate_points(*case, {"relaxation_time": np.array([1e-6, 1e-9])}, methods=["thermo.solve"])
    >>> [f"{seconds:.3g}" for seconds in found.step["thermo.solve"]]
    ['0.606', '0.0121']
    """
    points = Points(workload, digital, analog, methods=methods, draws=draws, seed=seed, scenario=scenario)
    return points.evaluate(columns, phases=phases)


def _chosen(methods: list[Method], names: Collection[str]) -> list[Method]:
    known = {method.name: method for method in methods}
    for name in names:
        if name not in known:
            raise ValueError(unknown("method", name, known))
    return [known[name] for name in names] if names else methods


def _length(columns: Collection[Draws], single: int) -> int:
    lengths = {len(each) for each in columns} - {1}
    if len(lengths) > 1:
        raise ValueError(f"columns have {' and '.join(map(str, sorted(lengths)))} points")
    return lengths.pop() if lengths else single


def _check(path: str, values: Draws) -> None:
    """Refuse what no file could state."""
    if not len(values):
        raise ValueError(f"{path} has no points")
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"{path} has a value that is not finite")
    declared = DECLARED.get(path.rsplit(".", 1)[-1])
    if declared is not None and declared.symbol is not None and not path.startswith("curvature."):
        declared.symbol.check(low, high)
    elif low <= 0:
        raise ValueError(f"{path} is {low:g}; it has to be above 0")


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

    def __init__(self, of_point: _Further, tile: Any) -> None:
        super().__init__()
        self._of_point, self._tile = of_point, tile

    def __contains__(self, path: object) -> bool:
        return True

    def __missing__(self, path: str) -> Draws:
        self[path] = self._tile(self._of_point[path])
        return self[path]
