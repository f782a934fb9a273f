"""model.yaml: the schema of a workload. docs/model-yaml.md shows it by example."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from costmodel.inputs.kinds.fields import Size
from costmodel.inputs.schema import Name, QuantityEntry, Strict
from costmodel.quantities import units
from costmodel.workloads.workload import FactorProducts, WeightSharing


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


class RelativeError(QuantityEntry, of="relative_error"):
    """Error allowed in an inverse or a solution."""


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


class KfacEntry(Strict):
    """Settings of K-FAC that bind every method alike; catalog/kfac.yaml says what holds for those left out."""

    weight_sharing: Annotated[WeightSharing, Field(strict=False)] | None = None
    factor_products: Annotated[FactorProducts, Field(strict=False)] | None = None
    factor_interval: Size | None = None
    refresh_interval: Size | None = None
    damping: Damping | None = None
    mean_curvature: MeanCurvature | None = None
    input_stable_rank: StableRank | None = None
    output_stable_rank: StableRank | None = None
    condition_number: ConditionNumber | None = None
    relative_error: RelativeError | None = None
    input_spectral_decay: SpectralDecay | None = None
    output_spectral_decay: SpectralDecay | None = None
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
    training: Training | None = None
    kfac: KfacEntry = KfacEntry()
    layers: Annotated[list[Any], Field(min_length=1)] | None = None
    family: str | None = None
    parameters: dict[str, Any] | None = None

    def conflicts(self) -> Iterator[str]:
        """No layers, or layers in two ways."""
        if (self.layers is None) == (self.family is None):
            yield "needs either 'layers' or 'family'"
        if self.family is None and self.parameters is not None:
            yield "'parameters' belong to a 'family'; layers state their own sizes"
