"""The questions of a notebook on many projections and on whole runs: ``sweep``, ``compare`` and ``target``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from costmodel.api import project
from costmodel.defaults import ANALOG, DIGITAL, DRAWS, MODEL, Scenario
from costmodel.inputs.arguments import Named, Values, all_at_once
from costmodel.inputs.faults import Fault, InputError
from costmodel.inputs.loading import kind_of
from costmodel.inputs.projection_file import read_projection
from costmodel.inputs.sweep_file import SweepPlan, read_sweep
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.project import Projection
from costmodel.questions.compare import Comparison, check_names, short_names
from costmodel.questions.compare import compare as _compare
from costmodel.questions.sweep_run import Progress, Runner, SweepResult, here, run
from costmodel.questions.target import Targets, targets
from costmodel.workloads.workload import Workload

#: What can be compared: a projection, a file of one, or a model or a card to be projected.
Compared = str | Path | Projection | Workload | DigitalCard | AnalogCard


def sweep(
    plan: str | Path | Mapping[str, Any] | SweepPlan,
    out: str | Path,
    *,
    scheduler: str = "",
    restart: bool = False,
    progress: Progress | None = None,
) -> SweepResult:
    """Seconds of a step of methods at every point of a grid, streamed to a file; a run that was cut off is taken up.

    Args:
        plan: A sweep.yaml, or a dict with its keys (docs/sweep.md).
        out: The file that is written, ``.parquet`` or ``.csv``; ``table()`` of the result reads it.
        scheduler: Address of a Dask scheduler, ``"tcp://head:8786"``; in this process without it.
        restart: Throw away what an earlier run left.
        progress: Called after each chunk with how many are done and how many there are.

    Raises:
        InputError: All faults of the sweep; or the file cannot be written, or is of another sweep.

    >>> from tempfile import TemporaryDirectory
    >>> grid = {"analog.relaxation_time": ["1 us", "1 ns"]}
    >>> plan = {"schema": 1, "name": "settling", "model": "mlp", "over": grid, "methods": ["thermo.solve"]}
    >>> with TemporaryDirectory() as folder:
    ...     sweep(plan, f"{folder}/settling.csv").table()["thermo.solve.step_s"].round(2).to_list()
    [0.61, 0.01]
    """
    runner: Runner = here
    if scheduler:
        from costmodel.questions.sweep_cluster import Cluster

        runner = Cluster(scheduler)
    read = plan if isinstance(plan, SweepPlan) else read_sweep(Path(plan) if isinstance(plan, str) else plan)
    return run(read, Path(out), runner=runner, progress=progress, restart=restart)


def compare(
    *what: Compared,
    names: Sequence[str] = (),
    model: Named | Workload = MODEL,
    digital: Named | DigitalCard = DIGITAL,
    analog: Named | AnalogCard = ANALOG,
    set: Values | None = None,
    scenario: Scenario | str = Scenario.NOMINAL,
    draws: int = DRAWS,
    seed: int = 0,
) -> Comparison:
    """Models, cards or projections side by side: what changed against the first, and why.

    Args:
        what: Projections, files of ``project --format json``, models or cards, at least two, in any mixture.
        names: What each is called; by itself where left out.
        model: The network that cards are compared on, as :func:`costmodel.project` takes it.
        digital: The digital card of what is projected here, likewise; so are ``set``, ``draws`` and ``seed``.
        analog: Its thermodynamic machine's card.
        set: Values to change in all that is projected here.
        scenario: How the ranges of the analog arm are used there.
        draws: How many draws intervals rest on.
        seed: Of the draws.

    Raises:
        InputError: Anything wrong with any of these, all faults at once.

    >>> slower = project("mlp", set={"analog.relaxation_time": "1 ms"}, draws=50)
    >>> found = compare(project("mlp", draws=50), slower, names=["now", "slower"])
    >>> next(move.phase for move in found.moves if move.method == "thermo.solve")
    'settle'
    """
    called = _names(what, names)
    check_names(called)

    def projected(each: Compared) -> Mapping[str, Any]:
        """One of them as ``project --format json`` prints it."""
        if isinstance(each, Projection):
            return each.as_dict()
        if isinstance(each, str | Path) and Path(each).suffix.lower() == ".json":
            return read_projection(Path(each))
        sides: dict[str, Any] = {"model": model, "digital": digital, "analog": analog, _kind(each): each}
        return project(**sides, set=set, scenario=scenario, draws=draws, seed=seed).as_dict()

    found = all_at_once(*(partial(projected, each) for each in what))
    return _compare(list(zip(short_names(called), found, strict=True)))


def target(
    model: Named | Workload,
    digital: Named | DigitalCard = DIGITAL,
    analog: Named | AnalogCard = ANALOG,
    *,
    set: Values | None = None,
    scenario: Scenario | str = Scenario.NOMINAL,
    draws: int = DRAWS,
    seed: int = 0,
) -> Targets:
    """Time of a whole training run by method, and how many steps each may take before Adam is as fast.

    Args:
        model: As :func:`costmodel.project` takes it; so are the cards, ``set``, ``scenario``, ``draws`` and ``seed``.
        digital: The digital card.
        analog: The thermodynamic machine's card.
        set: Values to change.
        scenario: How the ranges of the analog arm are used.
        draws: How many draws intervals rest on.
        seed: Of the draws.

    Raises:
        InputError: Anything wrong with any of these, or the model states no training.

    >>> found = target("ogbg", draws=50)
    >>> found.table().set_index("method").loc["adam", "break_even_step_ratio_median"]
    np.float64(1.0)
    """
    return targets(project(model, digital, analog, set=set, scenario=scenario, draws=draws, seed=seed))


def _names(what: Sequence[Compared], given: Sequence[str]) -> list[str]:
    """What each is called: as it was said, by its own name, or by its place where several would have one."""
    if given:
        if len(given) != len(what):
            raise InputError([Fault("names", 0, 0, "", f"{len(given)} names for {len(what)} to compare")])
        return list(given)
    called = [str(each) if isinstance(each, str | Path) else _own_name(each) for each in what]
    return list(_numbered(what, called))


def _numbered(what: Sequence[Compared], called: Sequence[str]) -> Iterator[str]:
    """Names with a number where objects share one; a text that is given twice stays so, and is refused."""
    texts = [isinstance(each, str | Path) for each in what]
    for index, name in enumerate(called):
        earlier = [place for place in range(index) if called[place] == name]
        alike = not earlier or (texts[index] and all(texts[place] for place in earlier))
        yield name if alike else f"{name} ({len(earlier) + 1})"


def _own_name(each: Projection | Workload | DigitalCard | AnalogCard) -> str:
    return each.workload.name if isinstance(each, Projection) else each.name


def _kind(each: str | Path | Workload | DigitalCard | AnalogCard) -> str:
    """Which argument of :func:`project` it takes the place of."""
    if isinstance(each, Workload):
        return "model"
    if isinstance(each, DigitalCard | AnalogCard):
        return "digital" if isinstance(each, DigitalCard) else "analog"
    return kind_of(str(each))
