"""A network as K-FAC sees it: factored layers, what lies beside them, and the settings that bind all methods."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from costmodel.curvature.law import CurvatureLaw
from costmodel.curvature.measured import MeasuredCurvature
from costmodel.curvature.roles import LayerRole, NetworkKind
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.machines.precision import Precision
from costmodel.quantities.estimate import Quantity


@dataclass(frozen=True, slots=True, order=True)
class Shape:
    """The numbers a layer's cost depends on; layers of one shape are evaluated once."""

    input_dimension: int
    input_factor_dimension: int
    output_dimension: int
    pairs: int
    rows_per_example: float
    patches: bool = False
    input_gradient: bool = True


@dataclass(frozen=True, slots=True)
class Layer:
    """One factored weight matrix: z = W x with a Kronecker factor pair (A, G).

    Attributes:
        name: Unique in the workload.
        kind: What kind of layer the matrix belongs to, as written in model.yaml.
        input_dimension: d, columns of W without the bias.
        output_dimension: g, rows of W.
        bias: Whether A has a bias column more than d.
        pairs: Equal factor pairs, run as one batched call: the groups of a grouped convolution.
        positions: Rows one example sends through the matrix in one call, its weight-sharing positions.
        calls: How often a forward pass uses the matrix.
        patches: Rows are patches that have to be cut out of the input, as those of a convolution are.
        role: What it does in its network; None until :func:`with_roles` has seen the whole.
        input_gradient: Whether the gradient at its input is computed; a layer of the network's input needs none.
    """

    name: str
    kind: str
    input_dimension: int
    output_dimension: int
    bias: bool
    pairs: int = 1
    positions: float = 1.0
    calls: int = 1
    patches: bool = False
    role: LayerRole | None = None
    input_gradient: bool = True

    @property
    def input_factor_dimension(self) -> int:
        """Dimension a of A."""
        return self.input_dimension + int(self.bias)

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.input_factor_dimension * self.output_dimension * self.pairs

    def rows(self, batch_size: int) -> float:
        """Rows M of one step."""
        return batch_size * self.positions * self.calls

    @property
    def shape(self) -> Shape:
        """What the cost of the layer depends on."""
        return Shape(
            self.input_dimension,
            self.input_factor_dimension,
            self.output_dimension,
            self.pairs,
            self.positions * self.calls,
            self.patches,
            self.input_gradient,
        )


@dataclass(frozen=True, slots=True)
class Unfactored:
    """A part of the network no Kronecker factor covers.

    Attributes:
        name: Unique in the workload.
        kind: As written in model.yaml.
        parameters: Trainable parameters; 0 for attention products and tied projections.
        forward_flops_per_example: FLOPs of one forward pass that are worth counting.
        tensors: Parameter tensors.
        weighted: Whether one side of its products is a weight.
    """

    name: str
    kind: str
    parameters: int
    forward_flops_per_example: float = 0.0
    tensors: int = 1
    weighted: bool = False

    @property
    def input_gradients(self) -> int:
        """Products of a backward pass for each of a forward pass: both sides are activations, or one is a weight."""
        return 1 if self.weighted else 2


class WeightSharing(StrEnum):
    """How a layer that runs over several positions of an example enters its factors."""

    EXPAND = "expand"  # every position is a row: exact for independent positions, and dear
    REDUCE = "reduce"  # positions of an example are summed first: rows shrink to the batch


class FactorProducts(StrEnum):
    """How the symmetric product X^T X of a factor is computed."""

    FULL = "full"  # by a general product, twice the work that is needed
    SYMMETRIC = "symmetric"  # one triangle, by syrk, where the device is fast at it


class Fisher(StrEnum):
    """Which gradients the factors G are made of."""

    SAMPLED = "sampled"  # for targets drawn from the network: the Fisher, at the price of a backward pass of their own
    EMPIRICAL = "empirical"  # those of training itself: no pass more, and not the Fisher


_CONSTRUCTIONS = {
    (WeightSharing.EXPAND, FactorProducts.FULL): FactorConstruction.EXPAND,
    (WeightSharing.REDUCE, FactorProducts.FULL): FactorConstruction.REDUCE,
    (WeightSharing.EXPAND, FactorProducts.SYMMETRIC): FactorConstruction.EXPAND_SYMMETRIC,
    (WeightSharing.REDUCE, FactorProducts.SYMMETRIC): FactorConstruction.REDUCE_SYMMETRIC,
}


class AnalogLayers(StrEnum):
    """Which layers a thermodynamic method solves on its machine; the others are left to the digital device."""

    ALL = "all"  # every layer, whatever it costs
    CHEAPER = "cheaper"  # those that make a step shortest, accurate or not
    ACCURATE = "accurate"  # the same of those that the machine solves as accurately as training needs


