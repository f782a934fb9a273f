"""Curvature of a network's layers, drawn: some layers of every shape, each at a stage of training.

Layers of one shape have one size and many curvatures. What depends on curvature is evaluated for a few layers that
stand for the others, spread over roles, depth and the training run, and averaged with their weights; what depends on
sizes alone is evaluated once for the shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from costmodel.curvature.law import FLOOR, Place, Target, depths, place_width, pooling
from costmodel.curvature.roles import LayerRole
from costmodel.formulas.code import add
from costmodel.projection.curvature import LAW, STATED, role_of, targets
from costmodel.projection.draws import Sample
from costmodel.quantities.estimate import Draws, Quantity
from costmodel.quantities.slopes import Slope
from costmodel.workloads.workload import Layer, Shape, Workload

#: Layers that stand for all of one shape and role.
_MOST: Final = 3
#: Shares of a training run that stand for all of it: the middles of its thirds.
_THIRDS: Final = (1 / 6, 1 / 2, 5 / 6)
#: Stands for the gap of a factor with one mode.
_NO_SECOND_MODE: Final = 1e12

SIDES: Final[Mapping[str, tuple[Target, Target]]] = {
    "theta": (Target.MEAN_CURVATURE, Target.MEAN_CURVATURE),
    "s_r": (Target.INPUT_STABLE_RANK, Target.OUTPUT_STABLE_RANK),
    "eta": (Target.INPUT_TOP_MODE_GAP, Target.OUTPUT_TOP_MODE_GAP),
    "s_d": (Target.INPUT_SPECTRAL_DECAY, Target.OUTPUT_SPECTRAL_DECAY),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A layer, or one of its stages of training, that stands for others of its shape.

    Attributes:
        unit: Position of the shape.
        weight: Share of the layers of the shape it stands for; those of a shape add up to 1.
        layer: The layer.
        place: Where it stands for the law.
        kind: Position of the kind of layers it belongs to, see :func:`kinds`.
    """

    unit: int
    weight: float
    layer: Layer
    place: Place
    kind: int


@dataclass(frozen=True, slots=True)
class Curvature:
    """Draws of what curvature decides, for the layers that stand for all.

    Attributes:
        unit: Position of the shape of each, shape (standing,).
        weight: Weight of each, shape (standing,).
        values: By letter, factors A above factors G, shape (2 x standing, draws).
        kind: Position of the kind of layers of each, shape (standing,); empty where nobody asks.
    """

    unit: np.ndarray[tuple[int], np.dtype[np.intp]]
    weight: Draws
    values: dict[str, Draws] = field(default_factory=dict)
    kind: np.ndarray[tuple[int], np.dtype[np.intp]] = field(default_factory=lambda: np.zeros(0, dtype=np.intp))

    @property
    def factor_unit(self) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Position of each factor's shape among the factors A, then G, of all shapes."""
        shapes = int(self.unit.max()) + 1
        return np.concatenate([self.unit, self.unit + shapes])

    def spread(self, by_shape: Draws) -> Draws:
        """Values of the factors of all shapes for the factors that stand for them."""
        return by_shape if len(by_shape) == 1 else by_shape[self.factor_unit]

    def mean(self, values: Draws) -> Draws:
        """Weighted means over the factors that stand for each shape, shape (2 x shapes, draws)."""
        if len(values) == 1:
            return values
        if isinstance(values, Slope):
            return values.linear(self.mean)
        starts = np.flatnonzero(np.diff(self.factor_unit, prepend=-1)).tolist()
        weights = np.tile(self.weight, 2).tolist()
        means = np.empty((len(starts), values.shape[1]))
        # Row by row, which stays in a processor's cache: a sixth of the time that np.add.reduceat takes of all at once.
        for mean, start, end in zip(means, starts, [*starts[1:], len(weights)], strict=True):
            first, *rest = (row for row in range(start, end) if weights[row])
            np.multiply(values[first], weights[first], out=mean)
            if rest:
                mean += add(values[row] * weights[row] for row in rest)
        return means


@dataclass(frozen=True, slots=True)
class Kind:
    """Layers that nothing known before a run tells apart.

    Attributes:
        unit: Position of their shape.
        layers: Their names.
    """

    unit: int
    layers: tuple[str, ...]


def kinds(workload: Workload, shapes: tuple[Shape, ...]) -> list[Kind]:
    """Kinds of layers: those of one shape and role, each layer by itself where the model states curvature by layer."""
    found = []
    for (unit, _, _), members in _groups(workload, shapes):
        names = tuple(layer.name for layer, _ in members)
        found += [Kind(unit, each) for each in (((name,) for name in names) if _by_layer(workload) else (names,))]
    return found


def _by_layer(workload: Workload) -> bool:
    """Whether the model states curvature of single layers, so that every layer stands for itself."""
    return bool(workload.kfac.curvature.layers)


Group = tuple[tuple[int, LayerRole, bool], list[tuple[Layer, float]]]


def _groups(workload: Workload, shapes: tuple[Shape, ...]) -> list[Group]:
    """Layers with their depths by shape and role, those apart that the model says are not for the machine."""
    order = {shape: index for index, shape in enumerate(shapes)}
    named = workload.kfac.analog_layers
    groups: dict[tuple[int, LayerRole, bool], list[tuple[Layer, float]]] = {}
    for layer, depth in zip(workload.layers, depths([role_of(each) for each in workload.layers]), strict=True):
        apart = isinstance(named, tuple) and layer.name not in named
        groups.setdefault((order[layer.shape], role_of(layer), apart), []).append((layer, depth))
    return sorted(groups.items())


