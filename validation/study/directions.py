"""How wrong each machine makes the K-FAC direction: the link from bits, mismatch and sampling error to one accuracy."""

from collections.abc import Sequence

import torch
from torch import Tensor

from solver.kfac import KFAC, Backend, Cholesky, Damping, damp
from validation.study.arms import ARMS, Hyper, build
from validation.study.task import Split, Task

_LOOKS = (10, 30, 60)  # steps of digital K-FAC at which factors and gradients are taken


def direction_errors(task: Task, hyper: Hyper, arms: Sequence[str], seed: int = 0) -> dict[str, dict[str, float]]:
    """Errors of every arm's direction along one digital run, relative to the exact one.

    Returns:
        By arm: `direction`, the root mean square over looks of |approximate - exact| / |exact| over all layers
        together; `cosine`, the smallest cosine between them; `kappa`, the largest condition number of a damped factor.
    """
    torch.manual_seed(seed)
    model, generator = task.model(), torch.Generator().manual_seed(1000 + seed)
    optimizer, _ = build("kfac", model, hyper, seed)
    assert isinstance(optimizer, KFAC)
    found: dict[str, list[tuple[float, float]]] = {arm: [] for arm in arms}
    kappa = 1.0
    for step in range(1, max(_LOOKS) + 1):
        index = torch.randperm(task.size(Split.TRAIN), generator=generator)[: task.batch_size]
        batch = task.batch(Split.TRAIN, index)
        optimizer.zero_grad()
        output = model(*batch.inputs)
        optimizer.observe([task.curvature(output, generator)], examples=batch.examples, segments=batch.segments)
        loss: Tensor = task.loss(output, batch)
        torch.autograd.backward(loss)
        if step in _LOOKS:
            factors = [(layer.A, layer.G, layer.gradient().to(optimizer.dtype)) for layer in optimizer.layers]
            damped = [
                (*damp(A, G, hyper.damping, Damping.PI), g) for A, G, g in factors if A is not None and G is not None
            ]
            kappa = max([kappa, *(float(torch.linalg.cond(f)) for A, G, _ in damped for f in (A, G))])
            exact = _direction(Cholesky(), damped)
            for arm in arms:
                make = ARMS[arm]
                approximate = _direction(make(step) if make is not None else Cholesky(), damped)
                error = float((approximate - exact).norm() / exact.norm())
                found[arm].append((error, float(approximate @ exact / approximate.norm() / exact.norm())))
        optimizer.step()
    return {
        arm: {
            "direction": (sum(e**2 for e, _ in each) / len(each)) ** 0.5,
            "cosine": min(c for _, c in each),
            "kappa": kappa,
        }
        for arm, each in found.items()
    }


@torch.no_grad()
def _direction(backend: Backend, factors: Sequence[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """All layers' preconditioned gradients, one vector."""
    return torch.cat([backend.prepare(A, G)(gradient).flatten() for A, G, gradient in factors])
