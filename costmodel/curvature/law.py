"""The curvature of a layer that nobody has measured, from what it does in its network.

Seven numbers describe a layer's two Kronecker factors before damping: the mean eigenvalue of A (x) G, and of each
factor the stable rank, the gap between its first two eigenvalues and the power with which the further ones fall. The
logarithm of each is a sum of effects, fitted to measured networks (docs/curvature.md):

    stage of training + width + pooling + what the role adds (by stage, width and depth) + what the kind of network adds

and varies about it from network to network, from role to role within a network, and from layer to layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

from costmodel.curvature.roles import LayerRole, NetworkKind
from costmodel.quantities.estimate import Draws

#: Shares of a training run at which the law states its effects; it is linear in between.
STAGES: Final = (0.0, 0.02, 0.12, 0.33, 1.0)
#: Up to this share of a run layers vary more: learning rates warm up, and attention has not found what to attend to.
EARLY: Final = 0.05
#: Width at which the law states its effects.
WIDTH: Final = 256
#: Depth up to which the entrance of a network shows, as a share of it.
ENTRANCE: Final = 0.25


class Target(StrEnum):
    """What a law predicts of a layer."""

    MEAN_CURVATURE = "mean_curvature"  # (tr A / a)(tr G / g), per-example loss, every shared position a row
    INPUT_STABLE_RANK = "input_stable_rank"  # tr A over its largest eigenvalue
    OUTPUT_STABLE_RANK = "output_stable_rank"  # the same of G
    INPUT_TOP_MODE_GAP = "input_top_mode_gap"  # largest over second largest eigenvalue of A
    OUTPUT_TOP_MODE_GAP = "output_top_mode_gap"
    INPUT_SPECTRAL_DECAY = "input_spectral_decay"  # the i-th eigenvalue of A falls as i^-s from the second on
    OUTPUT_SPECTRAL_DECAY = "output_spectral_decay"


#: The smallest value of each; a law's normal deviates do not know it.
FLOOR: Final[Mapping[Target, float]] = {
    Target.MEAN_CURVATURE: 0.0,
    Target.INPUT_STABLE_RANK: 1.0,
    Target.OUTPUT_STABLE_RANK: 1.0,
    Target.INPUT_TOP_MODE_GAP: 1.0,
    Target.OUTPUT_TOP_MODE_GAP: 1.0,
    Target.INPUT_SPECTRAL_DECAY: 0.1,
    Target.OUTPUT_SPECTRAL_DECAY: 0.1,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a layer stands, as far as its curvature depends on it.

    Attributes:
        role: What it does.
        network: The kind of network it is part of.
        width: Of the network there: outputs of a first layer, inputs of a head, the smaller side of any other.
        sharing: Rows of it whose mean one term of the loss sees; 1 where the network does not pool.
        depth: Its position among the layers of its role, 0 for the first and 1 for the last; 0.5 for the only one.
        stage: Share of the training run that is done, 0 to 1.
    """

    role: LayerRole
    network: NetworkKind
    width: float
    sharing: float
    depth: float
    stage: float


def place_width(role: LayerRole, input_dimension: int, output_dimension: int) -> int:
    """Width of the network at a layer.

    >>> place_width(LayerRole.MLP_OUT, 1536, 384), place_width(LayerRole.HEAD, 384, 1000)
    (384, 384)
    """
    if role is LayerRole.FIRST:
        return output_dimension
    return input_dimension if role is LayerRole.HEAD else min(input_dimension, output_dimension)


def pooled_rows(network: NetworkKind, rows: float) -> float:
    """Rows whose mean one term of the loss sees, of the rows that it sends through a layer.

    Through a mean over T positions each gets 1 / T of the gradient, so that the sum of g g^T over all of them is 1 / T
    of that of one position with a loss of its own, as long as they are not alike. Positions of a convolutional network
    merge on the way, so that theirs are not counted.

    >>> pooled_rows(NetworkKind.VISION_TRANSFORMER, 196), pooled_rows(NetworkKind.LANGUAGE_MODEL, 196)
    (196, 1.0)
    """
    return max(rows, 1.0) if network.pools_positions else 1.0


