"""Run a sweep: the chunks that are missing, here or on a Dask cluster, then the output from all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from costmodel.inputs.sweep_file import SweepPlan
from costmodel.quantities.estimate import Draws
from costmodel.questions.sweep import Chunk, Evaluator, axis_values, chunks, fingerprint, result_columns
from costmodel.questions.sweep_store import Store
from costmodel.questions.sweep_writers import form_of, writer

if TYPE_CHECKING:
    import pandas as pd

#: Told the chunks that are done and how many there are.
Progress = Callable[[int, int], None]
#: Evaluates chunks, in any order.
Runner = Callable[[SweepPlan, Iterable[Chunk]], Iterator[tuple[Chunk, Draws]]]


@dataclass(slots=True)
class MethodSummary:
    """Seconds of a step of one method over a sweep; with draws, of medians."""

    low: float = float("inf")
    high: float = 0.0
    cheapest: int = 0


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep did.

    Attributes:
        plan: What was asked.
        out: The file.
        chunks: How many it has.
        kept: How many of them were there from an earlier run.
        columns: Columns of the file.
        methods: Of each method; empty where the file was there already.
    """

    plan: SweepPlan
    out: Path
    chunks: int
    kept: int
    columns: tuple[str, ...]
    methods: dict[str, MethodSummary] = field(default_factory=dict)

    def table(self) -> pd.DataFrame:
        """The file: one row a point, columns of its axes and of seconds."""
        import pandas as pd

        return pd.read_parquet(self.out) if self.out.suffix.lower() == ".parquet" else pd.read_csv(self.out)


def here(plan: SweepPlan, wanted: Iterable[Chunk]) -> Iterator[tuple[Chunk, Draws]]:
    """Evaluate chunks in this process."""
    evaluator = Evaluator(plan)
    for chunk in wanted:
        yield chunk, evaluator(chunk)


def run(
    plan: SweepPlan,
    out: Path,
    *,
    runner: Runner = here,
    progress: Progress | None = None,
    restart: bool = False,
    length: int = 0,
) -> SweepResult:
    """Evaluate a sweep into a file; what an earlier run left of it is taken up.

    Args:
        plan: From :func:`costmodel.inputs.sweep_file.read_sweep`.
        out: The file, ``.parquet`` or ``.csv``.
        runner: Where chunks are evaluated.
        progress: Told of each chunk.
        restart: Whether to throw away what is there.
        length: Points of a chunk; the usual without it.

    Raises:
        InputError: The file cannot be written, or is of another sweep.
    """
    form = form_of(out)
    every = list(chunks(plan, length))
    store = Store(out, fingerprint(plan, f"{form} {length}"), len(every))
    if restart:
        store.forget()
    columns = _columns(plan)
    if store.finished:
        store.tidy()
        return SweepResult(plan, out, len(every), len(every), tuple(columns))
    with store.taken():
        done = store.done()
        kept = len(done)
        for count, (chunk, values) in enumerate(runner(plan, [each for each in every if each.number not in done]), 1):
            store.keep(chunk.number, values)
            if progress is not None:
                progress(kept + count, len(every))
        summaries = _assemble(plan, every, store, form, columns)
        store.tidy()
    return SweepResult(plan, out, len(every), kept, tuple(columns), summaries)


def _columns(plan: SweepPlan) -> dict[str, type]:
    """Columns of the file, each with the kind of its values."""
    kinds: dict[str, type] = {}
    for case in plan.cases:
        for name, value in case.labels.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            kind = float if number else type(value)
            kinds[name] = kind if kinds.get(name, kind) is kind else str
    kinds |= dict.fromkeys(map(plan.column, plan.axes), float)
    for index in range(len(plan.cases)):
        kinds |= dict.fromkeys(result_columns(plan, plan.evaluator(index)), float)
    if "step" not in plan.columns:
        kinds = {name: kind for name, kind in kinds.items() if not _is_step(plan, name)}
    return kinds | ({"best": str} if "best" in plan.columns else {})


def _is_step(plan: SweepPlan, name: str) -> bool:
    return any(name.startswith(f"{method}.step_") for method in plan.methods)


def _assemble(
    plan: SweepPlan, every: list[Chunk], store: Store, form: str, columns: dict[str, type]
) -> dict[str, MethodSummary]:
    """The output from all chunks, renamed to its name when it is whole."""
    summaries = {name: MethodSummary() for name in plan.methods}
    beside = store.parts / "output"
    with store.guarded():
        try:
            with beside.open("wb") as stream:
                _write(plan, every, store, writer(form, stream, columns, _units(plan, columns)), columns, summaries)
                _sync(stream)
            beside.replace(store.out)
        finally:
            beside.unlink(missing_ok=True)
    return summaries


def _write(
    plan: SweepPlan,
    every: list[Chunk],
    store: Store,
    file: Any,
    columns: dict[str, type],
    summaries: dict[str, MethodSummary],
) -> None:
    case, names = -1, list[str]()
    for chunk in every:
        if chunk.case != case:
            case, names = chunk.case, result_columns(plan, plan.evaluator(chunk.case))
        points = chunk.stop - chunk.start
        values = store.values(chunk.number, (len(names), points))
        found: dict[str, Any] = dict.fromkeys(columns, np.full(points, np.nan))
        for name, label in plan.cases[case].labels.items():
            found[name] = _label(label, columns[name], points)
        found |= {plan.column(path): each for path, each in axis_values(plan, chunk).items()}
        found |= dict(zip(names, values, strict=True))
        best = _summarize(plan, names, values, summaries)
        if "best" in columns:
            found["best"] = best
        file.write(found, points)
    file.close()


def _label(label: object, kind: type, points: int) -> Any:
    return np.full(points, label, dtype=float) if kind is float else kind(label)


def _summarize(plan: SweepPlan, names: list[str], values: Draws, summaries: dict[str, MethodSummary]) -> Any:
    """Names of the cheapest methods, by the median where there are draws; ranges and counts go to the summaries."""
    ending = "step_median_s" if plan.draws else "step_s"
    steps = np.stack([values[names.index(f"{method}.{ending}")] for method in plan.methods])
    best = np.argmin(steps, axis=0)
    for index, method in enumerate(plan.methods):
        kept = summaries[method]
        kept.low = min(kept.low, float(steps[index].min()))
        kept.high = max(kept.high, float(steps[index].max()))
        kept.cheapest += int(np.count_nonzero(best == index))
    return np.array(plan.methods)[best]


def _units(plan: SweepPlan, columns: dict[str, type]) -> dict[str, str]:
    axes = {plan.column(path): unit for path, unit in plan.units.items()}
    return {name: "s" for name in columns if name.endswith("_s") and name not in axes} | axes


def _sync(stream: IO[bytes]) -> None:
    stream.flush()
    os.fsync(stream.fileno())
