"""The command line: ``python -m costmodel VERB``. Every verb loads only what it needs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from costmodel.defaults import ANALOG, DIGITAL, DRAWS, MODEL, Format, Scenario

app = typer.Typer(
    help="What K-FAC costs on digital hardware and on a thermodynamic solver, layer by layer, with intervals.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Model = Annotated[str, typer.Argument(help="a catalog name or the path of a model.yaml", show_default=False)]
Digital = Annotated[str, typer.Option(help="digital card: a catalog name or a file")]
Analog = Annotated[str, typer.Option(help="analog card: a catalog name or a file")]
Settings = Annotated[
    list[str], typer.Option("--set", help="change a value of the model or a card: path=value, repeatable")
]
Output = Annotated[Format, typer.Option("--format", help="how the result is printed")]


@app.command()
def project(
    model: Model,
    digital: Digital = DIGITAL,
    analog: Analog = ANALOG,
    settings: Settings = [],  # noqa: B006 -- typer copies it
    scenario: Annotated[Scenario, typer.Option(help="how the ranges of the analog arm are used")] = Scenario.NOMINAL,
    draws: Annotated[int, typer.Option(min=1, max=1_000_000, help="draws the intervals rest on")] = DRAWS,
    seed: Annotated[int, typer.Option(min=0, help="seed of the draws")] = 0,
    output: Output = Format.TABLE,
) -> None:
    """Cost of every method on MODEL: a step by phase, speedups, and whether the analog machine pays off."""
    from costmodel.projection.project import project as run
    from costmodel.views.contract import projection_dict
    from costmodel.views.frames import phase_records
    from costmodel.views.tables import project_tables
    from costmodel.views.verdict import verdict

    workload, digital_card, analog_card = _load(model, digital, analog, settings)
    result = run(workload, digital_card, analog_card, draws=draws, seed=seed, scenario=scenario)
    _print(output, lambda: projection_dict(result), lambda: project_tables(result), lambda: phase_records(result))
    if output in {Format.TABLE, Format.MARKDOWN}:
        typer.echo(f"\n{verdict(result)}")


@app.command()
def counts(model: Model, settings: Settings = [], output: Output = Format.TABLE) -> None:  # noqa: B006
    """Exact FLOPs of one step of MODEL with every phase done once."""
    from costmodel.inputs.loading import load_workload, split_settings
    from costmodel.projection.counts import count
    from costmodel.views.contract import counts_dict
    from costmodel.views.tables import counts_tables

    result = count(load_workload(model, split_settings(settings)["model"]))
    _print(output, lambda: counts_dict(result), lambda: counts_tables(result), lambda: counts_dict(result)["layers"])


@app.command()
def explain(
    name: Annotated[str, typer.Argument(help="a formula or a method, e.g. thermo.solve.settle.time")],
    model: Annotated[str, typer.Option(help="network whose sizes are shown")] = MODEL,
    digital: Digital = DIGITAL,
    analog: Analog = ANALOG,
    settings: Settings = [],  # noqa: B006
    output: Output = Format.TABLE,
) -> None:
    """A formula with its symbols, their units, values and sources."""
    from costmodel.projection.draws import quantities
    from costmodel.questions.explain import explain as run
    from costmodel.views.explanations import explanation_dict, explanation_records, explanation_tables

    loaded = _load(model, digital, analog, settings)
    result = run(name, loaded[0], quantities(*loaded))
    _print(
        output,
        lambda: explanation_dict(result),
        lambda: explanation_tables(result),
        lambda: explanation_records(result),
    )


@app.command()
def catalog(
    what: Annotated[str, typer.Argument(help="workloads, devices or formulas; all without it")] = "",
    output: Output = Format.TABLE,
) -> None:
    """What is shipped: workloads, hardware cards and formulas."""
    from costmodel.views.listing import catalog_dict, catalog_records, catalog_tables

    _print(output, lambda: catalog_dict(what), lambda: catalog_tables(what), lambda: catalog_records(what))


@app.command()
def measure(
    out: Annotated[str, typer.Option(help="timing file; taken up where it exists")],
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    threads: Annotated[str, typer.Option(help="thread counts, the first timed in full: 1 or 1,2")] = "1",
    budget: Annotated[str, typer.Option(help="time to spend, like 90s, 3m or 1h; without it the whole grid")] = "",
    dtypes: Annotated[str, typer.Option(help="element types, the first timed in full")] = "float32",
    operations: Annotated[str, typer.Option(help="operations, by comma; all without it")] = "",
    models: Annotated[bool, typer.Option(help="time whole K-FAC steps too")] = True,
    beyond: Annotated[bool, typer.Option(help="add sizes two to four times larger, which score extrapolation")] = False,
    rounds: Annotated[int, typer.Option(min=1, max=9, help="visits to every point")] = 3,
    advise: Annotated[bool, typer.Option(help="only say which sizes would tell most")] = False,
    quiet: Annotated[bool, typer.Option(help="no progress")] = False,
) -> None:
    """Time linear algebra and K-FAC steps on this machine, into a file that calibrate reads. Needs torch."""
    _torch()
    from validation.measure.command import measure as run

    run(
        out, device, threads, budget, dtypes, operations,
        models=models, beyond=beyond, rounds=rounds, advise=advise, quiet=quiet,
    )  # fmt: skip


@app.command()
def calibrate(
    timings: Annotated[str, typer.Argument(help="file written by measure", show_default=False)] = "",
    out: Annotated[str, typer.Option(help="card to write; with --simulator the folder of trials and fit")] = "",
    name: Annotated[str, typer.Option(help="name of the card; that of its file without it")] = "",
    threads: Annotated[int, typer.Option(help="thread count, where the file has several")] = 0,
    hold_out: Annotated[bool, typer.Option(help="leave the sizes and networks that score shipped cards")] = False,
    simulator: Annotated[bool, typer.Option("--simulator", help="fit the analog laws to simulated trials")] = False,
    short: Annotated[bool, typer.Option("--short", help="with --simulator: a seventh of the trials")] = False,
    seed: Annotated[int, typer.Option(min=0, help="with --simulator: of the design and of every trial")] = 0,
    output: Output = Format.TABLE,
) -> None:
    """Fit a card to timings, or with --simulator the analog laws to trials of the reference simulator.

    A card gets a law for every operation, chosen by what it predicts of sizes left out. Simulated trials are resumed
    where the folder has some; exit 1 where the fitted laws miss the trials held out. The simulator needs torch.
    """
    from costmodel.inputs.faults import InputError

    if simulator == bool(timings):
        raise InputError.about("calibrate", "give either a timing file or --simulator")
    if simulator:
        _torch()
        from validation.simulator.calibrate import main as run_trials

        trials = ["--out", out or "calibration/simulator", "--seed", str(seed)]
        raise typer.Exit(run_trials(trials + ["--short"] * short))
    if not out:
        raise InputError.about("calibrate", "give --out, the card to write")
    from validation.cards.command import calibrate as run

    records, as_dict, tables = run(timings, out, name, threads, hold_out=hold_out)
    _print(output, as_dict, tables, records)


@app.command()
def predict(
    operation: Annotated[str, typer.Argument(help="gemm, cholesky, cholesky_inverse, inv, eigh ...")],
    n: Annotated[int, typer.Option("--n", min=1, max=10**7, help="order of the matrix, or columns")],
    m: Annotated[int, typer.Option("--m", min=0, max=10**9, help="rows, where they differ")] = 0,
    batch: Annotated[int, typer.Option(min=1, max=10**7, help="matrices in one call")] = 1,
    dtype: Annotated[str, typer.Option(help="element type")] = "float32",
    card: Annotated[str, typer.Option(help="digital card: a catalog name or a file")] = DIGITAL,
    output: Output = Format.TABLE,
) -> None:
    """Time of one OPERATION on a card, with its 90 % interval and whether its size was in the data."""
    from costmodel.inputs.loading import load_digital
    from costmodel.projection.predict import predict as run
    from costmodel.views.predictions import prediction_records, prediction_tables

    result = run(load_digital(card), operation, n, m or None, batch, dtype)
    _print(output, result.as_dict, lambda: prediction_tables(result), lambda: prediction_records(result))


@app.command()
def validate(
    timings: Annotated[str, typer.Option(help="score a card on this file instead of the shipped data")] = "",
    card: Annotated[str, typer.Option(help="the card to score on --timings")] = "",
    points: Annotated[bool, typer.Option(help="every held-out point, not only the summaries")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Score the shipped cards on data no fit has read; exit 1 where a threshold is missed."""
    from validation.score.command import validate as run

    records, as_dict, tables, passed = run(timings, card, points=points)
    _print(output, as_dict, tables, records)
    if not passed:
        raise typer.Exit(1)


