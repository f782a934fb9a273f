"""What a forward pass computes: its products with their weights, in the order in which they ran.

A dispatch mode sees every operation below autograd, where convolutions, dense layers, attention and recurrent layers of
any library are a handful of products. A weight is known by its storage, through views, casts and whatever else is
calculated from parameters alone (weight normalisation, standardised convolutions).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry


@dataclass(frozen=True, slots=True)
class Use:
    """One product.

    Attributes:
        kind: ``linear``, ``convolution``, ``transposed_convolution``, ``experts``, ``embedding``, ``products`` (both
            sides are activations), ``aggregation``, ``maximum`` (over edges, of what no gradient goes through), or the
            name of an operation that is counted and not understood.
        module: Name of the innermost module that ran it.
        order: Number of the operation in the pass.
        weight: Name of the parameter, empty where there is none.
        part: First element and number of elements of the parameter that were used.
        bias: Name of the parameter that was added, where the operation itself adds it.
        inputs: Columns of a matrix, or channels.
        outputs: Rows of a matrix, or channels.
        rows: Rows of the whole batch, of each group or expert.
        kernel: Sides of a convolution's kernel.
        groups: Groups of a convolution, or experts.
        shape: Of a product of activations: pairs, rows, columns of the result and what is summed over.
        flops: Of the whole batch.
        input_gradient: Whether a gradient flows to its input.
    """

    kind: str
    module: str
    order: int
    weight: str = ""
    part: tuple[int, int] = (0, 0)
    bias: str = ""
    inputs: int = 0
    outputs: int = 0
    rows: float = 0.0
    kernel: tuple[int, ...] = ()
    groups: int = 1
    shape: tuple[int, int, int, int] = (0, 0, 0, 0)
    flops: float = 0.0
    input_gradient: bool = True


@dataclass(slots=True)
class Seen:
    """All of a forward pass.

    Attributes:
        uses: Products in order.
        first: Operation that first touched a parameter, by name.
    """

    uses: list[Use] = field(default_factory=list)
    first: dict[str, int] = field(default_factory=dict)


@contextmanager
def watching(module: nn.Module) -> Iterator[Seen]:
    """Record the products of a module's forward passes while the context lasts."""
    names = {id(each): name for name, each in module.named_modules()}
    stack: list[str] = [""]

    def enter(each: nn.Module, _: Any) -> None:
        stack.append(names.get(id(each), stack[-1]))

    def leave(*_: Any) -> None:
        stack.pop()

    handles = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave, always_call=True)]
    mode = _Mode(module, stack)
    try:
        with mode:
            yield mode.seen
    finally:
        for handle in handles:
            handle.remove()


