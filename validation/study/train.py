"""One training run, up to the step that reaches the validation target."""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from solver import MatrixError
from solver.kfac import KFAC, ThermoInverse, ThermoSolve
from validation.study.arms import Hyper, build
from validation.study.digits import Digits
from validation.study.molecules import Solubility
from validation.study.task import Split, Task

TASKS: dict[str, Callable[[], Task]] = {
    "mlp": lambda: Digits("mlp"),
    "vit": lambda: Digits("vit"),
    "gnn": lambda: Solubility(),
}


def train(
    task: Task, arm: str, hyper: Hyper, seed: int, *, target: float, limit: int, interval: int = 5
) -> dict[str, Any]:
    """Train until the validation loss is at the target.

    Args:
        task: data and model.
        arm: a name of `arms.ARMS`.
        hyper: learning rate and the rest.
        seed: of the weights, the order of the batches, the sampled Fisher and the machine.
        target: validation loss.
        limit: steps after which the run counts as censored.
        interval: steps between looks at the validation loss.

    Returns:
        steps (None when censored), best (lowest validation loss seen), and what the machine went through.
    """
    torch.manual_seed(seed)
    model = task.model()
    generator = torch.Generator().manual_seed(1000 + seed)
    optimizer, backend = build(arm, model, hyper, seed)
    start, best, steps, failure = time.monotonic(), float("inf"), None, None
    order = torch.empty(0, dtype=torch.long)
    for step in range(1, limit + 1):
        if len(order) < task.batch_size:
            order = torch.randperm(task.size(Split.TRAIN), generator=generator)
        index, order = order[: task.batch_size], order[task.batch_size :]
        try:
            _step(task, model, optimizer, index, generator)
        except (MatrixError, RuntimeError) as error:
            failure = str(error)
            break
        if step % interval == 0:
            metric = task.metric(model)
            best = min(best, metric)
            if metric <= target:
                steps = step
                break
            if not metric < 1e6:
                failure = "diverged"
                break
    record = {"steps": steps, "best": best, "failure": failure, "wall_s": round(time.monotonic() - start, 3)}
    if isinstance(backend, ThermoInverse | ThermoSolve):
        record |= {"retries": backend.retries, "machine_time_s": backend.ledger.time_s}
    return record


def _step(
    task: Task, model: torch.nn.Module, optimizer: torch.optim.Optimizer, index: Tensor, generator: torch.Generator
) -> None:
    """One step of either kind of optimizer on a batch."""
    batch = task.batch(Split.TRAIN, index)
    optimizer.zero_grad()
    output = model(*batch.inputs)
    if isinstance(optimizer, KFAC) and optimizer.factors_due:
        fisher = task.curvature(output, generator)
        optimizer.observe([fisher], examples=batch.examples, segments=batch.segments)
    loss: Any = task.loss(output, batch)
    loss.backward()
    optimizer.step()