def _torch() -> None:
    """Say how to get torch where it is missing."""
    import importlib.util

    from costmodel.inputs.faults import InputError

    if importlib.util.find_spec("torch") is None:
        raise InputError.about("torch", "is needed; install it with: pip install 'costmodel[torch]'")


def _load(model: str, digital: str, analog: str, settings: list[str]) -> Any:
    """Model and cards with their settings; the faults of all at once."""
    from dataclasses import replace

    from costmodel.inputs.faults import Fault, InputError
    from costmodel.inputs.loading import load_analog, load_digital, load_solver, load_workload, split_settings

    split = split_settings(settings)
    loaded: list[Any] = []
    faults: list[Fault] = []
    loaders: tuple[tuple[Callable[..., Any], str, str], ...] = (
        (load_workload, model, "model"),
        (load_digital, digital, "digital"),
        (load_analog, analog, "analog"),
        (lambda _, settings: load_solver(settings), "", "solver"),
    )
    for load, name, root in loaders:
        if root == "solver" and not split[root]:
            continue  # cards come with the shipped one
        try:
            loaded.append(load(name, split[root]))
        except InputError as error:
            faults.extend(error.faults)
    if faults:
        raise InputError(faults)
    network, device, machine, *solver = loaded
    return network, device, replace(machine, solver=solver[0]) if solver else machine


def _print(output: Format, as_dict: Any, tables: Any, records: Any) -> None:
    """Print a result in the format asked for; only that form of it is built."""
    from costmodel.views import table

    match output:
        case Format.JSON:
            import json

            typer.echo(json.dumps(as_dict(), indent=2, allow_nan=False))
        case Format.CSV:
            rows = records()
            typer.echo(table.comma_separated(list(rows[0]), [list(row.values()) for row in rows]))
        case Format.MARKDOWN:
            typer.echo(table.markdown(tables()))
        case Format.TABLE:
            table.terminal(tables())


def main() -> None:
    """Run the command line; bad input prints one line a fault and exits with 2."""
    gc.set_threshold(100_000, 50, 50)  # looking through all that sympy keeps alive costs 6 % of a projection
    from costmodel.inputs.faults import InputError

    try:
        app()
    except InputError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)
