"""The verbs ``curvature ...`` of the command line: the curvature of one's own network."""

from __future__ import annotations

from typing import Annotated

import typer

from costmodel.cli_output import Look, Output, Plot, plot_file, print_report, require_torch, show_plot
from costmodel.defaults import Format

curvature = typer.Typer(
    help="The curvature of your own network: measure it, look at it, project with it.", no_args_is_help=True
)

File = Annotated[str, typer.Argument(help="file written by curvature measure", show_default=False)]


@curvature.command()
def measure(
    factory: Annotated[str, typer.Argument(help="package.module:function that gives the task", show_default=False)],
    out: Annotated[str, typer.Option(help="file of lines; taken up where it exists")],
    steps: Annotated[str, typer.Option(help="training steps to measure at, by comma")] = "0,30,150",
    sharing: Annotated[str, typer.Option(help="expand or reduce")] = "expand",
    fisher: Annotated[str, typer.Option(help="sampled or empirical labels")] = "sampled",
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="of training and of the drawn labels")] = 0,
    network: Annotated[str, typer.Option(help="name in the file; that of the function without it")] = "",
    layer: Annotated[list[str], typer.Option(help="only layers of this name, * for any part of it; repeatable")] = [],  # noqa: B006
    role: Annotated[list[str], typer.Option(help="PATTERN=ROLE for layers of this name; repeatable")] = [],  # noqa: B006
    quiet: Annotated[bool, typer.Option(help="no progress")] = False,
) -> None:
    """Train a network of yours, and measure both Kronecker factors of its layers on the way. Runs FACTORY. Needs torch.

    FACTORY gives (model, batches, loss[, optimizer]) or a Task; docs/curvature.md has examples.
    """
    require_torch()
    from validation.curvature.command import measure as run

    run(factory, out, steps, sharing, fisher, device, seed, network, layer, role, quiet=quiet)


@curvature.command()
def show(
    file: File,
    damping: Annotated[float, typer.Option(help="lambda, in units of the mean curvature of an example")] = 1e-3,
    network: Annotated[str, typer.Option(help="only this network of the file")] = "",
    plot: Plot = "",
    look: Look = False,
    output: Output = Format.TABLE,
) -> None:
    """Mean curvature, stable ranks and condition numbers by role, by layer and over training."""
    from costmodel.questions.curvature import curvature_of
    from costmodel.views.curvature import CurvatureReport

    found = curvature_of(file, damping, network)
    if drawing := plot_file(plot, look):
        from costmodel.views.curvature_plot import draw

        draw(found, drawing)
        show_plot(drawing, look)
    print_report(output, CurvatureReport(found))


@curvature.command()
def fit(
    file: File,
    out: Annotated[str, typer.Option(help="file to write; without it the section is printed")] = "",
    by: Annotated[str, typer.Option(help="role or layer")] = "role",
    network: Annotated[str, typer.Option(help="which network of the file, where it has several")] = "",
    stage: Annotated[float, typer.Option(help="share of the run, 0 to 1; the nearest measured step is taken")] = 1.0,
    into: Annotated[str, typer.Option(help="model.yaml, of which --out is a copy with the section in it")] = "",
    law: Annotated[str, typer.Option("--law", help="fit the law of curvature to all networks; file to write")] = "",
) -> None:
    """The kfac section of a model file from measured curvature, or with --law the law for networks of other kinds.

    By role, a value is the geometric mean over its layers and the range their 5th to 95th percentile. By layer, names
    of the file and the model have to agree.
    """
    from costmodel.inputs.faults import InputError
    from validation.curvature.law import command

    if law:
        given = [name for name, value in (("--out", out), ("--network", network), ("--into", into)) if value]
        if given:
            raise InputError.about("--law", f"takes all networks of the file and no {' or '.join(given)}")
        command.fit_shipped(file, law)
        return
    text = command.fit_section(file, out, by, network, stage, into)
    if not out:
        typer.echo(text, nl=False)


@curvature.command()
def score(
    file: File,
    held_out: Annotated[bool, typer.Option("--held-out", help="fit the law to the file's other networks")] = False,
    kinds: Annotated[bool, typer.Option("--kinds", help="the same without all networks of its kind")] = False,
    damping: Annotated[float, typer.Option(help="lambda at which condition numbers are taken")] = 1e-3,
    output: Output = Format.TABLE,
) -> None:
    """How well the law of curvature says what was measured: ratios, and shares inside the 90 % interval.

    With --held-out each network is predicted by a law that is fitted to the others; it takes minutes.
    """
    from costmodel.views.curvature_score import ScoreReport
    from validation.curvature.law import command

    scored = command.score_file(file, damping, held_out=held_out, kinds=kinds)
    remark = command.remark(scored)
    if output is not Format.TABLE:
        typer.echo(remark, err=True)
    print_report(output, ScoreReport(scored, remark, file))
