"""A model on its hardware that questions are asked of: times of its methods where settings take many values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final

import numpy as np

from costmodel.defaults import Scenario
from costmodel.inputs.arguments import all_at_once
from costmodel.inputs.faults import InputError
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.methods import Method, Role
from costmodel.projection.draws import quantities
from costmodel.projection.feasibility import Feasibility
from costmodel.projection.methods import methods_of
from costmodel.projection.placer import Placer, why_not_placed
from costmodel.projection.placing import PLACED
from costmodel.projection.points import PointCosts, Points
from costmodel.projection.project import Projection, project
from costmodel.quantities.estimate import Draws, Quantity
from costmodel.quantities.names import unknown
from costmodel.questions.inputs import Input, find_input
from costmodel.workloads.workload import AnalogLayers, Workload

Loaded = tuple[Workload, DigitalCard, AnalogCard]
#: The cheapest of a family, at each point by the median over draws.
BEST_DIGITAL: Final = "kfac.best"
BEST_THERMODYNAMIC: Final = "thermo.best"
#: Draws that intervals of questions rest on.
DRAWS: Final = 500
#: Numbers of heads that a width may have to be a multiple of.
_MULTIPLES: Final = (1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 25, 32, 40, 48, 64, 80, 96, 128)


class Case:
    """A model, a digital and an analog card, as they are named, with settings.

    Args:
        load: Loads all three with further settings, ``path=value`` each.
        draws: Draws that intervals rest on; 0 for values alone.
        seed: Of the draws.
        scenario: How the ranges of the analog arm are used.
    """

    def __init__(
        self,
        load: Callable[[Sequence[str]], Loaded],
        draws: int = DRAWS,
        seed: int = 0,
        scenario: Scenario = Scenario.NOMINAL,
    ) -> None:
        self.load, self.draws, self.seed, self.scenario = load, draws, seed, scenario
        self._points: dict[tuple[object, ...], Points] = {}
        self._placers: dict[tuple[str, ...], Placer] = {}

    @cached_property
    def loaded(self) -> Loaded:
        """Model and cards as they are."""
        return self.load(())

    @cached_property
    def found(self) -> dict[str, Quantity]:
        """Every quantity by path."""
        return quantities(*self.loaded)

    @cached_property
    def methods(self) -> dict[str, Method]:
        """Every method that the machine can run, by name."""
        workload, _, analog = self.loaded
        able = (each for each in methods_of(workload) if each.needs is None or getattr(analog, each.needs) is not None)
        return {method.name: method for method in able}

    def is_thermodynamic(self, name: str) -> bool:
        """Whether a method is one that a machine solves layers for."""
        return name == PLACED or self.methods[name].role is Role.THERMODYNAMIC

    def places(self, names: Collection[str]) -> bool:
        """Whether layers of any of some methods are placed anew at each point, which is then worth a projection."""
        return self._placer(()).places(names)

    def members(self, name: str) -> list[str]:
        """Names of the methods behind one, or of a family; :data:`PLACED` is of no family, it is asked for by name.

        Raises:
            InputError: No such method, or one the machine cannot run.
        """
        families = {BEST_DIGITAL: Role.DIGITAL_KFAC, BEST_THERMODYNAMIC: Role.THERMODYNAMIC}
        if name in families:
            return [method.name for method in self.methods.values() if method.role is families[name]]
        if name in self.methods:
            return [name]
        workload, _, analog = self.loaded
        able = any(each.role is Role.THERMODYNAMIC for each in self.methods.values())
        if name == PLACED and able:
            if workload.kfac.analog_layers is not AnalogLayers.ALL:
                raise InputError.about(name, why_not_placed(workload))
            return [name]
        lacking = [each.needs for each in methods_of(workload) if each.name == name]
        if lacking:
            raise InputError.about(name, f"cannot run on {analog.name}: its card gives no {lacking[0]}")
        raise InputError.about(name, unknown("method", name, [*families, *self.methods, *([PLACED] if able else [])]))

    def sides(self, method: str, against: str, option: str) -> tuple[list[str], list[str]]:
        """Names of the methods on two sides that are compared.

        Args:
            method: One side, a method or a family.
            against: The other.
            option: What named the other on the command line.

        Raises:
            InputError: Unknown methods, all of them; or both sides are the same.
        """
        ours, theirs = all_at_once(lambda: self.members(method), lambda: self.members(against))
        if set(ours) == set(theirs):
            raise InputError.about(option, f"{against} is what it would be compared with; give another method")
        return ours, theirs

    def input(self, name: str, low: float = 0.0, high: float = 0.0) -> Input:
        """An input by its name.

        Raises:
            InputError: No such input, or the model or its cards cannot have it.
        """
        workload = self.loaded[0]
        sizes = {
            "model.batch_size": float(workload.batch_size),
            "model.devices": float(workload.devices),
            "model.kfac.refresh_interval": float(workload.kfac.refresh_interval),
            "model.kfac.factor_interval": float(workload.kfac.factor_interval),
        }
        found = find_input(name, self.found, sizes, low, high)
        if found.path == "model.devices":
            found = replace(found, high=min(found.high, float(workload.batch_size)))
        if found.path not in self.found and found.path not in sizes:
            found = replace(found, multiple=self._multiple(found))
        for end in (low, high) if found.structural else ():
            if end:
                self._try(found, end)
        return found

    def _try(self, wanted: Input, end: float) -> None:
        """Read the model at an end of a range that was asked for.

        Raises:
            InputError: It cannot have that value.
        """
        try:
            self.load([wanted.setting(end)])
        except InputError as error:
            message = f"cannot be looked at as far as {end:g}: {error.faults[0].message}"
            raise InputError.about(wanted.name, message) from None

    def _multiple(self, wanted: Input) -> int:
        """Of what number its values have to be multiples: the width of a transformer of its heads."""
        of_family = wanted.path.startswith("model.parameters.")
        for multiple in _MULTIPLES if of_family else (1,):
            try:
                self.load([wanted.setting(7.0 * multiple if of_family else wanted.high)])
                return multiple
            except InputError as error:
                if not of_family:
                    raise
                fault = error.faults[0].message
        what, name = wanted.path.rpartition(".")[2], self.loaded[0].name
        why = "its layers state their own sizes" if "family" in fault else fault
        raise InputError.about(wanted.name, f"model {name} has no {what}: {why}")

    def times(
        self,
        columns: Mapping[Input, Draws],
        methods: Collection[str],
        *,
        draws: int | None = None,
        phases: bool = False,
    ) -> PointCosts:
        """Seconds of methods at points; the model is read again for each value of what changes it as a whole.

        Layers are placed anew at each point.

        Args:
            columns: Values by input, all of one length.
            methods: Names of methods.
            draws: Draws of each point, shape (points, draws); 0 for values alone, shape (points,); as the case without.
            phases: Whether seconds of the phases are wanted, too.
        """
        count = self.draws if draws is None else draws
        structural = [each for each in columns if each.structural]
        numeric = {each: values for each, values in columns.items() if each not in structural}
        if not structural:
            return self._of(tuple(methods), (), numeric, count, phases)
        table = np.stack([np.round(columns[each]) for each in structural], axis=1)
        rows, index = np.unique(table, axis=0, return_inverse=True)
        parts: list[tuple[np.ndarray[tuple[int], np.dtype[np.intp]], PointCosts]] = []
        for number, row in enumerate(rows):
            at = np.flatnonzero(index.reshape(-1) == number)
            settings = tuple(each.setting(float(value)) for each, value in zip(structural, row, strict=True))
            some = {each: values[at] for each, values in numeric.items()}
            part = self._of(tuple(methods), settings, some, count, phases)
            parts.append((at, part))
        return _joined(parts, len(table))

    def _of(
        self,
        methods: tuple[str, ...],
        settings: tuple[str, ...],
        numeric: Mapping[Input, Draws],
        draws: int,
        phases: bool,
    ) -> PointCosts:
        points = self._points_at(methods, settings, numeric, draws)
        return points.evaluate({each.path: values for each, values in numeric.items()}, phases=phases)

    def _points_at(
        self, methods: tuple[str, ...], settings: tuple[str, ...], numeric: Mapping[Input, Draws], draws: int
    ) -> Points:
        """The network that some settings make, kept for the next time."""
        new = tuple(each.setting(float(values[0])) for each, values in numeric.items() if self._is_new(each))
        key = (methods, settings, new, draws)
        if key not in self._points:
            placer = self._placer((*settings, *new))
            self._points[key] = Points(
                *placer.case, methods=methods, draws=draws, seed=self.seed, scenario=self.scenario, placer=placer
            )
        return self._points[key]

    def _placer(self, settings: tuple[str, ...]) -> Placer:
        """The network that some settings make, with the placements that were made of it, kept for the next time."""
        if settings not in self._placers:
            self._placers[settings] = Placer(*(self.load(settings) if settings else self.loaded), self.scenario)
        return self._placers[settings]

    def feasibility(self, at: Mapping[Input, float], methods: Collection[str], draws: int) -> dict[str, Feasibility]:
        """How accurate thermodynamic methods are at one point, by the rule of a projection with as many draws."""
        settings = tuple(each.setting(value) for each, value in at.items() if each.structural)
        numeric = {each: np.array([value]) for each, value in at.items() if not each.structural}
        points = self._points_at(tuple(methods), settings, numeric, draws)
        return points.feasibility({each.path: value for each, value in at.items() if not each.structural})

    def _is_new(self, wanted: Input) -> bool:
        """Whether neither the model nor a card states it so far."""
        return wanted.path not in self.found and not wanted.path.endswith("_interval")

    def project(self, settings: Sequence[str] = (), draws: int | None = None) -> Projection:
        """The projection with further settings, under the draws of the case."""
        count = max(1, self.draws if draws is None else draws)
        return project(*self.load(settings), draws=count, seed=self.seed, scenario=self.scenario)


def cheapest(costs: PointCosts, members: Sequence[str]) -> tuple[Draws, list[str]]:
    """Times of the cheapest of some methods at each point, by the median over draws, and which it is."""
    times = np.stack([costs.step[name] for name in members])
    middle = times if times.ndim == 2 else np.median(times, axis=2)
    best = np.argmin(middle, axis=0)
    return times[best, np.arange(times.shape[1])], [members[index] for index in best]


def _joined(parts: Sequence[tuple[np.ndarray[tuple[int], np.dtype[np.intp]], PointCosts]], count: int) -> PointCosts:
    """Points in the order that they were asked for."""

    def whole(pieces: Sequence[Draws]) -> Draws:
        found = np.empty((count, *pieces[0].shape[1:]))
        for (at, _), piece in zip(parts, pieces, strict=True):
            found[at] = piece
        return found

    first = parts[0][1]
    step = {name: whole([part.step[name] for _, part in parts]) for name in first.step}
    phases = {
        name: {phase: whole([part.phases[name][phase] for _, part in parts]) for phase in each}
        for name, each in first.phases.items()
    }
    return PointCosts(step, phases)
