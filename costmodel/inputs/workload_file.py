"""From a checked model.yaml to a :class:`Workload`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from costmodel.inputs import workload_schema as schema
from costmodel.inputs.faults import Fault
from costmodel.inputs.schema import QuantityEntry, report, unknown, validate
from costmodel.inputs.yaml_reader import Document, Path_
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import one
from costmodel.workloads import families
from costmodel.workloads.workload import KfacSettings, Layer, Training, Unfactored, Workload

#: Nested repeats multiply; beyond this they are a mistake, and would fill the memory.
MAXIMUM_LAYERS: Final = 200_000

_DECAY = "power law with as many modes in 99 % of the trace as factors of small networks on digits, early training"
_DIGITS = "K-FAC factors of small networks on real digits, early training, 5th to 95th percentile over layers"

#: What K-FAC settings are where a file leaves them out.
DEFAULTS: dict[str, Quantity] = {
    "damping": Quantity(1e-3, 1e-3, 1e-3, one, Status.SOURCED, "default of kfac-pytorch and of asdl's configurations"),
    "mean_curvature": Quantity(2e-4, 1e-6, 6e-2, one, Status.EXTRAPOLATED, _DIGITS),
    "input_stable_rank": Quantity(1.2, 1.02, 1.5, one, Status.EXTRAPOLATED, _DIGITS),
    "output_stable_rank": Quantity(3.8, 1.9, 6.0, one, Status.EXTRAPOLATED, _DIGITS),
    "relative_error": Quantity(
        0.1,
        0.06,
        0.3,
        one,
        Status.EXTRAPOLATED,
        "training of three small networks (validation/data/simulator): no steps lost with a preconditioned gradient "
        "wrong by 6 %, nor by 30 % on two of them",
    ),
    "input_spectral_decay": Quantity(2.9, 2.0, 4.5, one, Status.EXTRAPOLATED, _DECAY),
    "output_spectral_decay": Quantity(2.2, 1.8, 2.7, one, Status.EXTRAPOLATED, _DECAY),
    "block_size": Quantity(
        1024, 1024, 1024, one, Status.SOURCED, "Distributed Shampoo in the AlgoPerf competition; 8192 is recommended"
    ),
}


def workload_from(document: Document) -> Workload:
    """Check a document against the schema and build the workload.

    Raises:
        InputError: All faults at once, each with its place.
    """
    file, faults = validate(schema.WorkloadFile, document)
    parts = _Parts(document)
    data = document.data if isinstance(document.data, dict) else {}
    if isinstance(data.get("layers"), list):
        parts.add(data["layers"], ("layers",), "")
        if data["layers"] and not (parts.layers or parts.faults):
            parts.faults.append(document.fault(("layers",), "none of them is factored; K-FAC has nothing to do"))
    elif isinstance(data.get("family"), str):
        parts.add_family(data, data["family"])
    report(document, [*faults, *parts.faults])
    assert file is not None  # a missing file has faults
    return Workload(
        name=file.name,
        title=file.title,
        source=file.source,
        batch_size=file.batch_size,
        layers=tuple(parts.layers),
        others=tuple(parts.others),
        kfac=_kfac(file.kfac),
        training=_training(file.training),
        host_time=_quantity(file.host_time),
    )


def _quantity(entry: QuantityEntry | None) -> Quantity | None:
    return None if entry is None else entry.quantity()


def _kfac(entry: schema.KfacEntry) -> KfacSettings:
    quantities = {name: _quantity(getattr(entry, name)) or default for name, default in DEFAULTS.items()}
    return KfacSettings(
        weight_sharing=entry.weight_sharing,
        factor_products=entry.factor_products,
        factor_interval=entry.factor_interval,
        refresh_interval=entry.refresh_interval,
        condition_number=_quantity(entry.condition_number),
        rank=_quantity(entry.rank),
        **quantities,
    )


def _training(entry: schema.Training | None) -> Training | None:
    if entry is None:
        return None
    return Training(entry.target, entry.adam_steps.quantity(), entry.kfac_step_ratio.quantity())


@dataclass(slots=True)
class _Parts:
    """Layers and other parts as they are found, with what is wrong about them."""

    document: Document
    layers: list[Layer] = field(default_factory=list)
    others: list[Unfactored] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)

    def add(self, entries: list[Any], path: Path_, prefix: str) -> None:
        """Add a list of layers; ``prefix`` is what the repeats around it put before each name."""
        for index, entry in enumerate(entries):
            here = (*path, index)
            if isinstance(entry, dict) and "repeat" in entry:
                self._repeat(entry, here, prefix)
            else:
                self._layer(entry, here, prefix)

    def _repeat(self, data: dict[str, Any], path: Path_, prefix: str) -> None:
        repeat, faults = validate(schema.Repeat, self.document, path)
        self.faults.extend(faults)
        if repeat is None:
            return
        for index in range(repeat.start, repeat.start + repeat.repeat):
            faulty = len(self.faults)
            name = repeat.name.replace("{i}", str(index)) if "{i}" in repeat.name else f"{repeat.name}.{index}"
            self.add(data["layers"], (*path, "layers"), f"{prefix}{name}.")
            if len(self.faults) > faulty:
                return  # the other repeats have the same faults
            if len(self.layers) + len(self.others) > MAXIMUM_LAYERS:
                message = f"more than {MAXIMUM_LAYERS} layers once repeats are written out"
                self.faults.append(self.document.fault((*path, "repeat"), message))
                return

    def _layer(self, entry: Any, path: Path_, prefix: str) -> None:
        kind = str(entry.get("kind", "")) if isinstance(entry, dict) else "linear"  # what is no mapping fails there
        if kind not in schema.LAYER_KINDS:
            message = unknown("kind", kind, schema.LAYER_KINDS) if kind else "is missing"
            self.faults.append(self.document.fault((*path, "kind"), message))
            return
        checked, faults = validate(schema.LAYER_KINDS[kind], self.document, path)
        self.faults.extend(faults)
        if checked is None:
            return
        for part in _parts_of(checked, prefix):
            self._keep(part, path)

    def _keep(self, part: Layer | Unfactored, path: Path_) -> None:
        self.names[part.name] += 1
        if self.names[part.name] == 2:
            self.faults.append(self.document.fault((*path, "name"), f"layer name '{part.name}' is used twice"))
        if isinstance(part, Layer):
            self.layers.append(part)
        else:
            self.others.append(part)

    def add_family(self, data: dict[str, Any], family: str) -> None:
        """Add the layers of a parametric family."""
        if family not in schema.FAMILIES:
            self.faults.append(self.document.fault(("family",), unknown("family", family, schema.FAMILIES)))
            return
        if "parameters" in data:
            parameters, faults = validate(schema.FAMILIES[family], self.document, ("parameters",))
            self.faults.extend(faults)
        else:
            parameters = schema.FAMILIES[family]()
        if parameters is not None:
            layers, others = getattr(families, family)(**parameters.model_dump())
            self.layers.extend(layers)
            self.others.extend(others)


def _parts_of(entry: Any, prefix: str) -> Iterator[Layer | Unfactored]:
    """The factored matrices or unfactored parts one entry stands for."""
    name = prefix + entry.name
    match entry:
        case schema.Linear():
            yield Layer(name, entry.kind, entry.d_in, entry.d_out, entry.bias, 1, entry.positions, entry.calls)
        case schema.Convolution():
            yield _convolution(entry, name)
        case schema.Recurrent():
            yield from _recurrent(entry, name)
        case schema.Attention():
            yield Unfactored(name, entry.kind, 0, families.attention_flops(entry.width, entry.queries, entry.keys))
        case schema.Embedding():
            yield Unfactored(name, entry.kind, entry.vocabulary * entry.width)
        case schema.OutputProjection():
            yield Unfactored(name, entry.kind, 0, 2.0 * entry.positions * entry.d_in * entry.d_out)
        case schema.Norm():
            yield Unfactored(name, entry.kind, 2 * entry.width)
        case schema.OtherParameters():
            yield Unfactored(name, entry.kind, entry.parameters)


def _convolution(entry: schema.Convolution, name: str) -> Layer:
    """A convolution as its matrix: patches to output channels, or pixels to patches where it is transposed."""
    patch = 1
    for side in entry.kernel:
        patch *= side
    inputs, outputs = entry.d_in // entry.groups, entry.d_out // entry.groups
    if entry.kind == "transposed_convolution":
        outputs *= patch
    else:
        inputs *= patch
    return Layer(
        name, entry.kind, inputs, outputs, entry.bias, entry.groups, float(entry.counted_positions()), entry.calls
    )


def _recurrent(entry: schema.Recurrent, name: str) -> Iterator[Layer]:
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[entry.cell]
    for suffix in ("", "_reverse")[: entry.directions]:
        for matrix, inputs in (("ih", entry.d_in), ("hh", entry.d_hidden)):
            yield Layer(
                f"{name}.weight_{matrix}_l0{suffix}",
                entry.kind,
                inputs,
                gates * entry.d_hidden,
                entry.bias,
                1,
                entry.positions,
                entry.calls,
            )
