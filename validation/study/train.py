"""One training run, up to the step that reaches the validation target."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from solver import MatrixError
from solver.kfac import KFAC, damp
from validation.study.arms import Arm, Hyper, build
from validation.study.digits import Digits
from validation.study.directions import Watched, largest_kappa
from validation.study.molecules import Solubility
from validation.study.task import Split, Task

TASKS: dict[str, Callable[[], Task]] = {
    "mlp": lambda: Digits("mlp"),
    "gnn": lambda: Solubility(),
    "vit": lambda: Digits("vit"),
}
#: Steps at which the direction is compared with the exact one; all are steps of a refresh when every fifth is.
LOOKS = (11, 31, 61, 101, 151)
#: A loss beyond this has diverged.
_DIVERGED = 1e6


@contextmanager
def reproducible() -> Iterator[None]:
    """One thread and deterministic kernels, so that an equal seed gives an equal run, to the last bit."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict)


@reproducible()
def train(
    task: Task, arm: Arm, hyper: Hyper, seed: int, *, target: float, limit: int, interval: int = 2
) -> dict[str, Any]:
    """Train until the validation loss is at the target.

    Args:
        task: data and model.
        arm: the optimizer.
        hyper: learning rate and the rest.
        seed: of the weights, the order of the batches, the sampled Fisher and the machine.
        target: validation loss.
        limit: steps after which the run counts as censored.
        interval: steps between looks at the validation loss.

    Returns:
        steps (None when censored), best (lowest validation loss seen), failure (why it stopped early), wall_s, and for
        kinds of K-FAC `directions`: step, error and cosine of the direction, largest condition number.
    """
    torch.manual_seed(seed)
    model = task.model()
    generator = torch.Generator().manual_seed(1000 + seed)
    optimizer, backend = build(arm, model, hyper, seed)
    start, best, steps, failure = time.monotonic(), float("inf"), None, None
    directions: list[dict[str, float]] = []
    order = torch.empty(0, dtype=torch.long)
    for step in range(1, limit + 1):
        if len(order) < task.batch_size:
            order = torch.randperm(task.size(Split.TRAIN), generator=generator)
        index, order = order[: task.batch_size], order[task.batch_size :]
        if backend is not None:
            backend.looking = bool(arm.flaw) and step in LOOKS
        try:
            take_step(task, model, optimizer, index, generator)
        except (MatrixError, RuntimeError) as error:
            failure = str(error)
            break
        if isinstance(optimizer, KFAC) and step in LOOKS:
            directions.append(_look(step, optimizer, backend))
        if step % interval == 0:
            metric = task.metric(model)
            best = min(best, metric)
            if metric <= target:
                steps = step
                break
            if not metric < _DIVERGED:
                failure = "diverged"
                break
    record: dict[str, Any] = {"steps": steps, "best": best if best < _DIVERGED else None, "failure": failure}
    return record | {"directions": directions, "wall_s": round(time.monotonic() - start, 3)}


def _look(step: int, optimizer: KFAC, backend: Watched | None) -> dict[str, float]:
    """Error of the direction of this step, and the largest condition number of the factors that it used."""
    pairs = [
        damp(layer.A, layer.G, optimizer.param_groups[0]["damping"], optimizer.rule)
        for layer in optimizer.layers
        if layer.A is not None and layer.G is not None
    ]
    error = {} if backend is None else backend.take()
    return {"step": step, "kappa": float(f"{largest_kappa(pairs):.4g}")} | {
        k: float(f"{v:.4g}") for k, v in error.items()
    }


def take_step(
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
