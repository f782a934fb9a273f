"""Tune, then run every arm on every seed.

    python -m validation.study.run --out validation/data/study/runs.jsonl [--tasks mlp gnn vit] [--part 0/2]

Resumable: one flushed line a run, runs on file are skipped. Seeds are outermost, so that whatever is done of the queue
has (nearly) the same seeds of every arm. What is run, and how it is judged, was registered beforehand in
validation/data/study/registered.md.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from validation.simulator.calibrate import versions
from validation.simulator.lines import Line, append, read
from validation.study.arms import ALL_ARMS, Hyper
from validation.study.design import BASE, FIRST_SEEDS, INTERVALS, LIMITS, STOPS, TARGETS, TUNING_SEEDS, Job, queue
from validation.study.task import Task
from validation.study.train import TASKS, train
from validation.study.tune import SEARCHES, cost, walk


class Study:
    """Runs on file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: dict[str, Line] = {r["key"]: r for r in read(path)}
        self._tasks: dict[str, Task] = {}

    def one(self, task: str, arm: str, hyper: Hyper, seed: int) -> Line:
        """Result of a run, from the file or made now."""
        settings = " ".join(f"{name}={value:g}" for name, value in hyper.values().items())
        key = f"{task}/{arm}/{settings}/{seed}"
        if key not in self.found:  # another part of the queue may have made it
            self.found = {r["key"]: r for r in read(self.path)}
        if key not in self.found:
            if task not in self._tasks:
                self._tasks[task] = TASKS[task]()
            rules: dict[str, Any] = {"target": TARGETS[task], "limit": LIMITS[task], "interval": INTERVALS[task]}
            result = train(self._tasks[task], ALL_ARMS[arm], hyper, seed, **rules)
            record = {"schema": 2, "key": key, "task": task, "arm": arm, "seed": seed, "hyper": hyper.values()}
            record |= {**rules, **result, **versions()}
            append(self.path, record)
            self.found[key] = record
            print(f"{key}: {result['steps']} steps, best {result['best']}, {result['wall_s']} s", file=sys.stderr)
        return self.found[key]

    def tuned(self, task: str, kind: str) -> Hyper:
        """Settings that no neighbour on the grid beats over the tuning seeds."""
        search = SEARCHES[kind]

        def price(hyper: Hyper) -> tuple[float, float]:
            return cost([self.one(task, search.arm, hyper, seed) for seed in TUNING_SEEDS])

        point, _ = walk(search, price)
        hyper = search.hyper(point)
        assert hyper is not None
        return hyper

    def run(self, jobs: Iterator[Job]) -> None:
        """Make what is missing of the jobs, in their order; settings are tuned at their first use."""
        settings: dict[tuple[str, str], Hyper] = {}
        for task, arm, seed in jobs:
            kind = ALL_ARMS[arm].tuned
            for needed in (kind, ALL_ARMS[BASE].tuned):
                if (task, needed) not in settings:
                    settings[task, needed] = self.tuned(task, needed)
            same = arm == "damping 0.001" and settings[task, kind] == settings[task, ALL_ARMS[BASE].tuned]
            if not same and not self.futile(task, arm, seed):
                self.one(task, arm, settings[task, kind], seed)

    def futile(self, task: str, arm: str, seed: int) -> bool:
        """Whether one of the first seeds did not arrive, so that the arm can no more be shown to lose nothing."""
        if seed <= max(FIRST_SEEDS) or task not in STOPS or arm == BASE:
            return False
        runs = [r for r in self.found.values() if (r["task"], r["arm"]) == (task, arm) and r["seed"] in FIRST_SEEDS]
        return any(r["steps"] is None for r in runs)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the study, or one of several equal parts of its queue."""
    parser = argparse.ArgumentParser(description="Steps to target of K-FAC with flaws.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", choices=sorted(TASKS), default=list(TASKS))
    parser.add_argument("--arms", nargs="+", choices=list(ALL_ARMS), default=list(ALL_ARMS))
    parser.add_argument("--part", default="0/1", help="I/N: every Nth job from the Ith")
    args = parser.parse_args(argv)
    part, parts = map(int, args.part.split("/"))
    jobs = (job for i, job in enumerate(queue(args.tasks, args.arms)) if i % parts == part)
    Study(args.out).run(jobs)


if __name__ == "__main__":
    main()
