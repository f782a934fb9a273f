"""Methods of a network with their layers placed at points: at each by what is known there before a run.

A point is a run on hardware of its own. Whoever asks what a faster machine would change means a run that is planned for
that machine, so that layers are placed anew at every value, as a projection with that setting places them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

import numpy as np

from costmodel.defaults import Scenario
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.methods import Method, Role
from costmodel.projection.methods import methods_of
from costmodel.projection.placing import DRAWS, PLACED, placed_at, placements
from costmodel.projection.point_draws import PointDraws
from costmodel.quantities.names import unknown
from costmodel.workloads.workload import AnalogLayers, Workload

Point = tuple[tuple[str, float], ...]


class Placer:
    """Placements of one network on its hardware, each made once.

    Args:
        workload: The network.
        digital: The digital device.
        analog: The thermodynamic machine.
        scenario: How ranges of the machine are used.

    Attributes:
        case: The network and its hardware.
    """

    def __init__(
        self,
        workload: Workload,
        digital: DigitalCard,
        analog: AnalogCard,
        scenario: Scenario = Scenario.NOMINAL,
    ) -> None:
        self.case = (workload, digital, analog)
        self._scenario = scenario
        self._all = workload.kfac.analog_layers is AnalogLayers.ALL
        self._methods = {method.name: method for method in methods_of(workload)}
        self._placed: dict[tuple[str, Point], Method] = {}

    @cached_property
    def _draws(self) -> PointDraws:
        """What placements are decided by."""
        return PointDraws(*self.case, DRAWS, 0, self._scenario)

    def known(self, names: Collection[str]) -> tuple[str, ...]:
        """Names of methods that are wanted, all registered ones without any.

        Raises:
            ValueError: An unknown method, or :data:`PLACED` of a model that says how layers are placed.
        """
        for name in names:
            if name == PLACED and not self._all:
                raise ValueError(why_not_placed(self.case[0]))
            if name not in self._methods and name != PLACED:
                raise ValueError(unknown("method", name, [*self._methods, PLACED]))
        return tuple(names) or tuple(self._methods)

    def places(self, names: Collection[str]) -> bool:
        """Whether layers of any of some methods are placed by what is known at a point."""
        return any(map(self._is_placed, names))

    def _is_placed(self, name: str) -> bool:
        return name == PLACED or (not self._all and self._methods[name].role is Role.THERMODYNAMIC)

    def at(self, names: Sequence[str], point: Mapping[str, float]) -> list[Method]:
        """Methods with their layers placed by what is known at a point.

        Args:
            names: Of methods.
            point: Values of inputs by path in SI units, all others as the model and the cards have them.
        """
        key = tuple(sorted(point.items()))
        missing = [name for name in names if self._is_placed(name) and (name, key) not in self._placed]
        if missing:
            self._placed |= {(name, key): method for name, method in self._found(missing, point).items()}
        return [self._placed[name, key] if self._is_placed(name) else self._methods[name] for name in names]

    def _found(self, names: Collection[str], point: Mapping[str, float]) -> dict[str, Method]:
        sample = self._draws.sample({path: np.array([value]) for path, value in point.items()}, slice(0, 1), 1)
        if self._all:
            return {PLACED: placed_at(*self.case, sample).method}
        found = placements(*self.case, self._scenario, names, sample)
        # What the machine cannot run has no placement.
        return {name: found[name].method if name in found else self._methods[name] for name in names}

    def phases(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Names of the phases that methods may have at some point, by method."""
        digital = [method for method in self._methods.values() if method.role is Role.DIGITAL_KFAC]
        analog = [method for method in self._methods.values() if method.role is Role.THERMODYNAMIC]
        found = {}
        for name in names:
            own = analog if name == PLACED else [self._methods[name]]
            every = [*own, *digital] if self._is_placed(name) else own
            found[name] = tuple(dict.fromkeys(phase.name for method in every for phase in method.phases))
        return found


def why_not_placed(workload: Workload) -> str:
    """Why a model has no :data:`PLACED`."""
    asked = workload.kfac.analog_layers
    how = str(asked) if isinstance(asked, AnalogLayers) else "a list of layers"
    return f"'{PLACED}' is of a model with kfac.analog_layers 'all'; with {how} every thermo.* method is placed itself"
