"""model.yaml: the schema of a workload. docs/model-yaml.md shows it by example."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from costmodel.curvature.law import Target
from costmodel.curvature.measured import MeasuredCurvature, Stated
from costmodel.curvature.roles import LayerRole, NetworkKind
from costmodel.inputs.kinds.fields import Count, Size
from costmodel.inputs.schema import Name, QuantityEntry, Strict
from costmodel.machines.precision import Precision
from costmodel.quantities import units
from costmodel.quantities.names import unknown
from costmodel.workloads.workload import AnalogLayers, FactorProducts, Fisher, WeightSharing


class Number(QuantityEntry, of=units.one):
    """A plain number."""


class Seconds(QuantityEntry, of=units.second):
    """A time."""


class Damping(QuantityEntry, of="damping"):
    """Damping lambda."""


class MeanCurvature(QuantityEntry, of="mean_curvature"):
    """Product of the mean eigenvalues of a factor pair."""


class StableRank(QuantityEntry, of="stable_rank"):
    """Trace over largest eigenvalue of a factor."""


class ConditionNumber(QuantityEntry, of="condition_number"):
    """Condition number of a damped factor."""


class TopModeGap(QuantityEntry, of="top_mode_gap"):
    """Largest over second largest eigenvalue of a factor."""


class SamplingTolerance(QuantityEntry, of="sampling_tolerance"):
    """Error of the preconditioned gradient by sampling alone that training tolerates."""


class SettlingTolerance(QuantityEntry, of="settling_tolerance"):
    """Error by settling or iterating too briefly alone that training tolerates."""


class CouplingTolerance(QuantityEntry, of="coupling_tolerance"):
    """Error by rounded couplings alone that training tolerates."""


class ReadingTolerance(QuantityEntry, of="reading_tolerance"):
    """Error by rounded readings and right-hand sides alone that training tolerates."""


class MismatchTolerance(QuantityEntry, of="mismatch_tolerance"):
    """Error by mismatched components alone that training tolerates."""


class Drift(QuantityEntry, of="drift"):
    """How far an inverse moves between two refreshes, in what an array settles."""


class FactorDecay(QuantityEntry, of="factor_decay"):
    """Share of a factor's running average that an update keeps."""


class DiagonalPeak(QuantityEntry, of="diagonal_peak"):
    """Largest diagonal entry of a factor over the mean one."""


class SpectralDecay(QuantityEntry, of="spectral_decay"):
    """Exponent of a factor's spectrum."""


class Rank(QuantityEntry, of="rank"):
    """Columns of a randomised sketch."""


class BlockSize(QuantityEntry, of="block_size"):
    """Side of Shampoo's blocks."""


class Repeat(Strict):
    """Layers that occur several times; ``{i}`` in ``name`` counts from ``start``."""

    repeat: Annotated[int, Field(ge=1, le=100_000)]
    start: Annotated[int, Field(ge=0, le=10**9)] = 0
    name: Name
    layers: Annotated[list[Any], Field(min_length=1)]


class Training(Strict):
    """What first-order training takes, and what share of its steps K-FAC needs."""

    target: str
    adam_steps: Number
    kfac_step_ratio: Number


class CurvatureOf(Strict):
    """Curvature of a layer's two factors; what is left out follows from the law."""

    mean_curvature: MeanCurvature | None = None
    input_stable_rank: StableRank | None = None
    output_stable_rank: StableRank | None = None
    input_top_mode_gap: TopModeGap | None = None
    output_top_mode_gap: TopModeGap | None = None
    input_spectral_decay: SpectralDecay | None = None
    output_spectral_decay: SpectralDecay | None = None

    def stated(self) -> Stated:
        """The quantities that are given."""
        entries = {target: getattr(self, target.value) for target in Target}
        return {target: entry.quantity() for target, entry in entries.items() if entry is not None}


def _role(name: Any) -> LayerRole:
    if name not in list(LayerRole):
        raise ValueError(unknown("role", str(name), list(LayerRole)))
    return LayerRole(name)


Role = Annotated[LayerRole, BeforeValidator(_role)]


class CurvatureEntry(Strict):
    """Curvature of single layers and of roles, as ``curvature fit`` writes it."""

    roles: dict[Role, CurvatureOf] = Field(default_factory=dict)
    layers: dict[str, CurvatureOf] = Field(default_factory=dict)

    def measured(self) -> MeasuredCurvature:
        """The entry as the model uses it."""
        roles = {role: each.stated() for role, each in self.roles.items()}
        return MeasuredCurvature(roles, {name: each.stated() for name, each in self.layers.items()})


