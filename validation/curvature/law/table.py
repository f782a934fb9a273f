"""Measured layers as the law sees them: where each stands, and the logarithms it is to predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from costmodel.curvature.law import FLOOR, Place, Target, depths, place_width, pooling
from costmodel.curvature.roles import LayerRole, NetworkKind
from costmodel.inputs.curvature_file import FactorRecord, LayerCurvature, layers_of
from costmodel.quantities.estimate import Draws

#: What curvature files call kinds of networks; any other kind is one that nobody has measured.
NETWORKS = {
    "mlp": NetworkKind.PERCEPTRON,
    "vit": NetworkKind.VISION_TRANSFORMER,
    "gpt": NetworkKind.LANGUAGE_MODEL,
    "gnn": NetworkKind.GRAPH_NETWORK,
    "resnet": NetworkKind.CONVOLUTIONAL,
} | {kind.value: kind for kind in NetworkKind}
#: Eigenvalues up to this rank say how fast a spectrum falls: damping hides most of what lies below.
_LAST_RANK = 16


@dataclass(frozen=True, slots=True)
class Table:
    """Layers of measured networks at measured steps.

    Attributes:
        layers: Both factors of each.
        places: Where each stands.
        logarithms: What is to be predicted, by target, shape (layers,); NaN where a factor does not say.
        networks: Name of the network of each.
    """

    layers: tuple[LayerCurvature, ...]
    places: tuple[Place, ...]
    logarithms: Mapping[Target, Draws]
    networks: tuple[str, ...]

    def of(self, keep: Sequence[bool]) -> Table:
        """Some of the layers."""
        kept = [index for index, each in enumerate(keep) if each]
        return Table(
            tuple(self.layers[index] for index in kept),
            tuple(self.places[index] for index in kept),
            {target: values[kept] for target, values in self.logarithms.items()},
            tuple(self.networks[index] for index in kept),
        )


def table(records: Sequence[FactorRecord]) -> Table:
    """Every layer and step of which both factors are known and positive."""
    layers = [each for each in layers_of(list(records)) if each.theta > 0]
    last = {each.A.network: 0 for each in layers}
    for each in layers:
        last[each.A.network] = max(last[each.A.network], each.A.step, each.A.last_step or 0)
    depth = _depths(layers)
    places = tuple(_place(each, depth[each.A.network, each.A.layer], last[each.A.network]) for each in layers)
    logarithms = {target: np.array([_logarithm(each, target) for each in layers]) for target in Target}
    return Table(tuple(layers), places, logarithms, tuple(each.A.network for each in layers))


def _place(layer: LayerCurvature, depth: float, last_step: int) -> Place:
    record = layer.A
    inputs = max(record.n - 1, 1)  # nearly all have a bias; one column does not matter
    network = NETWORKS.get(record.kind, NetworkKind.OTHER)
    return Place(
        role=record.role,
        network=network,
        width=place_width(record.role, inputs, layer.G.n),
        sharing=pooling(network, record.rows / record.terms),
        depth=depth,
        stage=record.step / last_step if last_step else 0.0,
    )


def _depths(layers: Sequence[LayerCurvature]) -> dict[tuple[str, str], float]:
    """Depth of every layer of every network, by name."""
    names: dict[str, dict[str, LayerRole]] = {}
    for each in sorted(layers, key=lambda layer: layer.A.position or 0):
        names.setdefault(each.A.network, {})[each.A.layer] = each.A.role
    return {
        (network, name): depth
        for network, roles in names.items()
        for name, depth in zip(roles, depths(list(roles.values())), strict=True)
    }


def _logarithm(layer: LayerCurvature, target: Target) -> float:
    match target:
        case Target.MEAN_CURVATURE:
            value = layer.theta
        case Target.INPUT_STABLE_RANK:
            value = layer.A.stable_rank
        case Target.OUTPUT_STABLE_RANK:
            value = layer.G.stable_rank
        case Target.INPUT_TOP_MODE_GAP:
            value = _gap(layer.A)
        case Target.OUTPUT_TOP_MODE_GAP:
            value = _gap(layer.G)
        case Target.INPUT_SPECTRAL_DECAY:
            value = decay(layer.A)
        case Target.OUTPUT_SPECTRAL_DECAY:
            value = decay(layer.G)
    return float(np.log(max(value, FLOOR[target]))) if np.isfinite(value) else np.nan


def _gap(factor: FactorRecord) -> float:
    values = dict(factor.eigenvalues)
    return values[1] / values[2] if values.get(2) else np.nan


def decay(factor: FactorRecord) -> float:
    """Power with which the eigenvalues of a factor fall from the second on; NaN where fewer than three are known."""
    known = [(rank, value) for rank, value in factor.eigenvalues if 2 <= rank <= min(_LAST_RANK, factor.n // 2)]
    known = [(rank, value) for rank, value in known if value > 0]
    if len(known) < 3:
        return np.nan
    ranks, values = np.array(known).T
    return float(-np.polyfit(np.log(ranks), np.log(values), 1)[0])