def depths(roles: Sequence[LayerRole]) -> list[float]:
    """Depth of each layer of a network, given the roles of all in order.

    >>> depths([LayerRole.FIRST, LayerRole.HIDDEN, LayerRole.HIDDEN, LayerRole.HIDDEN, LayerRole.HEAD])
    [0.5, 0.0, 0.5, 1.0, 0.5]
    """
    count = {role: roles.count(role) for role in set(roles)}
    seen = dict.fromkeys(count, 0)
    found = []
    for role in roles:
        found.append(seen[role] / (count[role] - 1) if count[role] > 1 else 0.5)
        seen[role] += 1
    return found


@dataclass(frozen=True, slots=True)
class RoleEffect:
    """What a role adds to the logarithm of a target.

    Attributes:
        stages: At each of :data:`STAGES`.
        width: For each factor e of width.
        entrance: In the very first layer of the role, falling to nothing at :data:`ENTRANCE`.
        depth: From the first layer of the role to the last.
    """

    stages: tuple[float, ...] = (0.0,) * len(STAGES)
    width: float = 0.0
    entrance: float = 0.0
    depth: float = 0.0


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard deviations about the law, of logarithms.

    Attributes:
        network: Common to all layers of a network at all times.
        stage: Common to all layers of a network at one stage of its training.
        role: Common to the layers of one role in a network.
        layer: Of a layer by itself.
        early: The last, up to :data:`EARLY` of a run.
    """

    network: float
    stage: float
    role: float
    layer: float
    early: float

    def total(self, stage: float) -> float:
        """Standard deviation of one layer of a network."""
        return float(np.sqrt(self.network**2 + self.stage**2 + self.role**2 + self.of_layer(stage) ** 2))

    def of_layer(self, stage: float) -> float:
        """Standard deviation of a layer by itself."""
        return self.early if stage < EARLY else self.layer


@dataclass(frozen=True, slots=True)
class TargetLaw:
    """The law of one target.

    Attributes:
        stages: Common to all layers, at each of :data:`STAGES`.
        width: For each factor e of width, common to all.
        sharing: For each factor e of rows whose mean the loss sees: -1 of mean curvature, by derivation.
        roles: What roles add; one that was not measured adds nothing.
        networks: What kinds of networks add, at each of :data:`STAGES`; one that was not measured adds nothing.
        spread: About the law, in a network of a measured kind.
        spread_elsewhere: In a network of another kind.
    """

    stages: tuple[float, ...]
    width: float
    sharing: float
    roles: Mapping[LayerRole, RoleEffect]
    networks: Mapping[NetworkKind, tuple[float, ...]]
    spread: Spread
    spread_elsewhere: Spread

    def logarithm(self, places: Sequence[Place]) -> Draws:
        """Mean logarithm of the target at some places, shape (places,)."""
        return np.array([self._at(place) for place in places])

    def _at(self, place: Place) -> float:
        role = self.roles.get(place.role, RoleEffect())
        network = self.networks.get(place.network, (0.0,) * len(STAGES))
        stages = np.add(np.add(self.stages, role.stages), network)
        width = float(np.log(place.width / WIDTH))
        entrance = max(0.0, 1.0 - place.depth / ENTRANCE)
        return float(
            np.interp(place.stage, STAGES, stages)
            + (self.width + role.width) * width
            + self.sharing * np.log(place.sharing)
            + role.entrance * entrance
            + role.depth * (place.depth - 0.5)
        )

    def spread_in(self, network: NetworkKind) -> Spread:
        """About the law, in a network of some kind."""
        return self.spread if network in self.networks else self.spread_elsewhere


@dataclass(frozen=True, slots=True, repr=False)
class CurvatureLaw:
    """The laws of all targets.

    Attributes:
        source: What they were fitted to, and by what.
        widths: Smallest and largest width of a measured network.
        targets: Each law.
    """

    source: str
    widths: tuple[float, float]
    targets: Mapping[Target, TargetLaw] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"CurvatureLaw({self.source})"
