"""What one line of a timing file says: the point, the visit and the machine."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Final

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class Environment:
    """The machine and software a file's timings were taken on. Timings of two environments are never mixed.

    Attributes:
        device: ``cpu`` or ``cuda``.
        name: Processor or GPU, as it calls itself.
        cores: Processors the run could use.
        torch: Version of PyTorch.
        blas: Library behind its linear algebra.
        driver: CUDA version, empty on a processor.
        clock_mhz: Clock as reported at the start, 0 where it is not reported; it is no part of the identity.
    """

    device: str
    name: str
    cores: int
    torch: str
    blas: str
    driver: str = ""
    clock_mhz: float = 0.0

    @property
    def identity(self) -> tuple[str, ...]:
        """What must agree for two timings to be compared."""
        return (self.device, self.name, str(self.cores), self.torch, self.blas, self.driver)


@dataclass(frozen=True, slots=True)
class Statistics:
    """One visit to a point: some calls in a row, after a warm-up.

    Attributes:
        calls: Samples taken.
        min_s: Shortest, in seconds a call.
        q1_s: First quartile.
        median_s: Median.
        q3_s: Third quartile.
        cpu_share: CPU time of the process over wall time and threads; below 1 something else had the processor.
        cpu_s: First quartile of CPU time a call, where one thread does all the work; 0 elsewhere. It is what the call
            would have taken on a processor of its own.
        reference_s: Shortest time of the reference product just before and after, CPU time where that is kept.
    """

    calls: int
    min_s: float
    q1_s: float
    median_s: float
    q3_s: float
    cpu_share: float
    cpu_s: float
    reference_s: float


@dataclass(frozen=True, slots=True)
class Point:
    """What is timed: an operation on a size, or a phase of a model's K-FAC step.

    Attributes:
        op: Operation, or phase where ``model`` is given.
        dtype: ``float32`` or ``float64``.
        threads: Threads the library was allowed.
        n: Order or columns; 0 for a phase.
        m: Rows.
        batch: Matrices in one call.
        model: Network of a phase, empty for an operation.
    """

    op: str
    dtype: str
    threads: int
    n: int = 0
    m: int = 0
    batch: int = 1
    model: str = ""


@dataclass(frozen=True, slots=True)
class Timing:
    """One visit to one point in one round."""

    point: Point
    round: int
    statistics: Statistics

    def as_dict(self) -> dict[str, Any]:
        """The line of the file."""
        return {"kind": "timing", **asdict(self.point), "round": self.round, **asdict(self.statistics)}


@dataclass(frozen=True, slots=True)
class LayerSizes:
    """A factored layer of a timed network: kind, rows M, input dimension d, factor dimension a, output dimension g."""

    kind: str
    rows: int
    d: int
    a: int
    g: int
    input_elements: int


@dataclass(frozen=True, slots=True)
class ModelSizes:
    """A timed network, counted while it ran.

    Attributes:
        model: Its name.
        layers: Factored layers in the order they run.
        attention_flops: Forward FLOPs of attention products.
        activations: Elements of the outputs of every module without weights that is not a product.
        parameters: Trainable parameters.
        tensors: Parameter tensors.
    """

    model: str
    layers: tuple[LayerSizes, ...]
    attention_flops: float
    activations: float
    parameters: int
    tensors: int

    def as_dict(self) -> dict[str, Any]:
        """The line of the file."""
        return {"kind": "model", **asdict(self)}


def names(record: type) -> list[str]:
    """Field names of a record."""
    return [each.name for each in fields(record)]