def standings(workload: Workload, shapes: tuple[Shape, ...]) -> list[Standing]:
    """The layers that stand for all others, shape by shape."""
    groups = _groups(workload, shapes)
    counts = [0] * len(shapes)
    for (unit, _, _), members in groups:
        counts[unit] += len(members)
    found: list[Standing] = []
    kind = 0
    for turn, ((unit, _, _), members) in enumerate(groups):
        chosen = _chosen(members, all_of_them=_by_layer(workload))
        pairs = _with_stages(chosen, workload.kfac.training_stage, turn)
        weight = len(members) / counts[unit] / len(pairs)
        names = [layer.name for layer, _ in chosen] if _by_layer(workload) else []
        for (layer, depth), stage in pairs:
            own = kind + (names.index(layer.name) if names else 0)
            found.append(Standing(unit, weight, layer, _place(workload, layer, depth, stage), own))
        kind += len(names) or 1
    return found


def _chosen(members: list[tuple[Layer, float]], *, all_of_them: bool) -> list[tuple[Layer, float]]:
    """Layers in the middle of equal parts of all."""
    count = len(members) if all_of_them else min(_MOST, len(members))
    return [members[int((index + 0.5) * len(members) / count)] for index in range(count)]


def _with_stages(
    chosen: list[tuple[Layer, float]], stage: float | None, turn: int
) -> list[tuple[tuple[Layer, float], float]]:
    """Each layer at one stage or at every third of the run; three layers take a third each.

    Thirds are dealt to depths in another order for each role, so that not every role ends with its last layer.
    """
    if stage is not None:
        return [(each, stage) for each in chosen]
    if len(chosen) == len(_THIRDS):
        return [(each, _THIRDS[(index + turn) % len(_THIRDS)]) for index, each in enumerate(chosen)]
    return [(each, third) for each in chosen for third in _THIRDS]


def _place(workload: Workload, layer: Layer, depth: float, stage: float) -> Place:
    role = role_of(layer)
    width = place_width(role, layer.input_dimension, layer.output_dimension)
    rows = layer.positions * layer.calls / workload.loss_terms
    return Place(role, workload.network, float(width), pooling(workload.network, rows), depth, stage)


def curvature(workload: Workload, shapes: tuple[Shape, ...], sample: Sample) -> Curvature:
    """Draw theta, stable ranks, gaps and decays of the layers that stand for all."""
    standing = standings(workload, shapes)
    found = Curvature(
        np.array([each.unit for each in standing], dtype=np.intp),
        np.array([each.weight for each in standing]),
        kind=np.array([each.kind for each in standing], dtype=np.intp),
    )
    sizes = np.array(
        [[each.layer.input_factor_dimension for each in standing], [each.layer.output_dimension for each in standing]],
        dtype=float,
    ).reshape(-1, 1)
    wanted = targets(workload)
    for letter, (of_input, of_output) in SIDES.items():
        if of_input in wanted:
            both = [_drawn(workload, standing, target, sample) for target in (of_input, of_output)]
            found.values[letter] = np.concatenate(np.broadcast_arrays(*both))
    found.values["s_r"] = np.minimum(found.values["s_r"], sizes)
    # What is not in the top mode bounds the second.
    with np.errstate(divide="ignore"):
        bound = np.minimum(1 / (found.values["s_r"] - 1), _NO_SECOND_MODE)
    found.values["eta"] = np.maximum(found.values["eta"], bound)
    return found


def _drawn(workload: Workload, standing: list[Standing], target: Target, sample: Sample) -> Draws:
    """Draws of a target for some layers, shape (standing, draws): stated for the layer, its role or all, or by law."""
    for_all = getattr(workload.kfac, target.value)
    by_law = _by_law(workload, standing, target, sample) if f"{LAW}.{target}" in sample.found else None
    rows = []
    for index, each in enumerate(standing):
        stated = workload.kfac.curvature.of(each.layer.name, role_of(each.layer), target)
        if stated is not None:
            path, quantity = stated
            rows.append(_stated(f"{STATED}.{path}", quantity, each.layer, sample))
        elif for_all is not None:
            rows.append(sample.drawn[f"model.kfac.{target}"])
        else:
            assert by_law is not None  # curvature_quantities sees to it
            rows.append(by_law[index])
    return np.asanyarray(np.maximum(np.stack(np.broadcast_arrays(*rows)), FLOOR[target]))


def _stated(path: str, quantity: Quantity, layer: Layer, sample: Sample) -> Draws:
    """Draws of what a model says of a layer: its own number as a scenario has it, or that of its role, which varies."""
    if path.startswith(f"{STATED}.layers."):
        return sample.drawn[path]
    return quantity.at(sample.standard_normal(f"{path}.{layer.name}"))


def _by_law(workload: Workload, standing: list[Standing], target: Target, sample: Sample) -> Draws:
    law = workload.kfac.curvature_law.targets[target]
    spread = law.spread_in(workload.network)
    mean = law.logarithm([each.place for each in standing])[:, None]
    name = f"{LAW}.{target}"
    stage = np.stack([sample.standard_normal(f"{name}.stage.{each.place.stage:.3f}") for each in standing])
    role = np.stack([sample.standard_normal(f"{name}.role.{each.place.role}") for each in standing])
    layer = np.stack([sample.standard_normal(f"{name}.layer.{each.layer.name}") for each in standing])
    own = np.array([spread.of_layer(each.place.stage) for each in standing])[:, None]
    return np.asanyarray(sample.drawn[name] * np.exp(mean + spread.stage * stage + spread.role * role + own * layer))