@dataclass(frozen=True, slots=True)
class KfacSettings:
    """Iso parameters: the same for every method of a comparison.

    Attributes:
        weight_sharing: Of positions of one example.
        factor_products: Whether one triangle of a factor is computed, or both.
        precision: Of products with factors, inverses and statistics.
        gradient_workers: Share of the devices that hold a layer's inverses; None for one device.
        fisher: Whose gradients the factors are made of.
        factor_interval: Steps between factor updates.
        refresh_interval: Steps between inversions (or uploads).
        stale_steps: Steps between the start of a refresh and the first that uses it; 0 where training waits for it.
        second_stream: Whether digital work of a refresh runs beside training, too, without slowing it.
        shared_link: Whether the link to the analog machine also carries what devices send each other.
        analog_layers: Which layers thermodynamic methods solve on the machine; names where the model lists them.
        damping: lambda, for a loss that is a mean over its terms and factors of which every shared position is a row.
        sampling_tolerance: Relative error of the preconditioned gradient that training tolerates of sampling alone.
        settling_tolerance: The same of settling or iterating too briefly, which acts as more damping.
        coupling_tolerance: The same of rounded couplings.
        reading_tolerance: The same of rounded readings and right-hand sides.
        mismatch_tolerance: The same of components that do not match.
        drift: How far an inverse moves between two refreshes, in what an array settles; other intervals follow.
        factor_decay: Share of a factor's running average that an update keeps.
        diagonal_peak: psi, largest diagonal entry of a factor over the mean one.
        block_size: Side of Shampoo's blocks.
        curvature_law: What curvature is taken from where nothing is said of a layer.
        curvature: What the model says of single layers and of roles.
        training_stage: Share of the training run that is done; None for the mean over the run.
        mean_curvature: theta, (tr A / a)(tr G / g), of every layer for which nothing more is said.
        input_stable_rank: Trace over largest eigenvalue of A, in the same way; and so on.
        output_stable_rank: The same of G.
        input_top_mode_gap: Largest over second largest eigenvalue of A.
        output_top_mode_gap: The same of G.
        input_spectral_decay: Power with which A's eigenvalues fall from the second on.
        output_spectral_decay: The same of G.
        condition_number: Given outright for every factor, it replaces the value damping implies.
        rank: Given outright for every factor, it replaces the rank that the spectra imply.
    """

    weight_sharing: WeightSharing
    factor_products: FactorProducts
    precision: Precision
    gradient_workers: float | None
    fisher: Fisher
    factor_interval: int
    refresh_interval: int
    damping: Quantity
    sampling_tolerance: Quantity
    settling_tolerance: Quantity
    coupling_tolerance: Quantity
    reading_tolerance: Quantity
    mismatch_tolerance: Quantity
    drift: Quantity
    factor_decay: Quantity
    diagonal_peak: Quantity
    block_size: Quantity
    curvature_law: CurvatureLaw
    curvature: MeasuredCurvature = field(default_factory=MeasuredCurvature)
    training_stage: float | None = None
    mean_curvature: Quantity | None = None
    input_stable_rank: Quantity | None = None
    output_stable_rank: Quantity | None = None
    input_top_mode_gap: Quantity | None = None
    output_top_mode_gap: Quantity | None = None
    input_spectral_decay: Quantity | None = None
    output_spectral_decay: Quantity | None = None
    condition_number: Quantity | None = None
    rank: Quantity | None = None
    stale_steps: int = 0
    second_stream: bool = False
    shared_link: bool = True
    analog_layers: AnalogLayers | tuple[str, ...] = AnalogLayers.ALL

    @property
    def factor_construction(self) -> FactorConstruction:
        """How factors are built."""
        return _CONSTRUCTIONS[self.weight_sharing, self.factor_products]


@dataclass(frozen=True, slots=True)
class Training:
    """Steps to a target.

    Attributes:
        target: The metric and its value.
        adam_steps: Steps first-order training takes.
        kfac_step_ratio: K-FAC's steps over Adam's.
    """

    target: str
    adam_steps: Quantity
    kfac_step_ratio: Quantity


