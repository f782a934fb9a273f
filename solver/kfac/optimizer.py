"""K-FAC as a torch optimizer with a pluggable solver."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import torch
from torch import Tensor, nn

from solver.kfac.backends import Apply, Backend, Cholesky
from solver.kfac.capture import Capture
from solver.kfac.damping import Damping, damp
from solver.kfac.factors import Sharing, gradient_factor, input_factor
from solver.kfac.rows import gradient_rows, input_rows, is_covered, learns_bias, weight_matrix


@dataclass(slots=True)
class _Layer:
    """A covered layer and its running factors."""

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


class KFAC(torch.optim.Optimizer):
    """Kronecker-factored natural gradient on linear and convolutional layers, Adam on every other parameter.

    A step of training:

        logits = model(x)
        optimizer.observe([sampled_cross_entropy(logits, generator)], examples=len(x))
        loss_of(logits, y).backward()
        optimizer.step()

    Args:
        model: its linear and ungrouped 2-d convolutional layers are preconditioned. Parameters frozen by then stay as
            they are: a layer without a trained weight is left to Adam, one without a trained bias has factors without.
        lr: learning rate of the preconditioned gradient.
        backend: who solves with the factors; Cholesky by default.
        damping: lambda.
        rule: where the damping goes.
        sharing: expand or reduce.
        decay: of the factors' moving average; the first batch enters in full.
        factor_interval: steps between looks at the factors.
        refresh_interval: steps between refreshes of what the backend prepared.
        momentum: of the preconditioned gradient.
        clip: bound on lr^2 times the squared Fisher norm of the step (the kl clip of Ba et al. 2017); None is off.
        weight_decay: decoupled, on every parameter.
        other_lr: learning rate of Adam on the parameters of other modules.
        excluded: names of layers left to Adam, such as a vocabulary projection.
        dtype: precision of factors and solves.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        lr: float = 1e-2,
        backend: Backend | None = None,
        damping: float = 1e-3,
        rule: Damping = Damping.PI,
        sharing: Sharing = Sharing.EXPAND,
        decay: float = 0.95,
        factor_interval: int = 1,
        refresh_interval: int = 1,
        momentum: float = 0.0,
        clip: float | None = None,
        weight_decay: float = 0.0,
        other_lr: float = 1e-3,
        excluded: Iterable[str] = (),
        dtype: torch.dtype = torch.float64,
    ) -> None:
        if min(factor_interval, refresh_interval) < 1 or not 0 <= decay < 1:
            raise ValueError(f"need intervals >= 1 and 0 <= decay < 1: {factor_interval}, {refresh_interval}, {decay}")
        if not 0 <= momentum < 1 or min(lr, other_lr, weight_decay) < 0 or (clip is not None and not clip > 0):
            given = f"{momentum}, {lr}, {other_lr}, {weight_decay}, {clip}"
            raise ValueError(f"need 0 <= momentum < 1, lr, other_lr and weight_decay >= 0, clip > 0 or None: {given}")
        self._names = frozenset(name for name, _ in model.named_modules())
        skip = set(excluded)
        self._known("excluded", skip)
        self.layers = [
            _Layer(name, module)
            for name, module in model.named_modules()
            if is_covered(module)
            and name not in skip
            and (isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1))
            and module.weight.requires_grad
        ]
        covered = {id(p) for layer in self.layers for p in layer.module.parameters(recurse=False)}
        ours = [p for p in model.parameters() if id(p) in covered]
        others = [p for p in model.parameters() if id(p) not in covered]
        super().__init__([{"params": ours, "lr": lr, "momentum": momentum, "weight_decay": weight_decay}], {})
        self.backend = backend if backend is not None else Cholesky()
        self.damping, self.rule, self.sharing, self.decay, self.clip = damping, rule, sharing, decay, clip
        self.factor_interval, self.refresh_interval, self.dtype = factor_interval, refresh_interval, dtype
        self.steps = 0
        self.adam = torch.optim.AdamW(others, lr=other_lr, weight_decay=weight_decay) if others else None
        self._seen = Capture({layer.name: layer.module for layer in self.layers}, self._watched)

    @property
    def factors_due(self) -> bool:
        """Whether the coming step looks at the factors."""
        return self.steps % self.factor_interval == 0

    def _known(self, argument: str, names: Iterable[str]) -> None:
        """Refuse names that no module has: a misspelt layer would be treated like any other in silence."""
        unknown = sorted(set(names) - self._names)
        if unknown:
            raise ValueError(f"{argument}: the model has no module named {', '.join(map(repr, unknown))}")

    def _watched(self, module: nn.Module) -> bool:
        return module.training and self.factors_due

    def observe(self, losses: Sequence[Tensor], *, examples: int, segments: Mapping[str, Tensor] | None = None) -> None:
        """Move the factors towards this batch, when they are due; call it between the forward and the backward pass.

        Args:
            losses: summed (not averaged) scalar losses: the loss itself for the empirical Fisher, one of
                `solver.kfac.curvature` for the true one.
            examples: N.
            segments: for graph layers, by layer name: the graph of each row of the layer's input.

        Raises:
            RuntimeError: no covered layer ran since the last step.
            ValueError: segments of a layer that the model does not have.
        """
        if not self.factors_due:
            return
        self._known("segments", segments or ())
        used = [layer for layer in self.layers if layer.name in self._seen.calls]
        if not used:
            raise RuntimeError("no covered layer has run in training mode since the last step; call the model first")
        gradients = [self._seen.gradients(loss) for loss in losses]
        for layer in used:
            calls = self._seen.calls[layer.name]
            count, number = len(calls), examples * len(calls)
            segment = _repeat((segments or {}).get(layer.name), count, examples)
            x = torch.cat([input_rows(layer.module, call.inputs.to(self.dtype))[0] for call in calls])
            A = input_factor(x, self.sharing, number, segment)
            G = torch.zeros(0)
            for each in gradients:
                g = torch.cat([gradient_rows(layer.module, one.to(self.dtype))[0] for one in each[layer.name]])
                part = gradient_factor(g, self.sharing, number, segment) * count
                G = part if G.numel() == 0 else G + part
            layer.A = A if layer.A is None else self.decay * layer.A + (1 - self.decay) * A
            layer.G = G if layer.G is None else self.decay * layer.G + (1 - self.decay) * G
        self._seen.clear()

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Precondition the gradients and move the parameters.

        Raises:
            RuntimeError: called before the factors were observed once.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        group = self.param_groups[0]
        active = [layer for layer in self.layers if layer.module.weight.grad is not None]
        directions = self.precondition(active)
        scale = self._clip(active, directions, group["lr"])
        for layer, direction in zip(active, directions, strict=True):
            self._move(layer, direction * scale, group)
        if self.adam is not None:
            self.adam.step()
        self.steps += 1
        self._seen.clear()
        return loss

    def precondition(self, layers: Sequence[_Layer]) -> list[Tensor]:
        """Natural gradients of layers, each (d_out, d_in [+ 1]); refreshes the backend when it is due."""
        directions = []
        for layer in layers:
            if layer.A is None or layer.G is None:
                raise RuntimeError(f"layer {layer.name} has no factors yet; call observe() before the first step()")
            if layer.apply is None or self.steps % self.refresh_interval == 0:
                layer.apply = self.backend.prepare(*damp(layer.A, layer.G, self.damping, self.rule))
            directions.append(layer.apply(layer.gradient().to(self.dtype)))
        return directions

    def _clip(self, layers: Sequence[_Layer], directions: Sequence[Tensor], lr: float) -> float:
        """Factor at most 1 that keeps lr^2 <direction, gradient> within the bound."""
        if self.clip is None:
            return 1.0
        size = sum(float((d * la.gradient().to(d)).sum()) for la, d in zip(layers, directions, strict=True))
        return min(1.0, math.sqrt(self.clip / max(lr**2 * size, torch.finfo(torch.float64).tiny)))

    def _move(self, layer: _Layer, direction: Tensor, group: dict[str, Any]) -> None:
        """Momentum, decoupled weight decay, and the step."""
        weight, bias = layer.module.weight, layer.module.bias
        parts = [(weight, direction[:, : weight[0].numel()].reshape(weight.shape))]
        if bias is not None and learns_bias(layer.module):
            parts.append((bias, direction[:, -1]))
        for parameter, move in parts:
            step = move.to(parameter.dtype)
            if group["momentum"] > 0:
                state = self.state[parameter]
                state["velocity"] = step if "velocity" not in state else group["momentum"] * state["velocity"] + step
                step = state["velocity"]
            parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(step, alpha=group["lr"])

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of every parameter, Adam's included."""
        super().zero_grad(set_to_none)
        if self.adam is not None:
            self.adam.zero_grad(set_to_none)


def _repeat(segments: Tensor | None, calls: int, examples: int) -> Tensor | None:
    """Segments of several calls of one layer, each call an example of its own."""
    return None if segments is None else torch.cat([segments + i * examples for i in range(calls)])
