"""The verbs of decisions: ``sensitivity``, ``crossover`` and ``require``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from costmodel.cli_inputs import Analog, Digital, Model, Settings, examples, load
from costmodel.cli_output import Look, Output, Plot, plot_file, print_report, show_plot
from costmodel.defaults import ANALOG, DIGITAL, Format, Scenario

if TYPE_CHECKING:
    from costmodel.questions.case import Case

Draws = Annotated[int, typer.Option(min=20, max=100_000, help="draws the intervals rest on")]
Seed = Annotated[int, typer.Option(min=0, help="seed of the draws")]
Ranges = Annotated[Scenario, typer.Option(help="how the ranges of the analog arm are used")]
#: Draws that intervals rest on where nothing is said.
DRAWS = 500


def register(app: typer.Typer) -> None:
    """Add the verbs to a command line."""
    app.command(epilog=examples(
        "sensitivity imagenet_vit --method thermo.solve",
        "sensitivity mlp --of speedup --plot tornado.png",
    ))(sensitivity)  # fmt: skip
    app.command(epilog=examples(
        "crossover mlp --over width --method thermo.columns --against kfac.eigh",
        "crossover imagenet_vit --over damping --format csv",
        "crossover mlp --map relaxation_time arrays --plot map.png",
    ))(crossover)  # fmt: skip
    app.command(epilog=examples(
        "require mlp --speedup 0.9",
        "require my-model.yaml --speedup 2 --over kfac.eigh --change arrays --change link",
    ))(require)  # fmt: skip


def sensitivity(
    model: Model,
    digital: Digital = DIGITAL,
    analog: Analog = ANALOG,
    settings: Settings = [],  # noqa: B006 -- typer copies it
    method: Annotated[str, typer.Option(help="a method, thermo.best or kfac.best")] = "thermo.best",
    of: Annotated[str, typer.Option(help="step or speedup")] = "step",
    over: Annotated[str, typer.Option(help="what the speedup is over")] = "kfac.best",
    samples: Annotated[int, typer.Option(min=2, max=65536, help="base samples, a power of two")] = 512,
    seed: Seed = 0,
    plot: Plot = "",
    look: Look = False,
    output: Output = Format.TABLE,
) -> None:
    """What drives the result on MODEL: Sobol indices over the inputs' ranges, and elasticities."""
    from costmodel.questions.sensitivity import sensitivity as run
    from costmodel.views.question_plots import tornado
    from costmodel.views.sensitivity import SensitivityReport

    file = plot_file(plot, look)
    found = run(_case(model, digital, analog, settings, DRAWS, seed, Scenario.NOMINAL), method, of, over, samples)
    if file:
        tornado(found, file)
        show_plot(file, look)
    print_report(output, SensitivityReport(found))


def crossover(
    model: Model,
    over: Annotated[str, typer.Option(help="input: width, damping, relaxation_time, bits, link, arrays ...")] = "",
    regime_map: Annotated[tuple[str, str], typer.Option("--map", help="two inputs: who wins where")] = ("", ""),
    method: Annotated[str, typer.Option(help="a method, thermo.best or kfac.best")] = "thermo.best",
    against: Annotated[str, typer.Option(help="the other")] = "kfac.best",
    low: Annotated[float, typer.Option("--from", min=0, help="smallest value, in SI units; 0 for the usual")] = 0.0,
    high: Annotated[float, typer.Option("--to", min=0, help="largest value, in SI units; 0 for the usual")] = 0.0,
    digital: Digital = DIGITAL,
    analog: Analog = ANALOG,
    settings: Settings = [],  # noqa: B006
    scenario: Ranges = Scenario.NOMINAL,
    draws: Draws = DRAWS,
    seed: Seed = 0,
    plot: Plot = "",
    look: Look = False,
    output: Output = Format.TABLE,
) -> None:
    """Where two methods cost the same on MODEL, with a 90 % interval, or why never; or a map over two inputs."""
    from costmodel.inputs.faults import InputError
    from costmodel.questions.crossover import crossover as run
    from costmodel.questions.regimes import regimes
    from costmodel.views.crossover import CrossoverReport
    from costmodel.views.question_plots import curve
    from costmodel.views.question_plots import regime_map as draw
    from costmodel.views.regimes import RegimesReport

    file = plot_file(plot, look)
    if bool(over) == bool(regime_map[0]):
        raise InputError.about("crossover", "give either --over NAME or --map NAME NAME")
    if regime_map[0] and (low or high):
        raise InputError.about("--from" if low else "--to", "belongs to --over; a map is over the usual ranges")
    case = _case(model, digital, analog, settings, draws, seed, scenario)
    if over:
        found = run(case, over, method, against, low, high)
        if file:
            curve(found, file)
            show_plot(file, look)
        print_report(output, CrossoverReport(found))
        return
    mapped = regimes(case, *regime_map, method, against)
    if file:
        draw(mapped, file)
        show_plot(file, look)
    print_report(output, RegimesReport(mapped))


def require(
    model: Model,
    speedup: Annotated[float, typer.Option(help="wanted, as a factor", show_default=False)],
    method: Annotated[str, typer.Option(help="whose: a method, or thermo.best")] = "thermo.best",
    over: Annotated[str, typer.Option(help="over what: a method, or kfac.best")] = "kfac.best",
    change: Annotated[list[str], typer.Option(help="input that may change; repeatable; the usual without it")] = [],  # noqa: B006
    digital: Digital = DIGITAL,
    analog: Analog = ANALOG,
    settings: Settings = [],  # noqa: B006
    scenario: Ranges = Scenario.NOMINAL,
    draws: Draws = 200,
    seed: Seed = 0,
    plot: Plot = "",
    look: Look = False,
    output: Output = Format.TABLE,
) -> None:
    """What a wanted speedup on MODEL would take: the cheapest change of one input and of two, or why none does."""
    from costmodel.questions.require import LEVERS
    from costmodel.questions.require import require as run
    from costmodel.views.question_plots import requirement
    from costmodel.views.require import RequireReport

    file = plot_file(plot, look)
    case = _case(model, digital, analog, settings, draws, seed, scenario)
    found = run(case, speedup, method, over, change or LEVERS)
    if file:
        requirement(found, file)
        show_plot(file, look)
    print_report(output, RequireReport(found))


def _case(
    model: str, digital: str, analog: str, settings: list[str], draws: int, seed: int, scenario: Scenario
) -> Case:
    from costmodel.questions.case import Case

    return Case(lambda more: load(model, digital, analog, [*settings, *more]), draws, seed, scenario)