@dataclass(frozen=True, slots=True, repr=False)
class Workload:
    """A network with its batch, its training target and K-FAC's settings.

    Attributes:
        name: Catalog name or the name in the file.
        title: One line.
        source: Where the layers come from.
        batch_size: Examples in one step.
        layers: Factored layers.
        others: Parts that are not factored.
        kfac: Settings that bind all methods.
        training: Steps to the target, where known.
        host_time: Time a step cannot go below whatever the device does: input pipeline and launches.
        network: What kind of network it is.
        loss_terms: Terms of the loss that one example has: its tokens where each has a target, otherwise 1.
        precision: Of forward and backward passes.
        devices: Devices that share the batch, data parallel.
        analog_per_device: Whether each device has an analog machine of its own.
    """

    name: str
    title: str
    source: str
    batch_size: int
    layers: tuple[Layer, ...]
    others: tuple[Unfactored, ...]
    kfac: KfacSettings
    training: Training | None = None
    host_time: Quantity | None = None
    network: NetworkKind = NetworkKind.OTHER
    loss_terms: float = 1.0
    precision: Precision = Precision.FLOAT32
    devices: int = 1
    analog_per_device: bool = True

    def __repr__(self) -> str:
        """One line: what it is, how large, and its batch."""
        title = f"{self.title}, " if self.title else ""
        count = self.parameters
        parameters = f"{count / 1e6:.1f} M" if count >= 1e5 else str(count)
        return (
            f"Workload {self.name}: {title}{len(self.layers)} factored layers, {parameters} parameters, "
            f"batch {self.batch_size}"
        )

    @property
    def parameters(self) -> int:
        """All trainable parameters."""
        return sum(layer.parameters for layer in self.layers) + sum(other.parameters for other in self.others)

    @property
    def tensors(self) -> int:
        """Parameter tensors; groups of a convolution share one."""
        factored = sum(1 + layer.bias for layer in self.layers)
        return factored + sum(other.tensors for other in self.others if other.parameters)

    @property
    def other_forward_flops(self) -> float:
        """Forward FLOPs outside the factored layers, whole batch."""
        return self.batch_size * math.fsum(other.forward_flops_per_example for other in self.others)

    @property
    def other_input_gradient_flops(self) -> float:
        """FLOPs of gradients at inputs outside the factored layers, whole batch."""
        return self.batch_size * math.fsum(
            other.forward_flops_per_example * other.input_gradients for other in self.others
        )

    @property
    def device_batch(self) -> float:
        """Examples of one device in one step."""
        return self.batch_size / self.devices

    @property
    def gradient_worker_fraction(self) -> float:
        """Share of the devices that hold a layer's inverses."""
        return self.kfac.gradient_workers or 1 / self.devices

    @property
    def machines(self) -> int:
        """Analog machines."""
        return self.devices if self.analog_per_device else 1

    @property
    def idle_devices(self) -> int:
        """Devices that have no factor to invert."""
        return max(0, self.devices - 2 * sum(layer.pairs for layer in self.layers))

    @property
    def precisions(self) -> frozenset[Precision]:
        """Every precision that something of a step runs in."""
        return frozenset({Precision.FLOAT32, self.precision, self.kfac.precision})

    def shapes(self) -> tuple[tuple[Shape, int], ...]:
        """Each distinct shape with the number of layers that have it, in an order that no encoding changes."""
        return counted(layer.shape for layer in self.layers)


def left_to_adam(layer: Layer) -> Unfactored:
    """A layer that a first-order method trains: its forward products and parameters, without factors."""
    flops = 2.0 * layer.positions * layer.calls * layer.pairs * layer.input_dimension * layer.output_dimension
    return Unfactored(layer.name, layer.kind, layer.parameters, flops, tensors=1 + layer.bias, weighted=True)


def with_roles(layers: Sequence[Layer]) -> list[Layer]:
    """The layers of a network with a role each, where none is stated: by its place, then by what it is.

    The first layer takes the input and the last gives the output; what runs over patches is a convolution, and of the
    rest nothing is known.
    """
    found = []
    for index, layer in enumerate(layers):
        if layer.role is not None:
            role = layer.role
        elif index in {0, len(layers) - 1}:
            role = LayerRole.FIRST if index == 0 else LayerRole.HEAD
        else:
            role = LayerRole.CONVOLUTION if layer.patches else LayerRole.HIDDEN
        found.append(replace(layer, role=role))
    return found


def with_input_gradients(parts: Sequence[Layer | Unfactored]) -> list[Layer | Unfactored]:
    """The parts of a network, those that take its input without a gradient there.

    Those are the layers whose stated role is ``first``; and the first layer of all, where no role is stated of it and
    nothing trainable, such as an embedding, stands before it.
    """
    found: list[Layer | Unfactored] = []
    trainable = False
    for part in parts:
        if isinstance(part, Layer):
            takes_input = part.role is LayerRole.FIRST or (part.role is None and not trainable)
            found.append(replace(part, input_gradient=not takes_input))
        else:
            found.append(part)
        trainable = trainable or part.parameters > 0
    return found


def counted(shapes: Iterable[Shape]) -> tuple[tuple[Shape, int], ...]:
    """Distinct shapes, sorted, with their multiplicities."""
    counts: dict[Shape, int] = {}
    for shape in shapes:
        counts[shape] = counts.get(shape, 0) + 1
    return tuple(sorted(counts.items()))
