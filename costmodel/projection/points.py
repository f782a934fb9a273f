"""What methods take at many points at once: the estimator of a projection, with values of its inputs side by side.

An evaluation has an axis of draws. Here that axis holds points, or points times draws: an input that has a column is
what the column says, every other is its value, or drawn as a projection draws it. What no column changes is evaluated
once, so that a million points of a machine cost what depends on the machine.

Where layers are placed by what is known before a run, points may each be a run of its own, with layers placed anew by
what is known there. Points that are one run in several worlds, as those of a sensitivity, have one placement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from costmodel.defaults import Scenario
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.methods import Method, Role
from costmodel.projection.cost import Cost, total
from costmodel.projection.evaluation import Evaluation
from costmodel.projection.feasibility import Feasibility, feasibilities
from costmodel.projection.overlap import overlapped
from costmodel.projection.placer import Placer
from costmodel.projection.point_draws import PointDraws
from costmodel.projection.standing import standings
from costmodel.quantities.declared import DECLARED
from costmodel.quantities.estimate import Draws, Quantity
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
        placer: Places layers anew at each point; without it they stay where they are placed without columns.

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
        placer: Placer | None = None,
    ) -> None:
        self.workload, self.digital, self.analog = workload, digital, analog
        self.draws = draws
        self._inputs = PointDraws(workload, digital, analog, draws, seed, scenario)
        first = Placer(workload, digital, analog, scenario) if placer is None else placer
        self._names = first.known(methods)
        self._placer = placer if placer is not None and placer.places(self._names) else None
        self._first = first

    @cached_property
    def methods(self) -> list[Method]:
        """Those that are wanted, their layers placed as they are without columns."""
        return self._first.at(self._names, {})

    @property
    def found(self) -> dict[str, Quantity]:
        """Every quantity that can have a column, by path."""
        return self._inputs.found

    @cached_property
    def phases(self) -> dict[str, tuple[str, ...]]:
        """Names of the phases of each method, at whatever point."""
        if self._placer is not None:
            return self._placer.phases(self._names)
        return {method.name: tuple(phase.name for phase in method.phases) for method in self.methods}

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
        alike = self._placer is None or paired or further is not None
        per_point = 1 if paired else max(1, self.draws)
        units = 2 * len(standings(self.workload, tuple(shape for shape, _ in self.workload.shapes())))
        length = max(1, _CELLS // (units * per_point))
        for start in range(0, count, length):
            at = slice(start, min(start + length, count))
            some = {path: each if len(each) == 1 else each[at] for path, each in arrays.items()}
            beside = None if further is None else further[at]
            if alike:
                yield at, self._costs(self.methods, some, at, beside, paired=paired, phases=phases)
            else:
                yield at, self._placed(some, at, phases=phases)

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
        sample = self._inputs.sample(arrays, slice(0, 1), 1)
        evaluation = Evaluation(self.workload, self.digital, self.analog, (), sample)
        methods = self.methods if self._placer is None else self._placer.at(self._names, _at(arrays, 0))
        thermodynamic = [method for method in methods if method.role is Role.THERMODYNAMIC]
        return feasibilities(thermodynamic, self.analog, evaluation)

    def _placed(self, columns: Mapping[str, Draws], at: slice, *, phases: bool) -> PointCosts:
        """Points with layers placed anew at each; those that come out alike are evaluated together."""
        assert self._placer is not None
        points = at.stop - at.start
        alike: dict[tuple[Method, ...], list[int]] = {}
        for point in range(points):
            alike.setdefault(tuple(self._placer.at(self._names, _at(columns, point))), []).append(point)
        whole = (points, self.draws) if self.draws else (points,)
        step = {name: np.empty(whole) for name in self._names}
        by_phase = {name: {each: np.zeros(whole) for each in self.phases[name]} for name in self._names if phases}
        for methods, which in alike.items():
            some = {path: values if len(values) == 1 else values[which] for path, values in columns.items()}
            costs = self._costs(methods, some, slice(0, len(which)), None, paired=False, phases=phases)
            for name in self._names:
                step[name][which] = costs.step[name]
                for phase, values in costs.phases.get(name, {}).items():
                    by_phase[name][phase][which] = values
        return PointCosts(step, by_phase)

    def _costs(
        self,
        methods: Sequence[Method],
        columns: Mapping[str, Draws],
        at: slice,
        further: Index | None,
        *,
        paired: bool,
        phases: bool,
    ) -> PointCosts:
        points = at.stop - at.start
        draws = 1 if paired else max(1, self.draws)
        sample = self._inputs.sample(columns, at, points, paired=paired)
        if further is not None:
            sample = self._inputs.beside(sample, further)
        evaluation = Evaluation(self.workload, self.digital, self.analog, methods, sample)
        shape = (points,) if paired or not self.draws else (points, draws)

        def shaped(cost: Cost) -> Draws:
            return np.broadcast_to(cost.total, points * draws).reshape(shape)

        costs = {
            method.name: overlapped(method, evaluation.method(method), self.workload, sample.drawn).phases
            for method in methods
        }
        step = {name: shaped(total(each.values())) for name, each in costs.items()}
        if not phases:
            return PointCosts(step, {})
        return PointCosts(step, {name: {phase: shaped(c) for phase, c in each.items()} for name, each in costs.items()})


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


def _at(columns: Mapping[str, Draws], point: int) -> dict[str, float]:
    """Values of the columns at one point."""
    return {path: float(values[point if len(values) > 1 else 0]) for path, values in columns.items()}


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