class _Mode(TorchDispatchMode):
    def __init__(self, module: nn.Module, stack: Sequence[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen, self.stack, self.order = Seen(), stack, 0
        self.names: dict[int, str] = {}
        self.sizes: dict[str, int] = {}
        self.kept: list[Tensor] = []  # a storage's identity is free again once nothing holds it
        for name, parameter in module.named_parameters():
            self._name(parameter, name)
            self.sizes[name] = parameter.numel()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        self.order += 1
        tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        names = [self.weight(each) for each in tensors]
        for name in names:
            if name:
                self.seen.first.setdefault(name, self.order)
        operation = func.overloadpacket
        read = _READERS.get(str(operation).removeprefix("aten."))
        if read is not None:
            self.seen.uses.extend(read(self, args, kwargs, result))
        elif operation in flop_registry:
            flops = float(flop_registry[operation](*args, **kwargs, out_val=result))
            self.seen.uses.append(Use(str(operation), self.stack[-1], self.order, flops=flops))
        if tensors and all(map(self.is_weight, tensors)):
            for each in tree_leaves(result):
                if isinstance(each, Tensor):
                    self._derive(tensors, names, each)
        return result

    def weight(self, tensor: Tensor) -> str:
        """Name of the parameter that a tensor is, or is made of alone."""
        return self.names.get(tensor.untyped_storage()._cdata, "")

    def is_weight(self, tensor: Tensor) -> bool:
        """Whether a tensor is a parameter or is calculated from parameters alone, whatever its size."""
        return tensor.untyped_storage()._cdata in self.names

    def _name(self, tensor: Tensor, name: str) -> None:
        self.names[tensor.untyped_storage()._cdata] = name
        self.kept.append(tensor)

    def _derive(self, tensors: Sequence[Tensor], names: Sequence[str], result: Tensor) -> None:
        if not self.is_weight(result):
            same = (name for tensor, name in zip(tensors, names, strict=True) if tensor.numel() == result.numel())
            self._name(result, next(same, ""))

    def use(self, kind: str, **known: Any) -> Use:
        """A product that runs at this moment."""
        return Use(kind, self.stack[-1], self.order, **known)

    def part(self, weight: Tensor) -> tuple[int, int]:
        """First element and number of elements of a parameter that a view of it covers."""
        held = 1 + sum((size - 1) * abs(stride) for size, stride in zip(weight.shape, weight.stride(), strict=True))
        return int(weight.storage_offset()), min(weight.numel(), held)


def _dense(mode: _Mode, x: Tensor, y: Tensor, bias: Tensor | None = None) -> Iterator[Use]:
    """A product of matrices, with a weight on one side, or none."""
    (m, k), n = x.shape, y.shape[1]
    flops = 2.0 * m * k * n
    left, right = mode.is_weight(x), mode.is_weight(y)
    if left == right:
        yield mode.use("products", shape=(1, m, n, k), flops=flops)
        return
    weight, other, outputs, rows = (y, x, n, m) if right else (x, y, m, n)
    yield mode.use(
        "linear", weight=mode.weight(weight), part=mode.part(weight), bias="" if bias is None else mode.weight(bias),
        inputs=k, outputs=outputs, rows=float(rows), flops=flops, input_gradient=other.requires_grad,
    )  # fmt: skip


def _mm(mode: _Mode, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> Iterator[Use]:
    return _dense(mode, args[0], args[1])


def _addmm(mode: _Mode, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> Iterator[Use]:
    return _dense(mode, args[1], args[2], args[0])


def _batched(mode: _Mode, x: Tensor, y: Tensor) -> Iterator[Use]:
    """Several products at once; where one side is a parameter, a matrix of each."""
    (pairs, m, k), n = x.shape, y.shape[2]
    flops = 2.0 * pairs * m * k * n
    left, right = mode.is_weight(x), mode.is_weight(y)
    if left == right:
        yield mode.use("products", shape=(pairs, m, n, k), flops=flops)
        return
    weight, other, outputs, rows = (y, x, n, m) if right else (x, y, m, n)
    if weight.stride(0) == 0 or pairs == 1:  # one matrix, written out for each example
        kind, groups, rows = "linear", 1, rows * pairs
    else:
        kind, groups = "experts", pairs
    yield mode.use(
        kind, weight=mode.weight(weight), part=mode.part(weight), inputs=k, outputs=outputs, rows=float(rows),
        groups=groups, flops=flops, input_gradient=other.requires_grad,
    )  # fmt: skip


def _bmm(mode: _Mode, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> Iterator[Use]:
    return _batched(mode, args[0], args[1])


def _baddbmm(mode: _Mode, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> Iterator[Use]:
    return _batched(mode, args[1], args[2])


def _grouped_mm(mode: _Mode, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> Iterator[Use]:
    """Rows dealt out to the experts; how many each has is known when it runs, their sum at once."""
    x, y = args[0], args[1]
    name = mode.weight(y)
    flops = 2.0 * x.shape[0] * y.shape[-2] * y.shape[-1]
    if not name or y.ndim != 3:
        yield mode.use("_grouped_mm", flops=flops)
        return
    experts, k, n = y.shape
    yield mode.use(
        "experts", weight=name, part=mode.part(y), inputs=k, outputs=n, rows=x.shape[0] / experts, groups=experts,
        flops=flops, input_gradient=x.requires_grad,
    )  # fmt: skip


def _convolution(mode: _Mode, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> Iterator[Use]:
    x, weight, bias, transposed, groups = args[0], args[1], args[2], args[6], args[8]
    pixels = x if transposed else result
    rows = pixels.shape[0] * math.prod(pixels.shape[2:])
    kind = "transposed_convolution" if transposed else "convolution"
    flops = 2.0 * rows * weight.numel()
    name = mode.weight(weight)
    if not name:
        yield mode.use(kind, flops=flops)
        return
    yield mode.use(
        kind, weight=name, part=mode.part(weight), bias="" if bias is None else mode.weight(bias), inputs=x.shape[1],
        outputs=result.shape[1], rows=float(rows), kernel=tuple(weight.shape[2:]), groups=groups, flops=flops,
        input_gradient=x.requires_grad,
    )  # fmt: skip


def _embedding(mode: _Mode, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> Iterator[Use]:
    if name := mode.weight(args[0]):
        vocabulary, width = args[0].shape
        yield mode.use("embedding", weight=name, part=mode.part(args[0]), inputs=vocabulary, outputs=width)


def _aggregation(source: int) -> Callable[..., Iterator[Use]]:
    def read(mode: _Mode, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> Iterator[Use]:
        """One addition or comparison for every element that is gathered; one-dimensional counts are left out."""
        values = args[source] if len(args) > source else None
        if isinstance(values, Tensor) and values.ndim > 1 and values.is_floating_point():
            rows, width = values.shape[0], math.prod(values.shape[1:])
            shift = "amax" in args[source + 1 :] and not values.requires_grad  # of a softmax, that it does not overflow
            yield mode.use(
                "maximum" if shift else "aggregation", rows=float(rows), outputs=width, flops=float(rows * width),
                input_gradient=values.requires_grad,
            )  # fmt: skip

    return read


_Reader = Callable[[_Mode, Sequence[Any], Mapping[str, Any], Any], Iterator[Use]]
_READERS: Final[dict[str, _Reader]] = {
    "mm": _mm,
    "addmm": _addmm,
    "bmm": _bmm,
    "baddbmm": _baddbmm,
    "_grouped_mm": _grouped_mm,
    "convolution": _convolution,
    "embedding": _embedding,
    "_embedding_bag": _embedding,
    "scatter_add": _aggregation(3),
    "scatter_add_": _aggregation(3),
    "scatter_reduce": _aggregation(3),
    "scatter_reduce_": _aggregation(3),
    "index_add": _aggregation(3),
    "index_add_": _aggregation(3),
    "index_reduce_": _aggregation(3),
}
