"""What ``curvature measure`` trains: a network with its batches and loss, as a factory of the user gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from costmodel.curvature.roles import LayerRole
from costmodel.inputs.faults import InputError
from costmodel.quantities.names import unknown
from validation.curvature.fisher import Likelihood

#: Labels of cross entropy that stand for none, as torch has it.
_IGNORED = -100


@dataclass(frozen=True, slots=True)
class Task:
    """A network to train and measure. A factory may also give the first three or four as a plain tuple.

    Attributes:
        model: Called with all of a batch but its last entry.
        batches: Tuples ``(*inputs, targets)``, each one step; gone through again when they end, where that is possible.
        loss: Mean loss of the outputs and the targets.
        optimizer: Of the model's parameters. None is AdamW with a learning rate of 1e-3 that falls to zero like a
            cosine, gradients clipped to a norm of 1.
        likelihood: What the outputs stand for; None where the loss is one of torch's that says it.
        kind: Family of the network, free text.
        width: Width of its hidden layers; 0 stands for the number of outputs that most layers have.
        data: What it is trained on, free text.
        segments: With ``reduce``, for graph networks: from the inputs to the graph of each row of a layer's input, by
            name of the layer.
        roles: Roles by shell pattern of names, before any that is inferred and after those of ``--role``.
    """

    model: nn.Module
    batches: Iterable[tuple[Any, ...]]
    loss: Callable[[Any, Any], Tensor]
    optimizer: torch.optim.Optimizer | None = None
    likelihood: Likelihood | str | None = None
    kind: str = "custom"
    width: int = 0
    data: str = "own"
    segments: Callable[..., Mapping[str, Tensor]] | None = None
    roles: Mapping[str, LayerRole | str] = field(default_factory=dict)


def task_of(given: object, origin: str) -> tuple[Task, Likelihood]:
    """Check what a factory gave.

    Raises:
        InputError: It is no task; ``origin`` names the factory.
    """
    if isinstance(given, tuple) and len(given) in {3, 4}:
        given = Task(*given)
    if not isinstance(given, Task):
        message = f"gave {described(given)}, no Task and no tuple (model, batches, loss[, optimizer])"
        raise InputError.about(origin, message)
    wrong = [
        f"{name} is {described(value)}, expected {expected}"
        for name, value, holds, expected in (
            ("model", given.model, isinstance(given.model, nn.Module), "a torch module"),
            ("batches", given.batches, isinstance(given.batches, Iterable), "an iterable of tuples"),
            ("loss", given.loss, callable(given.loss), "a function of outputs and targets"),
            (
                "optimizer",
                given.optimizer,
                given.optimizer is None or isinstance(given.optimizer, torch.optim.Optimizer),
                "an optimizer of torch, or None",
            ),
        )
        if not holds
    ]
    wrong += _wrong_roles(given.roles)
    if wrong:
        raise InputError.about(origin, "; ".join(wrong))
    return given, _likelihood(given, origin)


def _wrong_roles(roles: object) -> list[str]:
    if not isinstance(roles, Mapping):
        return [f"roles is {described(roles)}, expected a mapping of patterns to roles"]
    known = list(LayerRole)
    return [
        f"roles['{pattern}']: {unknown('role', str(role), known)}"
        for pattern, role in roles.items()
        if role not in known
    ]


def _likelihood(task: Task, origin: str) -> Likelihood:
    known = ", ".join(Likelihood)
    if task.likelihood is not None:
        try:
            return Likelihood(task.likelihood)
        except ValueError:
            raise InputError.about(origin, f"likelihood is {task.likelihood!r}, none of {known}") from None
    for likelihood, function, module in (
        (Likelihood.CATEGORICAL, functional.cross_entropy, nn.CrossEntropyLoss),
        (Likelihood.BERNOULLI, functional.binary_cross_entropy_with_logits, nn.BCEWithLogitsLoss),
        (Likelihood.GAUSSIAN, functional.mse_loss, nn.MSELoss),
    ):
        if task.loss is function or isinstance(task.loss, module):
            return likelihood
    message = f"its loss does not say what the outputs stand for; give Task(..., likelihood=...), one of {known}"
    raise InputError.about(origin, message)


def counted(targets: Any, outputs: Tensor, likelihood: Likelihood) -> Tensor | None:
    """True where a target is one: no label -100 of cross entropy, no NaN of the other two; None where all are."""
    if not isinstance(targets, Tensor):
        return None
    if likelihood is Likelihood.CATEGORICAL:
        fits = not targets.is_floating_point() and targets.shape == outputs.shape[:-1]
        mask = targets != _IGNORED if fits else None
    else:
        mask = ~targets.isnan() if targets.shape == outputs.shape else None
    return None if mask is None or bool(mask.all()) else mask


def on(device: torch.device, value: Any) -> Any:
    """Tensors of a nest of tuples, lists and mappings, moved to a device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, Mapping):
        return {key: on(device, each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(on(device, each) for each in value)
    return value


def described(value: object) -> str:
    """A value by its type, with an article.

    >>> described([]), described(None)
    ('a list', 'None')
    """
    return f"a {type(value).__name__}" if value is not None else "None"
