"""The verbs of many projections and of whole runs: ``sweep``, ``compare`` and ``target``."""

from __future__ import annotations

import sys
from functools import partial
from typing import Annotated, Any

import typer

from costmodel.cli_inputs import Analog, Digital, Model, Settings, examples, load
from costmodel.cli_output import Look, Output, Plot, plot_file, print_report, show_plot
from costmodel.defaults import ANALOG, DIGITAL, DRAWS, MODEL, Format, Scenario


def register(app: typer.Typer) -> None:
    """Add the verbs to a command line."""
    app.command(
        epilog=examples(
            "sweep examples/sweep.yaml --out sweep.csv",
            "sweep examples/sweep.yaml --out sweep.parquet --scheduler tcp://head:8786",
        )
    )(sweep)
    app.command(
        epilog=examples(
            "compare mlp ogbg",
            "compare h100-sxm a100-sxm --model ogbg",
            "compare before.json after.json --format markdown",
        )
    )(compare)
    app.command(epilog=examples("target ogbg", "target imagenet_vit --digital a100-sxm --all"))(target)


def sweep(
    file: Annotated[str, typer.Argument(help="a sweep.yaml: model, cards, axes, methods", show_default=False)],
    out: Annotated[str, typer.Option(help="file to write: .parquet or .csv; taken up where a run was cut off")],
    scheduler: Annotated[str, typer.Option(help="address of a Dask scheduler; without it in this process")] = "",
    restart: Annotated[bool, typer.Option("--restart", help="throw away what an earlier run left")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Steps of methods at every point of a grid, streamed to a file; a run that was cut off goes on where it was."""
    from pathlib import Path

    from costmodel.inputs.sweep_file import read_sweep
    from costmodel.questions.sweep_run import Runner, here, run
    from costmodel.views.sweep import SweepReport

    plan = read_sweep(Path(file))
    runner: Runner = here
    if scheduler:
        from costmodel.questions.sweep_cluster import Cluster

        runner = Cluster(scheduler)
    shown = None if quiet or not sys.stderr.isatty() else _progress
    try:
        result = run(plan, Path(out), runner=runner, progress=shown, restart=restart)
    except KeyboardInterrupt:
        typer.echo("stopped; finished chunks are kept, the same command goes on from there", err=True)
        raise typer.Exit(130) from None
    print_report(output, SweepReport(result))


def _progress(done: int, count: int) -> None:
    """One line that is written over."""
    end = "\n" if done == count else ""
    sys.stderr.write(f"\rchunk {done} of {count} ({done / count:.0%}){end}")
    sys.stderr.flush()


def compare(
    what: Annotated[
        list[str], typer.Argument(help="models, cards, or files of project --format json", show_default=False)
    ],
    model: Annotated[str, typer.Option(help="network that cards are compared on")] = MODEL,
    digital: Digital = DIGITAL,
    analog: Analog = ANALOG,
    settings: Settings = [],  # noqa: B006 -- typer copies it
    scenario: Annotated[Scenario, typer.Option(help="how the ranges of the analog arm are used")] = Scenario.NOMINAL,
    draws: Annotated[int, typer.Option(min=1, max=1_000_000, help="draws the intervals rest on")] = DRAWS,
    seed: Annotated[int, typer.Option(min=0, help="seed of the draws")] = 0,
    every: Annotated[bool, typer.Option("--all", help="all methods and all inputs in tables")] = False,
    plot: Plot = "",
    look: Look = False,
    output: Output = Format.TABLE,
) -> None:
    """Models, cards or earlier projections side by side: what changed against the first, and why."""
    from pathlib import Path

    from costmodel.inputs.projection_file import read_projection
    from costmodel.projection.project import project as run
    from costmodel.questions.compare import check_names, short_names
    from costmodel.questions.compare import compare as against_first
    from costmodel.views.compare import CompareReport
    from costmodel.views.project import ProjectReport
    from costmodel.views.question_plots import side_by_side

    def projected(each: str) -> dict[str, Any]:
        """One of them as ``project --format json`` prints it."""
        if Path(each).suffix.lower() == ".json":
            return read_projection(Path(each))
        kind = kind_of(each)
        named = (model, digital, analog)
        place = ("model", "digital", "analog").index(kind)
        names = [*named[:place], each, *named[place + 1 :]]
        loaded = load(names[0], names[1], names[2], settings)
        return ProjectReport(run(*loaded, draws=draws, seed=seed, scenario=scenario)).as_dict()

    from costmodel.inputs.arguments import all_at_once
    from costmodel.inputs.loading import kind_of

    check_names(what)
    file = plot_file(plot, look)
    found = all_at_once(*(partial(projected, each) for each in what))
    compared = against_first(list(zip(short_names(what), found, strict=True)))
    if file:
        side_by_side(compared, file)
        show_plot(file, look)
    print_report(output, CompareReport(compared, every))


def target(
    model: Model,
    digital: Digital = DIGITAL,
    analog: Analog = ANALOG,
    settings: Settings = [],  # noqa: B006
    scenario: Annotated[Scenario, typer.Option(help="how the ranges of the analog arm are used")] = Scenario.NOMINAL,
    draws: Annotated[int, typer.Option(min=1, max=1_000_000, help="draws the intervals rest on")] = DRAWS,
    seed: Annotated[int, typer.Option(min=0, help="seed of the draws")] = 0,
    every: Annotated[bool, typer.Option("--all", help="all methods that the machine can run")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Time of MODEL's whole training run by method, and how many steps each may take before Adam is as fast."""
    from costmodel.projection.project import project as run
    from costmodel.questions.target import targets
    from costmodel.views.target import TargetReport

    loaded = load(model, digital, analog, settings)
    found = targets(run(*loaded, draws=draws, seed=seed, scenario=scenario))
    print_report(output, TargetReport(found, every))
