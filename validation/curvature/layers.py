"""Layers of a network whose factors can be measured, and what is left over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from torch import Tensor, nn

from solver.kfac.rows import is_covered, learns_bias

#: Projections of ``nn.MultiheadAttention``, whose weights are used by functions and not by modules.
PROJECTIONS: Final = ("query", "key", "value", "out_proj")


@dataclass(frozen=True, slots=True)
class Layer:
    """A weight matrix whose inputs and output gradients are seen.

    Attributes:
        name: Of the module; of a projection ``attention.query`` and the like.
        module: Whose rows are taken: the layer itself, or one of its shape without weights.
        own: The module that runs; for a projection the attention.
        parent: The module that holds it; for a projection the attention.
    """

    name: str
    module: nn.Linear | nn.Conv2d
    own: nn.Module
    parent: nn.Module

    @property
    def inputs(self) -> int:
        """Order of A."""
        return int(self.module.weight[0].numel()) + learns_bias(self.module)

    @property
    def outputs(self) -> int:
        """Order of G."""
        return int(self.module.weight.shape[0])

    @property
    def is_convolution(self) -> bool:
        """Whether its positions are patches, channels before them."""
        return isinstance(self.module, nn.Conv2d)

    def as_rows_take_it(self, values: Tensor) -> Tensor:
        """Inputs or output gradients in the form that rows are made from: sequences as images of height 1."""
        return values.unsqueeze(-2) if isinstance(self.own, nn.Conv1d) else values


@dataclass(frozen=True, slots=True)
class Leftover:
    """Parameters of modules of one type that are not measured."""

    what: str
    share: float  # of all trained parameters


def layers_of(model: nn.Module) -> list[Layer]:
    """Layers with a trained weight that can be measured.

    These are linear layers, ungrouped convolutions in one and two dimensions padded with zeros, and the projections of
    ``nn.MultiheadAttention``.
    """
    modules = dict(model.named_modules())
    found = []
    for name, module in modules.items():
        parent = modules[name.rpartition(".")[0]] if name else model
        if isinstance(module, nn.MultiheadAttention):
            found += [Layer(_joined(name, each), like, module, module) for each, like in _projections(module)]
        elif not isinstance(parent, nn.MultiheadAttention):  # whose output projection is done with
            like = _with_rows(module)
            if like is not None:
                found.append(Layer(name or "network", like, module, parent))
    return found


def _with_rows(module: nn.Module) -> nn.Linear | nn.Conv2d | None:
    """The module, or one of its shape without weights, that rows can be taken of; None where there is none."""
    if isinstance(module, nn.Linear):
        return module if module.weight.requires_grad else None
    if not isinstance(module, nn.Conv1d | nn.Conv2d) or module.groups > 1 or not module.weight.requires_grad:
        return None
    if isinstance(module, nn.Conv2d) and is_covered(module):
        return module
    padding = _padding(module)
    if padding is None or module.padding_mode != "zeros":
        return None
    flat = isinstance(module, nn.Conv1d)  # an image of height 1
    sizes = ((1, *size) if flat else size for size in (module.kernel_size, module.stride, module.dilation))
    kernel, stride, dilation = ((int(size[0]), int(size[1])) for size in sizes)
    whole = (0, padding[0]) if flat else (padding[0], padding[1])
    bias = learns_bias(module)
    return nn.Conv2d(module.in_channels, module.out_channels, kernel, stride, whole, dilation, bias=bias, device="meta")


def _padding(module: nn.Conv1d | nn.Conv2d) -> tuple[int, ...] | None:
    """Zeros added at either end of each dimension; None where the two ends differ."""
    if module.padding == "valid":
        return (0,) * len(module.kernel_size)
    if module.padding != "same":
        return tuple(int(each) for each in module.padding)
    added = [size * (kernel - 1) for kernel, size in zip(module.kernel_size, module.dilation, strict=True)]
    return None if any(each % 2 for each in added) else tuple(each // 2 for each in added)


def is_projection(layer: Layer) -> bool:
    """Whether a layer is a projection of attention."""
    return isinstance(layer.own, nn.MultiheadAttention)


def _projections(module: nn.MultiheadAttention) -> Iterable[tuple[str, nn.Linear]]:
    """Layers of the shapes of the trained projections, without memory."""
    weights = projection_weights(module)
    for name in PROJECTIONS:
        weight, bias = weights[name]
        if weight.requires_grad:
            yield name, nn.Linear(weight.shape[1], module.embed_dim, bias=bias, device="meta")


def projection_weights(module: nn.MultiheadAttention) -> dict[str, tuple[Tensor, bool]]:
    """The parameter that holds each projection's weight, and whether it has a trained bias.

    Query, key and value share one parameter where keys and values are as wide as queries.
    """
    bias = module.in_proj_bias is not None and module.in_proj_bias.requires_grad
    packed = module.in_proj_weight
    three = [packed] * 3 if packed is not None else [module.q_proj_weight, module.k_proj_weight, module.v_proj_weight]
    found = {name: (weight, bias) for name, weight in zip(PROJECTIONS, three, strict=False)}
    return {**found, "out_proj": (module.out_proj.weight, learns_bias(module.out_proj))}


def leftovers(model: nn.Module, layers: Iterable[Layer]) -> list[Leftover]:
    """What is not measured, by type of module, the largest share of the parameters first."""
    measured = {id(parameter) for layer in layers for parameter in _parameters(layer)}
    total = sum(each.numel() for each in model.parameters() if each.requires_grad)
    counts: dict[str, int] = defaultdict(int)
    seen: set[int] = set()
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            if id(parameter) in seen or id(parameter) in measured or not parameter.requires_grad:
                continue
            seen.add(id(parameter))
            counts[type(module).__name__] += parameter.numel()
    return [Leftover(what, count / total) for what, count in sorted(counts.items(), key=lambda each: -each[1])]


def _parameters(layer: Layer) -> list[Tensor]:
    if isinstance(layer.own, nn.MultiheadAttention):
        weight = projection_weights(layer.own)[layer.name.rpartition(".")[2]][0]
        bias = layer.own.out_proj.bias if layer.name.endswith("out_proj") else layer.own.in_proj_bias
        return [weight] if bias is None else [weight, bias]
    return list(layer.own.parameters(recurse=False))


def chosen(layers: Iterable[Layer], patterns: Iterable[str]) -> list[Layer]:
    """Layers whose name one of some shell patterns matches; all without patterns."""
    wanted = list(patterns)
    return [layer for layer in layers if not wanted or any(fnmatchcase(layer.name, each) for each in wanted)]


def usual_width(layers: Iterable[Layer]) -> int:
    """Outputs that most layers have; the first such number where there are several."""
    counts: dict[int, int] = defaultdict(int)
    for layer in layers:
        counts[layer.outputs] += 1
    return max(counts, key=lambda each: counts[each])


def _joined(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name
