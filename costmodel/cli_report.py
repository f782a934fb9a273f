"""The verb ``report``: a page and a document of a projection."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from costmodel.cli_inputs import Settings, examples, load
from costmodel.defaults import ANALOG, DIGITAL, REPORT_DRAWS, Scenario

if TYPE_CHECKING:
    from costmodel.projection.project import Projection


def register(app: typer.Typer) -> None:
    """Put the verb on the application."""
    app.command(
        epilog=examples(
            "report imagenet_vit --out report",
            "report imagenet_vit gpt --analog scaled --out report",
            "report my-model.yaml --format markdown > comment.md",
        )
    )(report)


def report(
    models: Annotated[list[str], typer.Argument(help="catalog names or paths of model.yaml", show_default=False)],
    out: Annotated[str, typer.Option(help="folder to write report.html and report.pdf into")] = "",
    digital: Annotated[list[str], typer.Option(help="digital card, repeatable")] = [DIGITAL],  # noqa: B006
    analog: Annotated[list[str], typer.Option(help="analog card, repeatable")] = [ANALOG],  # noqa: B006
    settings: Settings = [],  # noqa: B006 -- typer copies it
    scenario: Annotated[Scenario, typer.Option(help="how the ranges of the analog arm are used")] = Scenario.NOMINAL,
    draws: Annotated[int, typer.Option(min=16, max=2000, help="draws the page carries")] = REPORT_DRAWS,
    seed: Annotated[int, typer.Option(min=0, help="seed of the draws")] = 0,
    kind: Annotated[str, typer.Option("--format", help="html (with a PDF) or markdown, for a pull request")] = "html",
) -> None:
    """Write a page in which MODELS stay alive, works from disk, and a PDF of the same; or print Markdown.

    The first model on the first cards can be changed on the page; further ones stand beside it in a table.
    """
    from costmodel.inputs.faults import InputError

    if kind not in {"html", "markdown"}:
        raise InputError.about("--format", f"unknown format '{kind}'; one of html, markdown")
    if kind == "html" and not out:
        raise InputError.about("report", "give --out, the folder to write into")
    if kind == "markdown":
        from reports.markdown import markdown

        typer.echo(markdown(_made(models, digital, analog, settings, scenario, draws, seed)))
        return
    from costmodel.inputs.files import write_bytes, write_text
    from reports.document import pdf

    made = _made(models, digital, analog, settings, scenario, draws, seed)
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "report.html", made.html())
        write_bytes(folder / "report.pdf", pdf(made))
    except OSError as error:
        raise InputError.about("--out", f"{error.filename}: {error.strerror}") from None
    typer.echo(f"{folder / 'report.html'}\n{folder / 'report.pdf'}")


def _made(
    models: list[str],
    digital: list[str],
    analog: list[str],
    settings: list[str],
    scenario: Scenario,
    draws: int,
    seed: int,
) -> Any:
    """The report: every model on every pair of cards, and the shipped cards to pick from."""
    import shlex

    from costmodel.inputs.arguments import all_at_once
    from costmodel.projection.project import project
    from reports.page import Report
    from reports.plan import cards_that_run, draws_for

    loaded = all_at_once(
        *(partial(load, model, first, second, settings) for model in models for first in digital for second in analog)
    )
    count = draws_for(loaded[0][0], draws)
    projections: list[Projection] = [project(*each, draws=count, seed=seed, scenario=scenario) for each in loaded]
    more_digital, more_analog = _shipped(settings)
    named = [shlex.quote(each) for each in models]
    cards = [f"--digital {shlex.quote(each)}" for each in digital] + [
        f"--analog {shlex.quote(each)}" for each in analog
    ]
    changed = [f"--set {shlex.quote(each)}" for each in settings]
    last = f"--scenario {scenario.value} --draws {draws} --seed {seed} --out DIR"
    command = " \\\n  ".join([f"python -m costmodel report {' '.join(named)}", *cards, *changed, last])
    return Report(
        projections, cards_that_run(loaded[0][0], more_digital), more_analog, settings, command, asked=named[0]
    )


def _shipped(settings: list[str]) -> tuple[list[Any], list[Any]]:
    """The cards of the catalog, digital and analog, with the same settings; those that refuse them are left out."""
    from costmodel.inputs.faults import InputError
    from costmodel.inputs.loading import catalog_names, load_card, sort_settings
    from costmodel.machines.cards import DigitalCard

    split, _ = sort_settings(settings)
    digital: list[Any] = []
    analog: list[Any] = []
    for name in catalog_names("cards"):
        found = digital if isinstance(load_card(name), DigitalCard) else analog
        try:
            found.append(load_card(name, split["digital" if found is digital else "analog"]))
        except InputError:
            continue
    return digital, analog
