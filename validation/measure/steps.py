"""One K-FAC step of a network, phase by phase, each phase a call that can be repeated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

from solver.kfac.capture import Capture, covered_layers
from solver.kfac.rows import is_covered
from validation.measure.models import MODELS, Attended, Built
from validation.measure.primitives import Call
from validation.measure.timings import LayerSizes, ModelSizes

#: Phases of a step in the order they run; ``step`` is all of them in one call, in the state each leaves to the next.
PHASES: Final = (
    "forward_backward", "rows", "factors", "running_average", "inversion", "precondition", "update", "step",
)  # fmt: skip
_KEPT: Final = 0.95
_DAMPING: Final = 1e-2


@dataclass(slots=True)
class _Layer:
    """A factored layer with what a step needs of it."""

    module: nn.Linear | nn.Conv2d
    inputs: torch.Tensor
    gradients: torch.Tensor
    rows: tuple[torch.Tensor, torch.Tensor]
    factors: tuple[torch.Tensor, torch.Tensor]
    averages: tuple[torch.Tensor, torch.Tensor]
    inverses: tuple[torch.Tensor, torch.Tensor]
    direction: torch.Tensor


class Step:
    """K-FAC on one network and one batch: factors of all rows, Cholesky inverses, both applied to the gradient."""

    def __init__(self, model: str, device: torch.device) -> None:
        torch.manual_seed(0)
        built = MODELS[model]()
        built.network.to(device)
        self.built = Built(built.network, built.inputs.to(device), built.labels.to(device))
        self.layers: list[_Layer] = []
        self._activations = self._attention = 0.0
        self._capture()
        self._name = model

    def call(self, phase: str) -> Call:
        """The call that is timed for a phase."""
        call: Call = getattr(self, phase)
        return call

    def sizes(self) -> ModelSizes:
        """What the network's cost depends on."""
        layers = tuple(
            LayerSizes(
                "convolution" if isinstance(each.module, nn.Conv2d) else "linear",
                each.rows[0].shape[0],
                each.rows[0].shape[1] - int(each.module.bias is not None),
                each.rows[0].shape[1],
                each.rows[1].shape[1],
                each.inputs.numel(),
            )
            for each in self.layers
        )
        parameters = list(self.built.network.parameters())
        count = sum(each.numel() for each in parameters)
        return ModelSizes(self._name, layers, self._attention, self._activations, count, len(parameters))

    # --- phases ------------------------------------------------------------------------------------------------

    def forward_backward(self) -> None:
        """Loss and its gradient."""
        self.built.network.zero_grad(set_to_none=True)
        self.built.loss().backward()

    def rows(self) -> None:
        """Inputs and output gradients as rows: patches cut out, a column of ones appended."""
        for each in self.layers:
            each.rows = _input_rows(each), _gradient_rows(each)

    def factors(self) -> None:
        """A and G."""
        for each in self.layers:
            x, y = each.rows
            each.factors = x.T @ x, y.T @ y

    def running_average(self) -> None:
        """Both averages."""
        for each in self.layers:
            for average, new in zip(each.averages, each.factors, strict=True):
                average.mul_(_KEPT).add_(new, alpha=1.0 - _KEPT)

    def inversion(self) -> None:
        """Damping, Cholesky factor and inverse of every factor."""
        for each in self.layers:
            a, g = (_inverse(average) for average in each.averages)
            each.inverses = a, g

    def precondition(self) -> None:
        """G^-1 times the gradient times A^-1."""
        for each in self.layers:
            a, g = each.inverses
            each.direction = g @ _gradient_matrix(each.module) @ a

    def update(self) -> None:
        """Parameters moved along the direction; those without factors along their gradient."""
        with torch.no_grad():
            for each in self.layers:
                weight, width = each.module.weight, each.module.weight[0].numel()
                weight.add_(each.direction[:, :width].reshape(weight.shape), alpha=-1e-9)
                if each.module.bias is not None:
                    each.module.bias.add_(each.direction[:, width], alpha=-1e-9)
            for parameter in self._unfactored:
                if parameter.grad is not None:
                    parameter.add_(parameter.grad, alpha=-1e-9)

    def step(self) -> None:
        """All phases."""
        for phase in PHASES[:-1]:
            getattr(self, phase)()

    # --- preparation -------------------------------------------------------------------------------------------

    def _capture(self) -> None:
        """Run once with hooks that keep what each factored layer saw; every phase once, so that all have inputs."""
        counters = []
        for module in self.built.network.modules():
            if not is_covered(module) and not list(module.children()):
                counters.append(module.register_forward_hook(self._count))
            if isinstance(module, Attended):
                counters.append(module.register_forward_hook(self._count_attention))
        layers = covered_layers(self.built.network)
        with Capture(layers) as seen:
            gradients = seen.gradients(self.built.loss())
        for counter in counters:
            counter.remove()
        self.forward_backward()
        empty = torch.empty(0)
        for name, calls in seen.calls.items():
            module = layers[name]
            assert isinstance(module, nn.Linear | nn.Conv2d)
            nothing = (empty, empty)
            each = _Layer(module, calls[-1].inputs, gradients[name][-1], nothing, nothing, nothing, nothing, empty)
            self.layers.append(each)
        self.rows()
        self.factors()
        for each in self.layers:
            each.averages = each.factors[0].clone(), each.factors[1].clone()
        covered = {id(p) for each in self.layers for p in each.module.parameters()}
        self._unfactored = [p for p in self.built.network.parameters() if id(p) not in covered]
        self.inversion()
        self.precondition()

    def _count(self, module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        self._activations += output.numel()

    def _count_attention(self, module: Attended, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        batch, tokens, width = output.shape
        self._attention += 4.0 * batch * tokens**2 * width
        self._activations += 3.0 * batch * module.heads * tokens**2


# Rows as they are timed: flat, with the copies that cards were measured with. `solver.kfac.rows` makes the same numbers
# in other copies.


def _input_rows(layer: _Layer) -> torch.Tensor:
    module, x = layer.module, layer.inputs
    if isinstance(module, nn.Conv2d):
        unfolded = nn.functional.unfold(x, module.kernel_size, 1, module.padding, module.stride)  # type: ignore[arg-type]
        x = unfolded.mT.reshape(-1, unfolded.shape[1])
    else:
        x = x.reshape(-1, x.shape[-1])
    return x if module.bias is None else torch.cat([x, x.new_ones(len(x), 1)], 1)


def _gradient_rows(layer: _Layer) -> torch.Tensor:
    y = layer.gradients
    if isinstance(layer.module, nn.Conv2d):
        return y.flatten(2).mT.reshape(-1, y.shape[1])
    return y.reshape(-1, y.shape[-1]).contiguous()


def _inverse(factor: torch.Tensor) -> torch.Tensor:
    damped = factor.clone()
    damped.diagonal().add_(_DAMPING * (1.0 + float(len(factor))))
    return torch.cholesky_inverse(torch.linalg.cholesky(damped))


def _gradient_matrix(module: nn.Linear | nn.Conv2d) -> torch.Tensor:
    assert module.weight.grad is not None
    gradient = module.weight.grad.reshape(module.weight.shape[0], -1)
    if module.bias is None:
        return gradient
    assert module.bias.grad is not None
    return torch.cat([gradient, module.bias.grad[:, None]], 1)