def _product_precision(name: Any) -> Any:
    too_few = {Precision.BFLOAT16: "8 bits are too few", Precision.FLOAT16: "6e-8 to 65504 is too short a range"}
    if name in too_few:
        raise ValueError(f"K-FAC's products run in float32 or tf32; {too_few[name]} for its factors")
    return name


class Placement(StrEnum):
    """Where the inverses of a layer lie, as KAISA calls it; between the two a share of the devices is given."""

    COMMUNICATION_OPTIMAL = "communication_optimal"  # on every device: no traffic on ordinary steps
    MEMORY_OPTIMAL = "memory_optimal"  # on one device, which sends its result to the others every step


def _gradient_workers(value: Any) -> Any:
    if isinstance(value, str):
        if value not in list(Placement):
            raise ValueError(unknown("placement", value, list(Placement)) + "; or a share of the devices")
        return Placement(value)
    return value


GradientWorkers = Annotated[Placement | Annotated[float, Field(gt=0, le=1)], BeforeValidator(_gradient_workers)]


def _analog_layers(value: Any) -> Any:
    if isinstance(value, str):
        if value not in list(AnalogLayers):
            raise ValueError(unknown("choice", value, list(AnalogLayers)) + "; or a list of layers by name")
        return AnalogLayers(value)
    if isinstance(value, list):
        if not all(isinstance(each, str) for each in value):
            raise ValueError("a list of layers holds their names")
        return tuple(value)
    return value


AnalogLayersEntry = Annotated[AnalogLayers | tuple[str, ...], BeforeValidator(_analog_layers)]


class KfacEntry(CurvatureOf):
    """Settings of K-FAC that bind every method alike; catalog/kfac.yaml says what holds for those left out."""

    weight_sharing: Annotated[WeightSharing, Field(strict=False)] | None = None
    factor_products: Annotated[FactorProducts, Field(strict=False)] | None = None
    precision: Annotated[Precision, Field(strict=False), BeforeValidator(_product_precision)] | None = None
    gradient_workers: GradientWorkers | None = None
    fisher: Annotated[Fisher, Field(strict=False)] | None = None
    factor_interval: Size | None = None
    refresh_interval: Size | None = None
    stale_steps: Annotated[int, Field(ge=0)] | None = None
    second_stream: bool | None = None
    shared_link: bool | None = None
    analog_layers: AnalogLayersEntry | None = None
    damping: Damping | None = None
    condition_number: ConditionNumber | None = None
    sampling_tolerance: SamplingTolerance | None = None
    settling_tolerance: SettlingTolerance | None = None
    coupling_tolerance: CouplingTolerance | None = None
    reading_tolerance: ReadingTolerance | None = None
    mismatch_tolerance: MismatchTolerance | None = None
    drift: Drift | None = None
    factor_decay: FactorDecay | None = None
    diagonal_peak: DiagonalPeak | None = None
    training_stage: Annotated[float, Field(ge=0, le=1)] | None = None
    curvature: CurvatureEntry | None = None
    rank: Rank | None = None
    block_size: BlockSize | None = None


class KfacFile(KfacEntry):
    """The file of K-FAC's defaults."""

    schema_: Literal[1] = Field(alias="schema")


class WorkloadFile(Strict):
    """The top of model.yaml: either ``layers`` or a ``family`` with ``parameters``."""

    schema_: Literal[1] = Field(alias="schema")
    name: Name
    title: str = ""
    source: str = ""
    batch_size: Size
    host_time: Seconds | None = None
    network: Annotated[NetworkKind, Field(strict=False)] = NetworkKind.OTHER
    loss_terms: Count = 1.0
    precision: Annotated[Precision, Field(strict=False)] = Precision.FLOAT32
    devices: Size = 1
    analog_per_device: bool = True
    training: Training | None = None
    kfac: KfacEntry = Field(default_factory=KfacEntry)  # made when asked for: a default builds its schema at import
    layers: Annotated[list[Any], Field(min_length=1)] | None = None
    family: str | None = None
    parameters: dict[str, Any] | None = None

    def conflicts(self) -> Iterator[str]:
        """No layers, or layers in two ways."""
        if (self.layers is None) == (self.family is None):
            yield "needs either 'layers' or 'family'"
        if self.family is None and self.parameters is not None:
            yield "'parameters' belong to a 'family'; layers state their own sizes"
