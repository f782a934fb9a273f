"""What the verbs of the command line share: how results are printed, and what a verb needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from costmodel.defaults import Format

if TYPE_CHECKING:
    from costmodel.views.report import Report

Output = Annotated[Format, typer.Option("--format", help="how the result is printed")]
Plot = Annotated[str, typer.Option(help="also draw it: FILE.png, .svg or .pdf")]
Look = Annotated[bool, typer.Option("--open", help="open the drawing; without --plot that of a temporary file")]


def print_report(output: Format, report: Report) -> None:
    """Print a result in the format asked for; only that form of it is built."""
    from costmodel.views import screen, table
    from costmodel.views.finite import NotFiniteError, check_finite

    try:
        match output:
            case Format.JSON:
                import json

                contents = report.as_dict()
                check_finite(contents)
                typer.echo(json.dumps(contents, indent=2, allow_nan=False))
            case Format.CSV:
                typer.echo(table.comma_separated(report.records()))
            case Format.MARKDOWN:
                typer.echo(table.markdown(report.tables()))
            case Format.TABLE:
                screen.terminal(report.tables())
    except NotFiniteError:
        check_finite(report.as_dict())  # says which numbers
        raise


def plot_file(plot: str, look: bool) -> str:
    """File that a drawing goes to, a temporary one where it is only looked at; empty where none is wanted.

    Raises:
        InputError: Its name ends in no known way.
    """
    import tempfile

    from costmodel.views.question_plots import check_plot

    check_plot(plot)
    if plot or not look:
        return plot
    with tempfile.NamedTemporaryFile(prefix="costmodel-", suffix=".png", delete=False) as file:
        return file.name


def show_plot(file: str, look: bool) -> None:
    """Where that was asked for, open a drawing in the viewer that the machine has for it, and say where it is."""
    if look:
        typer.echo(f"drawn in {file}", err=True)
        typer.launch(file)


def require_torch() -> None:
    """Say how to get torch where it is missing."""
    import importlib.util

    from costmodel.inputs.faults import InputError

    if importlib.util.find_spec("torch") is None:
        raise InputError.about("torch", "is needed; install it with: pip install 'costmodel[torch]'")
