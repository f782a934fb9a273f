"""How far inverses move between two refreshes of K-FAC, and what of that a settling array would still have to settle.

    python -m validation.study.drift --out validation/data/study/drift.jsonl [--tasks mlp gnn vit] [--seeds 1 2]

Resumable: one flushed line a run, runs on file are skipped. Definitions and findings: validation/data/study/drift.md.
"""

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from solver.kfac import KFAC, damp
from validation.simulator.calibrate import versions
from validation.simulator.lines import Line, append, read
from validation.study.arms import ALL_ARMS, Hyper, build
from validation.study.task import Split, Task
from validation.study.train import TASKS, reproducible, take_step

#: Tuned settings of exact K-FAC at the damping that projections take: arm `damping 0.001` of the study's runs.
HYPERS: Final = {
    "mlp": Hyper(lr=0.1, damping=1e-3, clip=3e-5),
    "gnn": Hyper(lr=0.1, damping=1e-3, clip=1e-4),
    "vit": Hyper(lr=0.1, damping=1e-3, clip=1e-4),
}
#: Steps of a run, and those from which on the next refresh is looked at: three before most runs are at their target.
STEPS: Final = 301
LOOKS: Final = (20, 50, 100, 200, 300)
#: Steps between refreshes, and between factor updates; what projections take first.
INTERVALS: Final = ((100, 10), (30, 10), (10, 10), (30, 1), (10, 1), (100, 1), (5, 1), (1, 1))
#: Running times of an array, in relaxation times of its slowest mode.
RUNS: Final = (0.5, 1.0, 2.0, 3.0)


@dataclass(frozen=True, slots=True)
class Inverse:
    """A damped factor at a refresh.

    Attributes:
        factor: Before damping.
        values: Eigenvalues after damping, ascending.
        basis: Eigenvectors in columns.
    """

    factor: Tensor
    values: Tensor
    basis: Tensor

    @classmethod
    def of(cls, factor: Tensor, damped: Tensor) -> "Inverse":
        """Of a factor and what damping makes of it."""
        values, basis = torch.linalg.eigh(damped)
        return cls(factor, values, basis)

    @property
    def matrix(self) -> Tensor:
        """The inverse."""
        return self.basis / self.values @ self.basis.mT

    @property
    def damping(self) -> float:
        """What was added to the factor: known, without its spectrum, where it is damped."""
        return float((self.basis * self.values @ self.basis.mT - self.factor).diagonal().mean())

    def filtered(self, matrix: Tensor, run: float) -> Tensor:
        """What of a difference is left after a run of an array that holds this factor."""
        return self.basis * torch.exp(-run * self.values / self.values[0]) @ (self.basis.mT @ matrix)

    def weight(self, matrix: Tensor) -> float:
        """Norm of a matrix applied to gradients, whose covariance is the factor before damping."""
        return math.sqrt(max(0.0, float(((matrix @ self.factor) * matrix).sum())))


def moved(new: Inverse, old: Inverse, gradient: Tensor) -> dict[str, Any]:
    """How far an inverse is from a start, relative, in several norms; what runs leave of it, and of a start at rest.

    Args:
        new: at this refresh.
        old: at the last.
        gradient: shape (n, k), of this step.
    """
    exact = new.matrix
    found: dict[str, Any] = {"n": len(new.values), "kappa": float(new.values[-1] / new.values[0])}
    product = torch.linalg.solve(exact, old.matrix)  # 1 where nothing moved
    gain = float(product.trace() / (product**2).sum())
    known = old.damping / new.damping
    starts = {
        "rest": torch.zeros_like(exact), "last": old.matrix, "known": known * old.matrix, "scaled": gain * old.matrix,
    }  # fmt: skip
    of_gradient = float((exact @ gradient).norm())
    for name, start in starts.items():
        off = exact - start
        found[name] = {
            "inverse": float(off.norm() / exact.norm()),
            "direction": new.weight(off) / new.weight(exact),
            "gradient": float((off @ gradient).norm()) / of_gradient if of_gradient else None,
            "left": [new.weight(new.filtered(off, run)) / new.weight(exact) for run in RUNS],
        }
    return {**found, "gain": gain}


