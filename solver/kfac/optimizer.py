"""K-FAC as a torch optimizer with a pluggable solver."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast, overload

import torch
from torch import Tensor, nn

from solver.kfac.backends import Backend, Cholesky, prepared
from solver.kfac.capture import Capture
from solver.kfac.damping import Damping, damp
from solver.kfac.factors import Sharing, gradient_factor, input_factor
from solver.kfac.layers import Layer, Looks, cover, parameters_of
from solver.kfac.rows import gradient_rows, input_rows
from solver.kfac.state import load_layers, saved_layers

# Marks a parameter group's rule: those of K-FAC, and those of Adam.
_RULE = "kfac"


class KFAC(torch.optim.Optimizer):
    """Kronecker-factored natural gradient on linear and convolutional layers, Adam on every other parameter.

    A step of training:

        logits = model(x)
        optimizer.observe([sampled_cross_entropy(logits, generator)], examples=len(x))
        loss_of(logits, y).backward()
        optimizer.step()

    To accumulate gradients, observe and go backward once a part of the batch, then step: the parts' factors are
    averaged by their examples. `left_to_adam` says which parameters are left to Adam and why.

    Every parameter is in `param_groups`, so that schedulers and `torch.amp.GradScaler` reach it: a group of yours
    becomes one of K-FAC (`group["kfac"]` is true) and one of Adam, with the learning rates `lr` and `other_lr`.
    `state_dict` holds factors, what was prepared from them, Adam's moments, and the backend's seed and ledger.

    Args:
        model: its linear and ungrouped 2-d convolutional layers are preconditioned. Parameters frozen by then stay as
            they are: a layer without a trained weight is left to Adam, one without a trained bias has factors without.
            Modules that share a weight are one layer, called several times.
        params: parameters or groups to move, as other optimizers take them; all of the model's unless given. A group
            may set `lr`, `other_lr`, `momentum`, `weight_decay`, `damping`, and Adam's `betas` and `eps`.
        lr: learning rate of the preconditioned gradient.
        backend: who solves with the factors; Cholesky by default.
        damping: lambda.
        rule: where the damping goes.
        sharing: expand or reduce.
        decay: of the factors' moving average; the first batch enters in full.
        factor_interval: steps between looks at the factors.
        refresh_interval: steps between refreshes of what the backend prepared.
        momentum: of the preconditioned gradient.
        clip: bound on the squared Fisher norm of the step, the sum of lr^2 times direction times gradient (the kl clip
            of Ba et al. 2017); None is off.
        weight_decay: decoupled, on every parameter.
        other_lr: learning rate of Adam on the parameters of other modules.
        excluded: names of layers left to Adam, such as a vocabulary projection.
        dtype: precision of factors and solves.
    """

    def __init__(
        self,
        model: nn.Module,
        params: Iterable[Any] | None = None,
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
        self._model = model
        self._names = frozenset(name for name, _ in model.named_modules())
        self._known("excluded", skip := set(excluded))
        groups = _groups(model.parameters() if params is None else params)
        chosen = None if params is None else {id(p) for group in groups for p in parameters_of(group)}
        found = cover(model, skip, chosen)
        self.layers, self.left_to_adam, self._first = found.layers, found.left, found.first
        self._ours = {id(p) for layer in self.layers for p in layer.module.parameters(recurse=False)}
        self._inner = torch.optim.AdamW([torch.zeros(1)], lr=other_lr, weight_decay=weight_decay)
        own = {"lr": lr, "other_lr": other_lr, "momentum": momentum, "weight_decay": weight_decay, "damping": damping}
        super().__init__(groups, {**self._inner.defaults, **own})
        self.backend = backend if backend is not None else Cholesky()
        self.rule, self.sharing, self.decay, self.clip = Damping(rule), Sharing(sharing), decay, clip
        self.factor_interval, self.refresh_interval, self.dtype = factor_interval, refresh_interval, dtype
        self.steps = 0
        self._looks: dict[str, Looks] = {}  # since the last step, by layer
        self._seen = Capture(found.modules, self._watched)

    @property
    def factors_due(self) -> bool:
        """Whether the coming step looks at the factors."""
        return self.steps % self.factor_interval == 0

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters, those of covered layers and the others as a group each."""
        if _RULE in param_group:
            super().add_param_group(param_group)
            return
        given = parameters_of(param_group)
        rest = {key: value for key, value in param_group.items() if key != "params"}
        other_lr = rest.get("other_lr", self.defaults["other_lr"])
        for rule, lr in ((True, rest.get("lr", self.defaults["lr"])), (False, other_lr)):
            members = [p for p in given if (id(p) in self._ours) is rule]
            if members:
                super().add_param_group({**rest, "lr": lr, "params": members, _RULE: rule})

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
            FloatingPointError: an input or gradient that is not finite; no factor has moved.
        """
        if not self.factors_due:
            return
        self._known("segments", segments or ())
        used = self._used()
        if not used:
            raise RuntimeError("no covered layer has run in training mode since the last step; call the model first")
        gradients = [self._seen.gradients(loss) for loss in losses]
        looks = {
            name: self._look(layer, modules, gradients, examples, segments or {})
            for name, (layer, modules) in used.items()
        }
        for name, (A, G) in looks.items():
            if not bool(A.isfinite().all() and G.isfinite().all()):
                raise FloatingPointError(
                    f"layer {name or 'of the model'}: inputs or gradients of this batch are not finite"
                )
        for name, (layer, _) in used.items():
            self._move_factors(layer, *looks[name], examples)
        self._seen.clear()

    def _used(self) -> dict[str, tuple[Layer, list[str]]]:
        """Layers that ran since the last step, each with the names of its modules that did."""
        layers = {layer.name: layer for layer in self.layers}
        found: dict[str, tuple[Layer, list[str]]] = {}
        for name in self._seen.calls:
            found.setdefault(self._first[name], (layers[self._first[name]], []))[1].append(name)
        return found

    def _look(
        self,
        layer: Layer,
        modules: Sequence[str],
        gradients: Sequence[Mapping[str, list[Tensor]]],
        examples: int,
        segments: Mapping[str, Tensor],
    ) -> tuple[Tensor, Tensor]:
        """Factors of one batch; calls of a layer are examples of their own, whose curvatures add up."""
        calls = [call for name in modules for call in self._seen.calls[name]]
        count, number = len(calls), examples * len(calls)
        segment = _repeat(segments.get(layer.name), count, examples)
        x = torch.cat([input_rows(layer.module, call.inputs.to(self.dtype))[0] for call in calls])
        A = input_factor(x, self.sharing, number, segment)
        parts = []
        for each in gradients:
            rows = [gradient_rows(layer.module, one.to(self.dtype))[0] for name in modules for one in each[name]]
            parts.append(gradient_factor(torch.cat(rows), self.sharing, number, segment) * count)
        return A, torch.stack(parts).sum(0)

    def _move_factors(self, layer: Layer, A: Tensor, G: Tensor, examples: int) -> None:
        """Running average; a second look before a step is averaged with the first, by their examples."""
        looks = self._looks.setdefault(layer.name, Looks(layer.A, layer.G))
        looks.add(A, G, examples)
        layer.A, layer.G = looks.moved(self.decay)

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Precondition the gradients and move the parameters.

        Args:
            closure: computes the loss again, with `observe` and the backward pass in it.

        Raises:
            RuntimeError: a layer has a gradient and no factors.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        groups = {id(p): group for group in self.param_groups if group[_RULE] for p in group["params"]}
        active = [layer for layer in self.layers if layer.module.weight.grad is not None]
        directions = self.precondition(active)
        scale = self._clip(active, directions)
        for layer, direction in zip(active, directions, strict=True):
            for parameter, move in layer.parts(direction * scale):
                self._move(parameter, move, groups[id(parameter)])
        self._step_adam()
        self.steps += 1
        self._forget()
        return loss

    def _step_adam(self) -> None:
        """Adam on the groups of the other parameters, with its moments in this optimizer's own state."""
        self._inner.param_groups = [group for group in self.param_groups if not group[_RULE]]
        self._inner.state = self.state
        self._inner.step()

    def _forget(self) -> None:
        """Drop what was seen since the last step."""
        self._seen.clear()
        self._looks.clear()

    def precondition(self, layers: Sequence[Layer]) -> list[Tensor]:
        """Natural gradients of layers, each (d_out, d_in [+ 1]); refreshes the backend when it is due."""
        damping = {id(p): group["damping"] for group in self.param_groups for p in group["params"]}
        directions = []
        for layer in layers:
            if layer.A is None or layer.G is None:
                raise RuntimeError(self._unseen(layer))
            if layer.apply is None or self.steps % self.refresh_interval == 0:
                damped = damp(layer.A, layer.G, damping[id(layer.module.weight)], self.rule)
                layer.apply = prepared(self.backend, *damped, layer.apply)
            directions.append(layer.apply(layer.gradient().to(self.dtype)))
        return directions

    def _unseen(self, layer: Layer) -> str:
        """Why a layer with a gradient has no factors."""
        told = f"layer {layer.name} has no factors yet"
        if any(each.A is not None for each in self.layers):
            return (
                f"{told} though it has a gradient: its module was not called in training mode when the factors were "
                f"due, as where a function takes its weight; leave it to Adam with excluded=[{layer.name!r}]"
            )
        return f"{told}; call observe() before the first step()"

    def _clip(self, layers: Sequence[Layer], directions: Sequence[Tensor]) -> float:
        """Factor at most 1 that keeps the sum of lr^2 <direction, gradient> within the bound."""
        if self.clip is None:
            return 1.0
        rates = {id(p): group["lr"] for group in self.param_groups for p in group["params"]}
        size = 0.0
        for layer, direction in zip(layers, directions, strict=True):
            gradients = layer.parts(layer.gradient().to(direction))
            for (parameter, move), (_, gradient) in zip(layer.parts(direction), gradients, strict=True):
                size += rates[id(parameter)] ** 2 * float((move.double() * gradient.double()).sum())
        return min(1.0, math.sqrt(self.clip / max(size, torch.finfo(torch.float64).tiny)))

    def _move(self, parameter: Tensor, step: Tensor, group: Mapping[str, Any]) -> None:
        """Momentum, decoupled weight decay, and the step."""
        if group["momentum"] > 0:
            state = self.state[parameter]
            state["velocity"] = step if "velocity" not in state else group["momentum"] * state["velocity"] + step
            step = state["velocity"]
        parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(step, alpha=group["lr"])

    def state_dict(self) -> dict[str, Any]:
        """Everything that the rest of a run depends on but the model and the settings of the constructor.

        Saved between `step` and the next `observe`. Tensors and plain values only, so that `torch.load` needs no trust.
        """
        found = super().state_dict()
        backend: dict[str, Any] = getattr(self.backend, "state_dict", dict)()
        found["kfac_state"] = {"steps": self.steps, "sharing": self.sharing.value, "rule": self.rule.value,
                               "layers": saved_layers(self.layers), "backend": backend}  # fmt: skip
        return found

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up a saved run; the next step is the one that it would have made.

        Factors that stay loaded on a simulated machine (`ThermoSolve`) are loaded again, with new noise.

        Raises:
            ValueError: a state of another optimizer, of other layers, or with factors of another kind.
        """
        saved = state_dict.get("kfac_state")
        if saved is None:
            raise ValueError("not a state of KFAC: it has no 'kfac_state'")
        for name, own in (("sharing", self.sharing.value), ("rule", self.rule.value)):
            if saved[name] != own:
                raise ValueError(f"{name}: the state was saved with {saved[name]}, this one has {own}")
        load_layers(self.layers, saved["layers"], self.dtype)
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "kfac_state"})
        self.steps = int(saved["steps"])
        if saved["backend"] and hasattr(self.backend, "load_state_dict"):
            self.backend.load_state_dict(saved["backend"])
        self._forget()


def _groups(params: Iterable[Any]) -> list[dict[str, Any]]:
    """Parameter groups of what an optimizer is given."""
    given = list(params)
    if not given:
        raise ValueError("no parameters to move")
    return cast(list[dict[str, Any]], given) if isinstance(given[0], dict) else [{"params": given}]


def _repeat(segments: Tensor | None, calls: int, examples: int) -> Tensor | None:
    """Segments of several calls of one layer, each call an example of its own."""
    return None if segments is None else torch.cat([segments + i * examples for i in range(calls)])
