"""Which parameters of a model K-FAC moves, and why the others are left to Adam."""

from collections.abc import Collection
from dataclasses import dataclass

from torch import Tensor, nn

from solver.kfac.backends import Apply
from solver.kfac.rows import is_covered, learns_bias, weight_matrix


@dataclass(slots=True)
class Layer:
    """A covered layer and its running factors.

    Attributes:
        name: Of the module; where several modules share the weight, of the first.
        module: That module.
        A: Input factor, shape (d_in [+ 1], d_in [+ 1]); None before the first look.
        G: Gradient factor, shape (d_out, d_out).
        apply: What the backend prepared at the last refresh.
    """

    name: str
    module: nn.Linear | nn.Conv2d
    A: Tensor | None = None
    G: Tensor | None = None
    apply: Apply | None = None

    def gradient(self) -> Tensor:
        """Gradient as (d_out, d_in [+ 1]), the bias in the last column."""
        weight, bias = self.module.weight, self.module.bias
        assert weight.grad is not None
        return weight_matrix(self.module, weight.grad, None if bias is None else bias.grad)[0]

    def parts(self, direction: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The layer's parameters, each with its part of a direction of the gradient's shape."""
        weight, bias = self.module.weight, self.module.bias
        found: list[tuple[Tensor, Tensor]] = [
            (weight, direction[:, : weight[0].numel()].reshape(weight.shape).to(weight.dtype))
        ]
        if bias is not None and learns_bias(self.module):
            found.append((bias, direction[:, -1].to(bias.dtype)))
        return found


@dataclass(slots=True)
class Looks:
    """Factors of the parts of one batch, and the running averages before it.

    Attributes:
        input_before: Running average of A before the step; None where there was none.
        gradient_before: The same of G.
        A: Mean of the parts so far, weighted by their examples.
        G: The same of G.
        examples: In these parts.
    """

    input_before: Tensor | None
    gradient_before: Tensor | None
    A: Tensor | None = None
    G: Tensor | None = None
    examples: int = 0

    def add(self, A: Tensor, G: Tensor, examples: int) -> None:
        """Take in another part."""
        share = examples / (self.examples + examples)
        self.A = A if self.A is None else (1 - share) * self.A + share * A
        self.G = G if self.G is None else (1 - share) * self.G + share * G
        self.examples += examples

    def moved(self, decay: float) -> tuple[Tensor, Tensor]:
        """Running averages with the parts so far as one batch; the first batch enters in full."""
        assert self.A is not None
        assert self.G is not None
        if self.input_before is None or self.gradient_before is None:
            return self.A, self.G
        return decay * self.input_before + (1 - decay) * self.A, decay * self.gradient_before + (1 - decay) * self.G


@dataclass(frozen=True, slots=True)
class Cover:
    """What K-FAC covers of a model.

    Attributes:
        layers: Covered layers, in the model's order.
        modules: Every module of them by name, those that share a weight with an earlier one too.
        first: By a module's name, the name of its layer: its own, or that of the first to have its weight.
        left: By a parameter's name, why it is left to Adam.
    """

    layers: list[Layer]
    modules: dict[str, nn.Module]
    first: dict[str, str]
    left: dict[str, str]


def cover(model: nn.Module, excluded: Collection[str], given: Collection[int] | None) -> Cover:
    """Sort the parameters of a model.

    Args:
        model: the model.
        excluded: names of modules left to Adam.
        given: ids of the parameters to move; None moves all.

    Raises:
        ValueError: the weight of a layer is to be moved and its trained bias is not.
    """
    found = Cover([], {}, {}, {})
    by_weight: dict[int, Layer] = {}
    reasons: dict[int, str] = {}
    for name, module in model.named_modules():
        reason = _reason(model, name, module, excluded)
        own = module.parameters(recurse=False)
        if reason is not None:
            reasons |= {id(parameter): reason for parameter in own if id(parameter) not in reasons}
            continue
        assert isinstance(module, nn.Linear | nn.Conv2d)
        if given is not None and id(module.weight) not in given:
            continue
        earlier = by_weight.get(id(module.weight))
        if earlier is not None and earlier.module.bias is not module.bias:
            reasons[id(module.bias)] = f"its weight is that of {earlier.name}, whose bias is another"
            continue
        if given is not None and learns_bias(module) and id(module.bias) not in given:
            raise ValueError(f"{name}: its weight is to be moved, its bias is not; give both, or freeze the bias")
        if earlier is None:
            by_weight[id(module.weight)] = earlier = Layer(name, module)
            found.layers.append(earlier)
        found.modules[name], found.first[name] = module, earlier.name
    covered = {id(p) for layer in found.layers for p in (layer.module.weight, layer.module.bias) if p is not None}
    for name, parameter in model.named_parameters():
        if id(parameter) not in covered and parameter.requires_grad and (given is None or id(parameter) in given):
            found.left[name] = reasons.get(id(parameter), "no Kronecker factors for it")
    return found


def _reason(model: nn.Module, name: str, module: nn.Module, excluded: Collection[str]) -> str | None:
    """Why a module's own parameters are left to Adam; None for a covered one."""
    kind = type(module).__name__
    if name in excluded:
        return "excluded"
    if not is_covered(module) or not isinstance(module, nn.Linear | nn.Conv2d):
        return f"no Kronecker factors of {kind}"
    if isinstance(module, nn.Conv2d) and module.groups > 1:
        return f"grouped {kind}"
    if not module.weight.requires_grad:
        return "its layer's weight is frozen"
    parent = model.get_submodule(name.rpartition(".")[0])
    if isinstance(parent, nn.MultiheadAttention):
        return "nn.MultiheadAttention uses it by function, where nothing sees its inputs"
    return None


def parameters_of(group: dict[str, object]) -> list[Tensor]:
    """Parameters of a group, which may be one tensor, tensors, or pairs of a name and a tensor.

    >>> len(parameters_of({"params": nn.Linear(2, 2).parameters()}))
    2
    """
    params = group["params"]
    if isinstance(params, Tensor):
        return [params]
    return [each[1] if isinstance(each, tuple) else each for each in params]  # type: ignore[attr-defined]