@reproducible()
def measure(task: Task, hyper: Hyper, interval: int, updates: int, decay: float, seed: int) -> list[Line]:
    """Train exactly, and look at every layer's factors at some refreshes.

    Args:
        task: data and model.
        hyper: tuned settings.
        interval: steps between refreshes.
        updates: steps between factor updates.
        decay: of the factors' running average.
        seed: of the weights, the order of the batches and the sampled Fisher.
    """
    torch.manual_seed(seed)
    model = task.model()
    generator = torch.Generator().manual_seed(1000 + seed)
    optimizer, _ = build(replace(ALL_ARMS["kfac"], refresh=interval), model, hyper, seed)
    assert isinstance(optimizer, KFAC)
    optimizer.factor_interval, optimizer.decay = updates, decay
    order, found = torch.empty(0, dtype=torch.long), list[Line]()
    inverses: dict[str, tuple[Inverse, Inverse]] = {}
    directions: dict[str, Tensor] = {}
    wanted = {interval * math.ceil(max(look, interval) / interval) for look in LOOKS}
    for step in range(STEPS):
        if len(order) < task.batch_size:
            order = torch.randperm(task.size(Split.TRAIN), generator=generator)
        index, order = order[: task.batch_size], order[task.batch_size :]
        take_step(task, model, optimizer, index, generator)
        looking, refreshed = step in wanted, step % interval == 0
        if not refreshed and step + 1 not in wanted:
            continue
        metric = task.metric(model) if looking else 0.0
        for layer in optimizer.layers:
            assert layer.A is not None
            assert layer.G is not None
            assert layer.apply is not None
            gradient = layer.gradient().to(optimizer.dtype)
            direction = layer.apply(gradient)
            if refreshed:
                damped = damp(layer.A, layer.G, optimizer.param_groups[0]["damping"], optimizer.rule)
                pair = Inverse.of(layer.A, damped[0]), Inverse.of(layer.G, damped[1])
                if looking:
                    turned = float((direction - directions[layer.name]).norm() / direction.norm())
                    both = zip(("A", "G"), pair, inverses[layer.name], (gradient.mT, gradient), strict=True)
                    found += [
                        {"step": step, "loss": metric, "layer": layer.name, "factor": side, "turned": turned}
                        | moved(new, old, of)
                        for side, new, old, of in both
                    ]
                inverses[layer.name] = pair
            directions[layer.name] = direction
    return found


def jobs(tasks: Sequence[str], seeds: Sequence[int]) -> Iterator[tuple[str, int, int, float, int]]:
    """Task, both intervals, decay and seed of every run, seeds outermost; other decays for one pair of intervals."""
    for seed in seeds:
        for task in tasks:
            yield from ((task, interval, updates, 0.95, seed) for interval, updates in INTERVALS)
    for seed in seeds[:1]:
        for task in tasks:
            yield from ((task, 30, 1, decay, seed) for decay in (0.8, 0.99))


def rounded(value: Any) -> Any:
    """Numbers to four digits, however deep."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value


def main(argv: Sequence[str] | None = None) -> None:
    """Make the runs that are not on file."""
    parser = argparse.ArgumentParser(description="How far inverses move between refreshes.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", choices=sorted(TASKS), default=list(TASKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    args = parser.parse_args(argv)
    made = {record["key"] for record in read(args.out)}
    tasks: dict[str, Task] = {}
    for name, interval, updates, decay, seed in jobs(args.tasks, args.seeds):
        key = f"{name}/{interval}/{updates}/{decay:g}/{seed}"
        if key in made:
            continue
        if name not in tasks:
            tasks[name] = TASKS[name]()
        task = tasks[name]
        factors = measure(task, HYPERS[name], interval, updates, decay, seed)
        settings = {"interval": interval, "updates": updates, "decay": decay, "hyper": HYPERS[name].values()}
        record = {"schema": 1, "key": key, "task": name, "seed": seed, **settings, "runs": list(RUNS)}
        append(args.out, record | {"factors": rounded(factors), **versions()})
        print(key, file=sys.stderr)


if __name__ == "__main__":
    main()
