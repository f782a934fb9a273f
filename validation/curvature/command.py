"""The verb ``curvature measure``: train a network of the user's and measure it on the way."""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from costmodel.curvature.roles import LayerRole
from costmodel.inputs.faults import Fault, InputError
from costmodel.inputs.user_code import code_of_user, function_named
from costmodel.quantities.names import unknown
from solver.kfac.factors import Sharing
from validation.curvature.fisher import Fisher, Likelihood
from validation.curvature.probe import CurvatureProbe
from validation.curvature.task import Task, counted, described, on, task_of

#: Learning rate where the factory gives no optimizer.
_RATE: Final = 1e-3
#: Gradients are then clipped to this norm.
_CLIP: Final = 1.0
#: Progress is shown this often.
_SHOW_SECONDS: Final = 1.0


def measure(
    factory: str,
    out: str,
    steps: str,
    sharing: str,
    fisher: str,
    device: str,
    seed: int,
    network: str,
    layers: Sequence[str],
    roles: Sequence[str],
    *,
    quiet: bool,
) -> None:
    """Check the options, call the factory, train up to the last step and write the file.

    Raises:
        InputError: An option makes no sense, the user's code raises, or there is nothing that can be measured.
    """
    faults: list[Fault] = []
    at = _steps(steps, faults)
    given = _roles(roles, faults)
    for option, value, known in (("sharing", sharing, list(Sharing)), ("fisher", fisher, list(Fisher))):
        if value not in known:
            faults.append(Fault(f"--{option}", 0, 0, "", unknown("value", value, known)))
    if device not in {"cpu", "cuda"}:
        faults.append(Fault("--device", 0, 0, "", f"'{device}' is none of cpu, cuda"))
    elif device == "cuda" and not torch.cuda.is_available():
        faults.append(Fault("--device", 0, 0, "", "this torch sees no CUDA device"))
    if faults:
        raise InputError(faults)
    make = function_named(factory)
    torch.manual_seed(seed)
    with code_of_user(factory):
        made = make()
    task, likelihood = task_of(made, factory)
    task.model.to(device)
    probe = CurvatureProbe(
        task.model, out=out, at=at, network=network or factory.rpartition(":")[2], kind=task.kind, width=task.width,
        data=task.data, last_step=max(at), likelihood=likelihood, fisher=fisher, sharing=sharing, layers=layers,
        roles=given | {pattern: role for pattern, role in task.roles.items() if pattern not in given}, seed=seed,
        quiet=quiet,
    )  # fmt: skip
    with probe:
        _train(task, likelihood, probe, factory, torch.device(device))
    if not quiet:
        print(f"measured; look at it with: python -m costmodel curvature show {out}", file=sys.stderr)


def _train(task: Task, likelihood: Likelihood, probe: CurvatureProbe, origin: str, device: torch.device) -> None:
    """Train until the last step that is still to be measured."""
    due = [step for step in sorted(probe.at) if probe.due(step)]
    if not due:
        return
    optimizer, schedule = _optimizer(task, max(probe.at))
    task.model.train()
    batches = _endless(task, origin)
    shown = time.monotonic()
    for step in range(due[-1] + 1):
        if not probe.quiet and time.monotonic() > shown + _SHOW_SECONDS:
            shown = time.monotonic()
            print(f"\r{f'training: step {step} of {due[-1]}':79}", end="", file=sys.stderr, flush=True)
        with code_of_user(origin, f"step {step}: "), probe.step(step):
            *inputs, targets = _tuple(next(batches), device)
            outputs = task.model(*inputs)
            loss = task.loss(outputs, targets)
            _check(outputs, loss, origin)
            probe.observe(
                outputs,
                loss=loss,
                mask=counted(targets, outputs, likelihood),
                segments=task.segments(*inputs) if task.segments is not None else None,
            )
            if not math.isfinite(float(loss.detach())):
                raise InputError.about(origin, f"step {step}: the loss is {float(loss.detach()):g}")
            if step == due[-1]:
                return
            optimizer.zero_grad()
            loss.backward()
            if schedule is not None:
                nn.utils.clip_grad_norm_(task.model.parameters(), _CLIP)
            optimizer.step()
            if schedule is not None:
                schedule.step()


def _optimizer(task: Task, last: int) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler | None]:
    """The user's, or one with a schedule over all steps."""
    if task.optimizer is not None:
        return task.optimizer, None
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=_RATE)
    return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, last))


def _endless(task: Task, origin: str) -> Iterator[Any]:
    """Batches, again from the start where they end."""
    while True:
        count = 0
        for batch in task.batches:
            count += 1
            yield batch
        if count == 0:
            what = "batches end before the last of --steps; a generator gives them once, a list or loader again"
            raise InputError.about(origin, what)


def _tuple(batch: Any, device: torch.device) -> tuple[Any, ...]:
    if not isinstance(batch, tuple | list) or len(batch) < 2:
        raise TypeError(f"a batch is a tuple (*inputs, targets), not a {type(batch).__name__}")
    return tuple(on(device, batch))


def _check(outputs: Any, loss: Any, origin: str) -> None:
    for what, value, holds in (
        ("network gave", outputs, isinstance(outputs, Tensor) and outputs.dim() > 0),
        ("loss is", loss, isinstance(loss, Tensor) and loss.dim() == 0),
    ):
        if not holds:
            expected = "one tensor" if value is outputs else "a tensor with one number, the mean over the batch"
            shape = f" of shape {tuple(value.shape)}" if isinstance(value, Tensor) else ""
            raise InputError.about(origin, f"the {what} {described(value)}{shape}, expected {expected}")


def _steps(text: str, faults: list[Fault]) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch("[0-9]{1,9}", part, re.ASCII) for part in parts):
        faults.append(Fault("--steps", 0, 0, "", f"'{text}' is not a list of steps like 0,30,150"))
        return []
    return sorted({int(part) for part in parts})


def _roles(texts: Sequence[str], faults: list[Fault]) -> dict[str, LayerRole]:
    found = {}
    for text in texts:
        pattern, equals, role = text.rpartition("=")
        if not equals or not pattern:
            faults.append(Fault("--role", 0, 0, "", f"'{text}' is not of the form PATTERN=ROLE"))
        elif role not in list(LayerRole):
            faults.append(Fault("--role", 0, 0, "", unknown("role", role, list(LayerRole))))
        else:
            found[pattern] = LayerRole(role)
    return found
