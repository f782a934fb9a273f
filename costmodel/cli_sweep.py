"""The verbs of many projections: ``sweep`` and ``compare``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from costmodel.cli_inputs import examples
from costmodel.cli_output import Output, print_report
from costmodel.defaults import Format


def register(app: typer.Typer) -> None:
    """Add the verbs to a command line."""
    app.command(
        epilog=examples(
            "sweep examples/sweep.yaml --out sweep.csv",
            "sweep examples/sweep.yaml --out sweep.parquet --scheduler tcp://head:8786",
        )
    )(sweep)


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
