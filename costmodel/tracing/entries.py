"""From the products of a forward pass to the entries of a model file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from torch import nn

from costmodel.curvature.roles import LayerRole
from costmodel.tracing.capture import Seen, Use
from costmodel.tracing.roles import role_of

Entry = dict[str, Any]
_FACTORED: Final = ("linear", "convolution", "transposed_convolution", "experts")
_OVER_EDGES: Final = ("aggregation", "maximum")


@dataclass(frozen=True, slots=True)
class Unread:
    """A part of a network that no kind of layer covers; its parameters and FLOPs are in the model all the same.

    Attributes:
        name: Of the parameter or module.
        what: Why it is not read.
        parameters: Trained ones.
        flops: Forward, of one example.
    """

    name: str
    what: str
    parameters: int
    flops: float


@dataclass(slots=True)
class Read:
    """Entries in the order in which their parts first ran, and what is left over.

    Attributes:
        entries: As in a model file, without repeats.
        unread: What no kind of layer covers.
    """

    entries: list[Entry] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)


def read(module: nn.Module, seen: Seen, examples: int, adam: Sequence[str] = ()) -> Read:
    """The entries of a model file that say what ran.

    Args:
        module: What ran.
        seen: Its products.
        examples: Examples of the batch that ran.
        adam: Patterns of names of layers that are left to Adam.
    """
    reader = _Reader(module, seen, examples, adam)
    reader.layers()
    reader.embeddings()
    reader.products()
    reader.parameters()
    reader.placed.sort(key=lambda each: each[0])
    return Read([entry for _, entry in reader.placed], reader.unread)


class _Reader:
    def __init__(self, module: nn.Module, seen: Seen, examples: int, adam: Sequence[str]) -> None:
        self.seen, self.examples, self.adam = seen, examples, adam
        self.modules = dict(module.named_modules())
        parameters = dict(module.named_parameters())
        self.trained = {name: each for name, each in parameters.items() if each.requires_grad}
        self.left = {name: each.numel() for name, each in self.trained.items()}
        self.placed: list[tuple[float, Entry]] = []
        self.unread: list[Unread] = []
        self.taken: set[str] = set()
        tables = {use.weight for use in seen.uses if use.kind == "embedding"}
        self.weighted: dict[tuple[str, tuple[int, int]], list[Use]] = {}
        self.unweighted: list[Use] = []
        for use in seen.uses:
            if use.kind in _FACTORED and use.weight in self.trained and use.weight not in tables:
                self.weighted.setdefault((use.weight, use.part), []).append(use)
            else:
                self.unweighted.append(use)
        self.edges = {use.rows for use in seen.uses if use.kind in _OVER_EDGES}

    def place(self, order: float, name: str, kind: str, **keys: Any) -> Entry:
        """Add an entry with a name that no other has."""
        free, number = name, 2
        while free in self.taken:
            free, number = f"{name}_{number}", number + 1
        self.taken.add(free)
        self.placed.append((order, {"name": free, "kind": kind, **{key: _plain(value) for key, value in keys.items()}}))
        return self.placed[-1][1]

    def layers(self) -> None:
        """Weights that have Kronecker factors, those of several calls together."""
        names = {key: self._layer_name(*key) for key in self.weighted}
        last = max(self.weighted.items(), key=lambda each: each[1][-1].order, default=None)
        tied = max((use.order for use in self.unweighted if self._is_tied(use)), default=0)
        head = "" if last is None or last[1][-1].order < tied else names[last[0]]
        for key, uses in self.weighted.items():
            self._layer(names[key], key[0], uses, head)

    def _is_tied(self, use: Use) -> bool:
        """Whether it is a product with the table of an embedding."""
        return use.kind == "linear" and use.weight in self.trained

    def _layer_name(self, weight: str, part: tuple[int, int]) -> str:
        path, _, own = weight.rpartition(".")
        name = path if own == "weight" and path else weight.removesuffix("_weight")
        whole = self.trained[weight]
        if part[1] >= whole.numel():
            return name
        row = whole.numel() // whole.shape[0]
        first, end = part[0] // row, (part[0] + part[1]) // row
        owner = self.modules.get(path)
        if isinstance(owner, nn.MultiheadAttention) and first % owner.embed_dim == end % owner.embed_dim == 0:
            return f"{name}.{'_'.join(('query', 'key', 'value')[first // owner.embed_dim : end // owner.embed_dim])}"
        return f"{name}.rows_{first}_{end}"

    def _layer(self, name: str, weight: str, uses: list[Use], last: str) -> None:
        use = uses[0]
        bias = self._bias(weight, uses)
        self.left[weight] -= uses[0].part[1]
        keys: Entry = {"d_in": use.inputs, "d_out": use.outputs}
        share = 1 if use.kind != "experts" else use.groups
        positions = math.fsum(each.rows for each in uses) * share / len(uses) / self.examples
        if use.kernel:
            keys["kernel"] = list(use.kernel)
            if use.groups > 1:
                keys["groups"] = use.groups
        if use.kind == "experts":
            keys["experts"] = use.groups
            bias = ""
        elif use.kind == "transposed_convolution":
            bias = ""  # not one column of its matrix
            keys["bias"] = False
        elif not bias:
            keys["bias"] = False
        if bias:
            self.left[bias] -= use.outputs
        if positions != 1:
            keys["positions"] = positions
        if len(uses) > 1:
            keys["calls"] = len(uses)
        keys["role"] = role_of(name, uses, use.kind, self.modules.get(weight.rpartition(".")[0]), last, self.edges)
        if any(fnmatchcase(name, pattern) for pattern in self.adam):
            keys["factored"] = False
        self.place(use.order, name, use.kind, **keys)

    def _bias(self, weight: str, uses: Sequence[Use]) -> str:
        """The trained bias of a weight: what its products added, or what is called like it."""
        use = uses[0]
        path, dot, own = weight.rpartition(".")
        for name in (use.bias, f"{path}{dot}{own.replace('weight', 'bias')}"):
            if name in self.trained and name != weight and self.left[name] >= use.outputs:
                return name
        return ""

    def embeddings(self) -> None:
        """Tables, and layers whose weight is one of them."""
        rest = []
        for use in self.unweighted:
            if use.kind == "embedding":
                if self.left.get(use.weight) == use.inputs * use.outputs:
                    self.left[use.weight] = 0
                    name = use.weight.removesuffix(".weight")
                    self.place(use.order, name, "embedding", vocabulary=use.inputs, width=use.outputs)
            elif self._is_tied(use):
                positions = use.rows / self.examples
                keys = {"d_in": use.inputs, "d_out": use.outputs, "positions": positions}
                self.place(use.order, f"{use.module or 'network'}.tied", "tied_projection", **keys)
            else:
                rest.append(use)
        self.unweighted = rest

    def products(self) -> None:
        """What is computed without trained weights, by module: attention, messages, and the rest as FLOPs."""
        by_module: dict[str, list[Use]] = {}
        for use in self.unweighted:
            by_module.setdefault(use.module, []).append(use)
        for module, uses in by_module.items():
            rest = []
            plain = [use for use in uses if use.kind == "products"]
            while plain:
                keys = _attention(plain[0], plain[1], self.examples) if len(plain) > 1 else None
                if keys is None:
                    rest.append(plain.pop(0))
                    continue
                self.place(plain[0].order, _within(module, "products"), "attention", **keys)
                del plain[:2]
            self._over_edges(module, [use for use in uses if use.kind in _OVER_EDGES])
            rest += [use for use in uses if use.kind not in {"products", *_OVER_EDGES} and use.flops]
            if rest:
                flops = math.fsum(use.flops for use in rest) / self.examples
                self.place(rest[0].order, _within(module, "other_products"), "products", flops=flops)
            self._note(module, rest)

    def _over_edges(self, module: str, uses: list[Use]) -> None:
        """Messages that are added up, and softmax over the edges of a node: a maximum, and a sum of as many numbers."""
        while uses:
            use = uses.pop(0)
            edges = use.rows / self.examples
            alike = [each for each in uses if each.kind == "aggregation" and _size(each) == _size(use)]
            if use.kind == "maximum" and alike:
                uses.remove(alike[0])
                self.place(use.order, _within(module, "softmax"), "edge_softmax", edges=edges, heads=use.outputs)
            else:
                self.place(use.order, _within(module, "messages"), "aggregation", edges=edges, width=use.outputs)

    def _note(self, module: str, rest: Sequence[Use]) -> None:
        reasons: dict[str, float] = {}
        for use in rest:
            what = f"operation {use.kind}"
            if use.kind == "products":
                what = "products of activations that are no attention"
            elif use.weight or use.kind in _FACTORED:
                frozen = "a weight that does not train" if use.weight else "a weight that is calculated"
                what = f"{use.kind.replace('_', ' ')} with {frozen}"
            reasons[what] = reasons.get(what, 0.0) + use.flops / self.examples
        self.unread += [Unread(module or "network", what, 0, flops) for what, flops in reasons.items()]

    def parameters(self) -> None:
        """Norms, and every trained parameter that is left."""
        norms: dict[str, list[str]] = {}
        for name, left in self.left.items():
            owner = self.modules.get(name.rpartition(".")[0])
            if left and "norm" in type(owner).__name__.lower() and self.trained[name].ndim == 1:
                norms.setdefault(name.rpartition(".")[0], []).append(name)
        for module, names in norms.items():
            width = self.left[names[0]]
            if len(names) <= 2 and all(self.left[name] == width for name in names):
                order = min(self._first(name) for name in names)
                keys: Entry = {"width": width} if len(names) == 2 else {"width": width, "bias": False}
                self.place(order, module or "norm", "norm", **keys)
                self.left.update(dict.fromkeys(names, 0))
        for name, left in self.left.items():
            if left > 0:
                used = name in self.seen.first
                self.place(self._first(name), name, "other", parameters=left)
                self.unread.append(Unread(name, "used outside of products" if used else "never used", left, 0.0))

    def _first(self, name: str) -> float:
        return self.seen.first.get(name, math.inf)


def _size(use: Use) -> tuple[float, int]:
    return use.rows, use.outputs


def _within(module: str, name: str) -> str:
    return f"{module}.{name}" if module else name


def _attention(first: Use, second: Use, examples: int) -> Mapping[str, float] | None:
    """Queries with keys, then weights with values; None where two products are something else.

    Heads and windows are pairs, which are not told apart: the width is that of all heads in all windows of an example.
    """
    pairs, queries, keys, width = first.shape
    if second.shape[:2] != (pairs, queries) or second.shape[3] != keys or second.shape[2] != width:
        return None
    if pairs % examples:
        return None
    return {"width": width * pairs // examples, "queries": queries, "keys": keys}


def _plain(value: Any) -> Any:
    if isinstance(value, LayerRole):
        return value.value
    return int(value) if isinstance(value, float) and value.is_integer() else value
