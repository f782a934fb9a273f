"""A measuring session: rounds over a grid in random order, until the points are clean or the time is up."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch

from costmodel.inputs.faults import InputError
from costmodel.machines.operations import OPERATIONS
from costmodel.machines.sizes import Size
from validation.measure.environment import environment
from validation.measure.grid import Planned
from validation.measure.primitives import Call, prepare_typed
from validation.measure.protocol import Clock, Reference, visit
from validation.measure.steps import PHASES, Step
from validation.measure.timings import Point, Timing
from validation.measure.writing import TimingFile
from validation.quality import undisturbed

#: Visits a point should have, spread over as many rounds, ...
ROUNDS: Final = 3
#: ... and at most, where it keeps being disturbed.
MOST_ROUNDS: Final = 9
#: Progress is shown this often.
_SHOW_SECONDS: Final = 0.5
#: Guesses before anything is timed: seconds for a call and for a FLOP, by kind of device.
_GUESS: Final = {"cpu": (3e-5, 2.5e-11), "cuda": (1e-4, 1e-13)}
#: ... and for a phase of a network.
_GUESS_PHASE: Final = {"cpu": 0.05, "cuda": 0.01}
#: What an element of the inputs takes to be made.
_INPUT_SECONDS: Final = {"cpu": 3e-8, "cuda": 1e-10}
#: A share of a budget is kept back: guesses err, and disturbed points are measured again.
_PLANNED_SHARE: Final = 0.8


@dataclass(slots=True)
class Measurement:
    """What is measured, and what is known so far.

    Attributes:
        file: Timings are appended here.
        device: Where operations run.
        deadline: ``time.monotonic`` at which to stop; infinite without a budget.
        quiet: No progress.
        seed: Of the order.
    """

    file: Path
    device: torch.device
    deadline: float
    quiet: bool = False
    seed: int = 0
    _output: TimingFile | None = None
    visits: dict[Point, list[Timing]] = field(default_factory=dict)
    _steps: dict[str, Step] = field(default_factory=dict)
    _known_models: set[str] = field(default_factory=set)
    _failed: set[Point] = field(default_factory=set)
    _references: dict[int, Reference] = field(default_factory=dict)
    _best_reference: float = float("inf")
    _shown: float = 0.0

    def open(self) -> None:
        """Take up the file: what it holds counts as done; timings of another machine are refused.

        Raises:
            InputError: The file is no timing file, or was measured elsewhere.
        """
        here = environment(self.device)
        self._output = TimingFile(self.file)
        try:
            before = self._output.take_up(here)
            assert before.environment is not None
            if before.environment.identity != here.identity:
                message = "was measured on another machine or software; choose another --out"
                raise InputError.about(str(self.file), message, 1, 1)
        except InputError:
            self.close()
            raise
        for timing in before.timings:
            self._note(timing)
        self._known_models = set(before.models)

    def close(self) -> None:
        """Let others write the file."""
        if self._output is not None:
            self._output.close()

    def _append(self, record: dict[str, Any]) -> None:
        assert self._output is not None, "open() comes first"
        self._output.append(record)

    def run(self, planned: Sequence[Planned], rounds: int = ROUNDS) -> None:
        """Measure points until each has enough clean visits, or the time is up."""
        points = self._affordable(planned, rounds)
        order = random.Random(self.seed)
        started = time.monotonic()
        for turn in range(MOST_ROUNDS):
            due = [point for point in points if self._due(point, turn, rounds)]
            order.shuffle(due)
            for index, point in enumerate(due):
                if time.monotonic() + self._cost(point) > self.deadline:
                    continue
                self._try(point)
                self._progress(turn, index, len(due), started)
            if not due:
                break
        if not self.quiet:
            print(file=sys.stderr)

    def _try(self, point: Point) -> None:
        """One visit; a point whose operation fails is left out, so that it costs no other point its time.

        Out of memory is the usual reason. MKL's LU with two threads was seen to fail too.
        """
        try:
            self.take(point)
        except RuntimeError as error:
            self._failed.add(point)
            reason = str(error).splitlines()[0]
            print(
                f"\n{point.op} of {point.n} by {point.m} ({point.threads} threads) left out: {reason}", file=sys.stderr
            )

    def take(self, point: Point) -> Timing:
        """One visit to a point, written down."""
        torch.set_num_threads(point.threads)
        clock = Clock(self.device, point.threads)
        if point.threads not in self._references:
            self._references[point.threads] = Reference(clock)
        statistics = visit(self._prepare(point), clock, self._references[point.threads], self._expected(point))
        timing = Timing(point, len(self.visits.get(point, ())), statistics)
        self._append(timing.as_dict())
        self._note(timing)
        return timing

    # --- what is due -------------------------------------------------------------------------------------------

    def _due(self, point: Point, turn: int, rounds: int) -> bool:
        """Not yet visited in this round, or all rounds done and too few of the visits were clean."""
        done = self.visits.get(point, [])
        if point in self._failed:
            return False
        if len(done) <= turn < rounds:
            return True
        if not rounds <= turn or len(done) > turn:
            return False
        return bool(undisturbed(done, self._best_reference, self.device.type).sum() < min(2, rounds))

    def _affordable(self, planned: Sequence[Planned], rounds: int) -> list[Point]:
        """As many points, lowest level first, as fit a budget by the guesses."""
        left = (self.deadline - time.monotonic()) * _PLANNED_SHARE
        chosen = []
        for each in sorted(planned, key=lambda each: (each.level, each.place)):
            done = len(self.visits.get(each.point, ()))
            cost = self._cost(each.point) * max(0, rounds - done)
            if cost <= left:
                left -= cost
                chosen.append(each.point)
        return chosen

    def _cost(self, point: Point) -> float:
        """Seconds of one visit: inputs, warm-up, samples, references."""
        call = self._expected(point) or self._guess(point)
        inputs = _INPUT_SECONDS[self.device.type] * point.n * max(point.n, point.m) * point.batch
        calls = 6 if call < 0.15 else 2 if call < 1.0 else 1
        return inputs + max(1.0e-2, calls * call) + 4e-3

    def _guess(self, point: Point) -> float:
        if point.model:
            return _GUESS_PHASE[self.device.type]
        call, flop = _GUESS[self.device.type]
        work = OPERATIONS[point.op].flops(point.n, point.m) * point.batch
        return call + work * flop * (2.0 if point.dtype == "float64" else 1.0)

    def _expected(self, point: Point) -> float:
        done = self.visits.get(point)
        return min(timing.statistics.min_s for timing in done) if done else 0.0

    # --- doing it ----------------------------------------------------------------------------------------------

    def _prepare(self, point: Point) -> Call:
        if point.model:
            if point.model not in self._steps:
                self._steps[point.model] = Step(point.model, self.device)
            if point.model not in self._known_models:
                self._append(self._steps[point.model].sizes().as_dict())
                self._known_models.add(point.model)
            return self._steps[point.model].call(point.op)
        size = Size(point.n, point.m, point.batch)
        return prepare_typed(point.op, size, point.dtype, self.device)

    def _note(self, timing: Timing) -> None:
        self.visits.setdefault(timing.point, []).append(timing)
        if timing.point.threads == 1 or self.device.type == "cuda":
            self._best_reference = min(self._best_reference, timing.statistics.reference_s)

    def _progress(self, turn: int, index: int, due: int, started: float) -> None:
        now = time.monotonic()
        if self.quiet or (now < self._shown + _SHOW_SECONDS and index + 1 < due):
            return
        self._shown = now
        spent = time.monotonic() - started
        share = (index + 1) / due
        left = f"{self.deadline - time.monotonic():4.0f} s left" if self.deadline < float("inf") else ""
        print(
            f"\rround {turn + 1}: {index + 1} of {due} ({share:4.0%}), {spent:4.0f} s, {left}", end="", file=sys.stderr
        )


def phases(models: Sequence[str], threads: int, level: int = 1) -> list[Planned]:
    """Every phase of some models, as points."""
    return [Planned(Point(phase, "float32", threads, model=model), level) for model in models for phase in PHASES]
