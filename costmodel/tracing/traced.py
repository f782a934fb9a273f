"""A workload that was read from a torch module."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from costmodel.curvature.roles import LayerRole, NetworkKind
from costmodel.inputs.faults import InputError
from costmodel.inputs.files import write_text
from costmodel.inputs.mapping import document_of
from costmodel.inputs.settings import overridden
from costmodel.inputs.workload_file import workload_from
from costmodel.quantities.names import unknown
from costmodel.tracing.capture import Seen, watching
from costmodel.tracing.entries import Read, Unread, read
from costmodel.tracing.failures import one_line
from costmodel.tracing.grouping import grouped
from costmodel.tracing.roles import network_of
from costmodel.tracing.writing import model_text
from costmodel.workloads.workload import Layer, Workload

#: Parameters up to which a pass that the meta device cannot run is run with values; four bytes each.
LARGEST_WITH_VALUES = 300_000_000


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Traced(Workload):
    """A workload read from a torch module; wherever a workload is taken it will do.

    Attributes:
        model: What its model file holds.
        unread: Parameters and products that no kind of layer covers; they count as parts without factors.
        notes: How it was read, where that was out of the ordinary.
    """

    model: Mapping[str, Any] = field(default_factory=dict, compare=False)
    unread: tuple[Unread, ...] = field(default=(), compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __repr__(self) -> str:
        return "\n".join([Workload.__repr__(self), *self.coverage()])

    @property
    def forward_flops_per_example(self) -> float:
        """Forward FLOPs of one example, factored or not."""
        layers = (2.0 * each.positions * each.calls * each.pairs * _weights(each) for each in self.layers)
        return math.fsum([*layers, *(each.forward_flops_per_example for each in self.others)])

    def coverage(self) -> list[str]:
        """What share of the network has factors, and each part that was not understood with its shares."""
        parameters, flops = self.parameters, self.forward_flops_per_example
        covered = sum(layer.parameters for layer in self.layers)
        others = math.fsum(each.forward_flops_per_example for each in self.others)
        lines = [
            f"factored: {_share(covered, parameters)} of the parameters, {_share(flops - others, flops)} of the FLOPs"
        ]
        groups: dict[tuple[str, str], list[Unread]] = {}
        for each in self.unread:
            name = ".".join("*" if part.isdecimal() else part for part in each.name.split("."))
            groups.setdefault((name, each.what), []).append(each)
        for (name, what), members in groups.items():
            held = sum(each.parameters for each in members)
            counted = math.fsum(each.flops for each in members)
            lines.append(
                f"not read: {name} ({what}): {_share(held, parameters)} of the parameters, "
                f"{_share(counted, flops)} of the FLOPs"
            )
        return [*lines, *self.notes]

    def to_yaml(self, file: str | Path | None = None) -> str:
        """The model file, equal blocks as repeats; it loads as the same workload.

        Args:
            file: Where it is written, if anywhere.

        Raises:
            InputError: The file cannot be written.
        """
        model = {**self.model, "layers": grouped(self.model["layers"])}
        text = model_text(model, self.coverage())
        if file is not None:
            write_text(Path(file), text)
        return text


def from_torch(
    module: nn.Module,
    inputs: Any,
    *,
    name: str = "",
    examples: int | None = None,
    adam: Sequence[str] = (),
    settings: Sequence[str] = (),
    title: str = "",
    source: str = "",
    origin: str = "",
) -> Traced:
    """Read a network from a torch module, by one forward pass on the meta device.

    Args:
        module: Any module; it is not changed, and its weights are not copied.
        inputs: A tensor, a tuple of positional or a dict of keyword arguments. Values matter to few networks.
        name: In results; that of the class without it.
        examples: Examples in the inputs; the size of the first tensor's first dimension without it, or the graphs of a
            batch of torch_geometric.
        adam: Patterns of names of layers that are left to Adam, ``*`` for any part.
        settings: ``"kfac.damping=1e-2"`` and the like, as ``--set`` takes them.
        title: One line about it.
        source: Where it comes from.
        origin: What faults are said to be of; the name without it.

    Raises:
        InputError: The module fails on the inputs, or has no layer with Kronecker factors.
    """
    what = name or type(module).__name__
    origin = origin or what
    seen, moved, notes = _pass(module, inputs, origin)
    count = examples or _examples(inputs, origin)
    found = read(moved, seen, count, adam)
    _check(moved, found, origin, adam)
    model: dict[str, Any] = {"schema": 1, "name": what}
    model |= {key: value for key, value in (("title", title), ("source", source)) if value}
    network = network_of(seen.uses)
    model |= {"batch_size": count, "network": network.value}
    if network is NetworkKind.LANGUAGE_MODEL:
        heads = [
            each for each in found.entries if each.get("role") == LayerRole.HEAD or each["kind"] == "tied_projection"
        ]
        positions = heads[-1].get("positions", 1) if heads else 1
        if positions > 1:
            model["loss_terms"] = positions
    model["layers"] = found.entries
    document = overridden(document_of(model, origin), settings)
    workload = workload_from(document)
    own = {each.name: getattr(workload, each.name) for each in fields(Workload)}
    return Traced(**own, model=document.data, unread=tuple(found.unread), notes=tuple(notes))


def _pass(module: nn.Module, inputs: Any, what: str) -> tuple[Seen, nn.Module, list[str]]:
    """Run it on the meta device; with values where it needs some and is small."""
    parameters = list(module.parameters())
    if all(each.is_meta for each in parameters) and parameters:
        moved = module
    else:
        try:
            moved = _on_meta(module)
        except Exception:  # what a module keeps may refuse to be copied in any way
            return _run(module, inputs), module, [_WITH_VALUES]
    try:
        with torch.device("meta"):
            return _run(moved, _to_meta(inputs)), moved, []
    except Exception as error:
        has_values = not any(each.is_meta for each in (*parameters, *_tensors(inputs)))
        if has_values and sum(each.numel() for each in parameters) <= LARGEST_WITH_VALUES:
            try:
                return _run(module, inputs), module, [_WITH_VALUES]
            except Exception as second:
                raise InputError.about(what, one_line(second)) from second
        raise InputError.about(what, one_line(error)) from error


_WITH_VALUES = "read with values, not on the meta device: what it runs depends on them"


def _run(module: nn.Module, inputs: Any) -> Seen:
    with watching(module) as seen, torch.enable_grad():
        if isinstance(inputs, Mapping):
            module(**inputs)
        elif isinstance(inputs, tuple | list):
            module(*inputs)
        else:
            module(inputs)
    return seen


def _on_meta(module: nn.Module) -> nn.Module:
    """A copy whose parameters and buffers are on the meta device; the values are not copied on the way."""
    memo: dict[int, Any] = {}
    for parameter in module.parameters():
        memo[id(parameter)] = nn.Parameter(parameter.detach().to("meta"), parameter.requires_grad)
    for buffer in module.buffers():
        memo[id(buffer)] = buffer.to("meta")
    return copy.deepcopy(module, memo)


def _to_meta(inputs: Any) -> Any:
    return tree_map(lambda each: each.to("meta") if isinstance(each, Tensor) or _is_graph(each) else each, inputs)


def _is_graph(value: Any) -> bool:
    return type(value).__module__.startswith("torch_geometric.")


def _tensors(inputs: Any) -> list[Tensor]:
    leaves = []
    for each in tree_leaves(inputs):
        if isinstance(each, Tensor):
            leaves.append(each)
        elif _is_graph(each):
            leaves += [value for value in each.to_dict().values() if isinstance(value, Tensor)]
    return leaves


def _examples(inputs: Any, what: str) -> int:
    for each in tree_leaves(inputs):
        if _is_graph(each) and hasattr(each, "num_graphs"):
            return int(each.num_graphs)
    sizes = [each.shape[0] for each in _tensors(inputs) if each.ndim]
    if not sizes:
        raise InputError.about(what, "its inputs hold no tensor; say how many examples they are")
    return int(sizes[0])


def _check(module: nn.Module, found: Read, what: str, adam: Sequence[str]) -> None:
    layers = [each for each in found.entries if "role" in each]
    if not layers:
        raise InputError.about(what, f"has no layer with Kronecker factors; {_kinds(module)}")
    names = [each["name"] for each in layers]
    for pattern in adam:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise InputError.about("--adam", unknown("layer", pattern, names))
    if all(each.get("factored") is False for each in layers):
        raise InputError.about(what, f"'{', '.join(adam)}' leaves every layer to Adam; K-FAC has nothing to do")


def _kinds(module: nn.Module) -> str:
    total = sum(each.numel() for each in module.parameters())
    names = sorted({type(each).__name__ for each in module.modules() if list(each.parameters(recurse=False))})
    return f"its {total} parameters are in {', '.join(names)}" if names else "it has no parameters"


def _weights(layer: Layer) -> int:
    return layer.input_dimension * layer.output_dimension


def _share(part: float, whole: float) -> str:
    if not part:
        return "none"
    return f"{100 * part / whole:.3g} %"
