"""What a method keeps in the memory of one device, at least, and whether the device has as much."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from costmodel.formulas import Formula, kfac, network
from costmodel.machines.cards import DigitalCard
from costmodel.methods import Delivery, Kinds, Method, phases
from costmodel.methods.distribution import INVERSE_BROADCAST
from costmodel.projection.standing import kinds
from costmodel.projection.values import layer_values
from costmodel.quantities.estimate import Draws
from costmodel.workloads.workload import Workload

#: A float32 number: weights, gradients, moments, factors and inverses stay in it, whatever products run in.
_BYTES: Final = 4.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes on one device, at least.

    Attributes:
        parameters: Weights.
        gradients: Their gradients.
        state: Moments of the optimizer, factors, and the inverses that lie on the device.
        activations: Outputs of the factored layers, each kept once for the backward pass; what modules between them
            keep is not known.
        available: What the device has; None where its card does not say.
    """

    parameters: float
    gradients: float
    state: float
    activations: float
    available: float | None

    @property
    def total(self) -> float:
        """All of it."""
        return self.parameters + self.gradients + self.state + self.activations

    @property
    def fits(self) -> bool | None:
        """Whether the device has as much; None where its card does not say. True is no promise: this is the least."""
        return None if self.available is None else self.total <= self.available


def memory(method: Method, workload: Workload, digital: DigitalCard) -> Memory:
    """What a method keeps on each device that shares a workload."""
    return memories([method], workload, digital)[method.name]


def memories(methods: Iterable[Method], workload: Workload, digital: DigitalCard) -> dict[str, Memory]:
    """What each of some methods keeps on each device that shares a workload, by name."""
    layers = _Layers(workload)
    return {method.name: _memory(method, workload, digital, layers) for method in methods}


def _memory(method: Method, workload: Workload, digital: DigitalCard, layers: _Layers) -> Memory:
    weights = _BYTES * layers.parameters
    share = workload.precision.activation_bytes / _BYTES
    return Memory(
        parameters=weights,
        gradients=weights,
        state=_state(method, workload, layers),
        activations=share * layers.sum(network.outputs_bytes()),
        available=None if digital.memory is None else digital.memory.value,
    )


def _state(method: Method, workload: Workload, layers: _Layers) -> float:
    kept = method.memory or _usual(method)
    if kept is None:
        return 0.0
    if set(kept.letters) == {"N"}:
        return float(kept.evaluate(N=layers.parameters))
    # What has no factors has a momentum.
    others = _BYTES * sum(other.parameters for other in workload.others)
    if method.split is None:
        return _factored(method, workload, layers, None) + others
    how = method.split
    parts = ((how.analog, how.machine), (how.digital, how.left))
    return sum(_factored(each, workload, layers, kinds) for each, kinds in parts if kinds) + others


def _factored(method: Method, workload: Workload, layers: _Layers, on: Kinds) -> float:
    """State of the factored layers of some kinds."""
    kept = method.memory or _usual(method)
    if kept is None:
        return 0.0
    found = layers.sum(kept, on)
    if workload.kfac.stale_steps and method.delivers in {Delivery.INVERSE, Delivery.PRODUCTS}:
        # Inverses that come in while training uses those of the refresh before.
        found += workload.gradient_worker_fraction * _BYTES * layers.sum(kfac.factors.layer_elements(), on)
    if any(phase.part == INVERSE_BROADCAST for phase in method.phases):
        held = layers.sum(kfac.factors.layer_elements(), on)
        found -= (1.0 - workload.gradient_worker_fraction) * _BYTES * held
    return found


def _usual(method: Method) -> Formula | None:
    """Of a method that does not say: factors and momentum, and inverses where it has them."""
    if method.delivers in {Delivery.INVERSE, Delivery.PRODUCTS}:
        return kfac.cholesky.memory_bytes()
    built = any(phase.part == phases.FACTORS for phase in method.phases)
    return kfac.conjugate_gradients.memory_bytes() if built else None


class _Layers:
    """Sizes of a network's layers, and formulas of a layer added over all layers and their pairs, each once."""

    def __init__(self, workload: Workload) -> None:
        shapes, counts = zip(*workload.shapes(), strict=True)
        self._workload, self._shapes = workload, shapes
        self._values = layer_values(shapes, workload.device_batch)
        self._values["b"] = np.full((len(shapes), 1), workload.kfac.block_size.value)
        self._counts = np.array(counts)
        self.parameters = workload.parameters
        self._found: dict[tuple[Formula, Kinds], float] = {}

    def sum(self, formula: Formula, on: Kinds = None) -> float:
        """Over all layers, or over those of some kinds."""
        key = (formula, on)
        if key not in self._found:
            values = {letter: self._values[letter] for letter in formula.letters}
            each = formula.evaluate(**values) * self._values["pairs"]
            whole = np.broadcast_to(each, self._values["a"].shape)[:, 0] * self._count(on)
            self._found[key] = math.fsum(whole.tolist())
        return self._found[key]

    def _count(self, on: Kinds) -> Draws:
        """Layers of each shape."""
        if on is None:
            return self._counts
        counts = np.zeros(len(self._shapes))
        for position, kind in enumerate(kinds(self._workload, self._shapes)):
            counts[kind.unit] += len(kind.layers) * (position in on)
        return counts
