"""What a curvature file says of its networks: by layer, by role, over training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from costmodel.curvature.roles import LayerRole
from costmodel.inputs.curvature_file import LayerCurvature, Side, layers_of, read_curvature
from costmodel.inputs.faults import InputError
from costmodel.quantities.names import unknown


@dataclass(frozen=True, slots=True)
class MeasuredCurvature:
    """Layers of a file, in its order.

    Attributes:
        origin: The file, as the user named it.
        damping: Lambda at which condition numbers are taken.
        layers: Both factors of each layer and step.
        halves: Factors whose partner is not in the file.
    """

    origin: str
    damping: float
    layers: tuple[LayerCurvature, ...]
    halves: int

    @property
    def networks(self) -> tuple[str, ...]:
        """Names, in the order of the file."""
        return tuple(dict.fromkeys(layer.A.network for layer in self.layers))

    def at(self, network: str) -> dict[int, list[LayerCurvature]]:
        """Layers of a network by step, rising."""
        own = sorted((layer for layer in self.layers if layer.A.network == network), key=_step)
        return {step: list(layers) for step, layers in groupby(own, key=_step)}

    def last(self, network: str) -> list[LayerCurvature]:
        """Layers at the last step of a network."""
        return list(self.at(network).values())[-1]

    def condition_number(self, layer: LayerCurvature, side: Side) -> float:
        """Of one factor, damped."""
        return layer.condition_number(side, self.damping)


def curvature_of(file: str, damping: float, network: str = "") -> MeasuredCurvature:
    """Read a curvature file.

    Args:
        file: Its path.
        damping: Lambda.
        network: Only this one; all without a name.

    Raises:
        InputError: It cannot be read, has no layer of which both factors are known, or no such network.
    """
    if not 0 < damping < math.inf:
        raise InputError.about("--damping", f"{damping:g} is not above 0")
    records = read_curvature(Path(file))
    names = list(dict.fromkeys(record.network for record in records))
    if network and network not in names:
        raise InputError.about("--network", unknown("network", network, names))
    records = [record for record in records if network in {"", record.network}]
    layers = layers_of(records)
    if not layers:
        raise InputError.about(file, "holds no layer of which both factors are known")
    return MeasuredCurvature(file, damping, tuple(layers), len(records) - 2 * len(layers))


def by_role(layers: Iterable[LayerCurvature]) -> dict[LayerRole, list[LayerCurvature]]:
    """Layers by role, in the order of the roles."""
    known = list(layers)
    groups = {role: [layer for layer in known if layer.A.role is role] for role in LayerRole}
    return {role: group for role, group in groups.items() if group}


def geometric_mean(layers: Iterable[LayerCurvature], value: Callable[[LayerCurvature], float]) -> float:
    """Of a positive value over layers; 0 where it is 0 for one of them."""
    values = [value(layer) for layer in layers]
    return math.exp(sum(map(math.log, values)) / len(values)) if min(values) > 0 else 0.0


def _step(layer: LayerCurvature) -> int:
    return layer.A.step
