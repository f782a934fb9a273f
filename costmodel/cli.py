"""The command line: ``python -m costmodel VERB``. Every verb loads only what it needs."""

from __future__ import annotations

import gc
import io
import os
import sys
import warnings
from typing import Annotated

import typer

from costmodel import cli_trace
from costmodel.cli_curvature import curvature
from costmodel.cli_inputs import (
    Adam,
    Analog,
    Digital,
    Examples,
    Input,
    OptionalModel,
    Settings,
    Torch,
    Traced,
    examples,
    load,
    of_model,
)
from costmodel.cli_output import Output, require_torch
from costmodel.cli_output import print_report as _print
from costmodel.cli_questions import register as register_questions
from costmodel.cli_report import register as register_report
from costmodel.cli_sweep import register as register_sweep
from costmodel.defaults import ANALOG, DIGITAL, DRAWS, MODEL, Format, Scenario

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(curvature, name="curvature")
cli_trace.register(app)
register_report(app)
register_questions(app)
register_sweep(app)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"costmodel {version('costmodel')}")
        raise typer.Exit


@app.callback()
def costmodel(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version and exit")
    ] = False,
) -> None:
    """What K-FAC costs on digital hardware and on a thermodynamic solver, layer by layer, with intervals."""


@app.command(epilog=examples(
    "project imagenet_vit",
    "project my-model.yaml --digital h100-sxm --analog my-machine.yaml",
    'project gpt --devices 8 --set precision=bfloat16 --set relaxation_time="1 ns"',
    "project --torch torchvision.models:resnet50 --input 8x3x224x224 --set batch_size=1024",
    "project ogbg --details",
    "project ogbg --format csv > ogbg.csv",
))  # fmt: skip
def project(
    model: OptionalModel = "",
    digital: Digital = DIGITAL,
    analog: Analog = ANALOG,
    settings: Settings = [],  # noqa: B006 -- typer copies it
    devices: Annotated[int, typer.Option(min=0, help="devices that share the batch; as the model says without it")] = 0,
    scenario: Annotated[Scenario, typer.Option(help="how the ranges of the analog arm are used")] = Scenario.NOMINAL,
    draws: Annotated[int, typer.Option(min=1, max=1_000_000, help="draws the intervals rest on")] = DRAWS,
    seed: Annotated[int, typer.Option(min=0, help="seed of the draws")] = 0,
    every: Annotated[bool, typer.Option("--all", help="every method, also those the machine cannot run")] = False,
    details: Annotated[bool, typer.Option("--details", help="phases, memory and every number with its source")] = False,
    output: Output = Format.TABLE,
    torch: Torch = "",
    inputs: Input = [],  # noqa: B006
    number: Examples = 0,
    adam: Adam = [],  # noqa: B006
) -> None:
    """Cost of every method on MODEL: a step by phase, speedups, and whether the analog machine pays off."""
    from costmodel.projection.project import project as run
    from costmodel.views.project import ProjectReport

    settings = [*settings, f"model.devices={devices}"] if devices else settings
    workload, digital_card, analog_card = load(model, digital, analog, settings, Traced(torch, inputs, number, adam))
    result = run(workload, digital_card, analog_card, draws=draws, seed=seed, scenario=scenario)
    _print(output, ProjectReport(result, every, details))


@app.command(epilog=examples(
    "counts wmt",
    "counts mlp --set batch_size=64 --format csv",
))  # fmt: skip
def counts(
    model: OptionalModel = "",
    settings: Settings = [],  # noqa: B006
    torch: Torch = "",
    inputs: Input = [],  # noqa: B006
    number: Examples = 0,
    adam: Adam = [],  # noqa: B006
    output: Output = Format.TABLE,
) -> None:
    """Exact FLOPs of one step of MODEL with every phase done once."""
    from costmodel.projection.counts import count
    from costmodel.views.counts import CountsReport

    _print(output, CountsReport(count(Traced(torch, inputs, number, adam).load(model, of_model(settings)))))


@app.command(epilog=examples(
    "explain thermo.solve.settle.time",
    "explain thermo.solve --model ogbg",
    'explain "kfac.cholesky inversion"',
    "explain kappa",
    "explain damping --format json",
))  # fmt: skip
def explain(
    name: Annotated[str, typer.Argument(help="formula, method, phase of one, symbol or path, as printed")],
    model: Annotated[str, typer.Option(help="network whose sizes are shown")] = MODEL,
    digital: Digital = DIGITAL,
    analog: Analog = ANALOG,
    settings: Settings = [],  # noqa: B006
    output: Output = Format.TABLE,
) -> None:
    """Where a number comes from: formulas with this model's values put in, symbols with units and sources."""
    from costmodel.projection.draws import quantities
    from costmodel.projection.project import project as run
    from costmodel.questions.lookup import look_up
    from costmodel.views.explain import ExplainReport

    loaded = load(model, digital, analog, settings)
    found = look_up(name, loaded[0], quantities(*loaded), loaded[2].relaxation_of)
    # The time of a phase is that of a projection with the same draws.
    _print(output, ExplainReport(found, run(*loaded) if found.phase else None))


@app.command(epilog=examples(
    "catalog",
    "catalog workloads",
    "catalog formulas --format csv",
))  # fmt: skip
def catalog(
    what: Annotated[str, typer.Argument(help="workloads, devices or formulas; all without it")] = "",
    output: Output = Format.TABLE,
) -> None:
    """What is shipped: workloads, hardware cards and formulas."""
    from costmodel.views.catalog import CatalogReport

    _print(output, CatalogReport(what))


@app.command(epilog=examples("schema model > model.schema.json", "schema card > card.schema.json"))
def schema(what: Annotated[str, typer.Argument(help="model or card", show_default=False)]) -> None:
    """JSON Schema of model or card files, for editors that complete and check them."""
    from costmodel.inputs.faults import InputError
    from costmodel.inputs.json_schema import schema_text
    from costmodel.quantities.names import unknown

    known = ("model", "card")
    if what not in known:
        raise InputError.about(what, unknown("schema", what, known))
    typer.echo(schema_text(what), nl=False)


@app.command(epilog=examples(
    "measure --out timings.jsonl --budget 3m",
    "measure --out gpu.jsonl --device cuda --budget 20m",
))  # fmt: skip
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
    require_torch()
    from validation.measure.command import measure as run

    run(
        out, device, threads, budget, dtypes, operations,
        models=models, beyond=beyond, rounds=rounds, advise=advise, quiet=quiet,
    )  # fmt: skip


@app.command(epilog=examples(
    "calibrate timings.jsonl --out card.yaml",
    "calibrate --simulator --short --out trials",
))  # fmt: skip
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
        require_torch()
        from validation.simulator.calibrate import main as run_trials

        trials = ["--out", out or "calibration/simulator", "--seed", str(seed)]
        raise typer.Exit(run_trials(trials + ["--short"] * short))
    if not out:
        raise InputError.about("calibrate", "give --out, the card to write")
    from validation.cards.command import calibrate as run

    _print(output, run(timings, out, name, threads, hold_out=hold_out))


@app.command(epilog=examples(
    "predict eigh --n 1537",
    "predict gemm --n 1024 --m 4096 --card rtx-a6000 --format json",
))  # fmt: skip
def predict(
    operation: Annotated[str, typer.Argument(help="gemm, cholesky, cholesky_inverse, inv, eigh ...")],
    n: Annotated[int, typer.Option("--n", min=1, max=10**7, help="order of the matrix, or columns")],
    m: Annotated[int, typer.Option("--m", min=0, max=10**9, help="rows, where they differ")] = 0,
    batch: Annotated[int, typer.Option(min=1, max=10**7, help="matrices in one call")] = 1,
    dtype: Annotated[str, typer.Option(help="element type")] = "float32",
    card: Annotated[str, typer.Option(help="digital card: a catalog name or a file")] = DIGITAL,
    in_step: Annotated[bool, typer.Option("--in-step", help="one of many calls in a training step")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Time of one OPERATION on a card, with its 90 % interval and whether its size was in the data."""
    from costmodel.inputs.arguments import Settings
    from costmodel.inputs.faults import Fault, InputError
    from costmodel.machines.cards import DigitalCard
    from costmodel.projection.predict import UnpredictableError
    from costmodel.projection.predict import predict as run
    from costmodel.views.predict import PredictReport

    loaded = Settings.of(None).load(card, (DigitalCard,), ("digital",), "--card")
    try:
        result = run(loaded, operation, n, m or None, batch, dtype, in_step=in_step)
    except UnpredictableError as error:
        origins = {"operation": operation, "card": loaded.name}
        faults = [Fault(origins.get(name, f"--{name}"), 0, 0, "", message) for name, message in error.faults]
        raise InputError(faults) from None
    _print(output, PredictReport(result))


@app.command(epilog=examples(
    "validate",
    "validate --timings t.jsonl --card card.yaml --points",
))  # fmt: skip
def validate(
    timings: Annotated[str, typer.Option(help="score a card on this file instead of the shipped data")] = "",
    card: Annotated[str, typer.Option(help="the card to score on --timings")] = "",
    points: Annotated[bool, typer.Option(help="every held-out point, not only the summaries")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Score the shipped cards on data no fit has read; exit 1 where a threshold is missed."""
    from validation.score.command import validate as run

    report = run(timings, card, points=points)
    _print(output, report)
    if not report.passed:
        raise typer.Exit(1)


def main() -> None:
    """Run the command line; bad input prints one line a fault and exits with 2."""
    gc.set_threshold(100_000, 50, 50)  # looking through all that imports keep alive costs 4 % of a projection
    # No plugin of pydantic belongs to this program; looking for them reads the metadata of all installed packages.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from costmodel.inputs.faults import InputError

    # Numbers that are out of all proportion are named by what they spoil, not by the line of numpy that met them first.
    warnings.simplefilter("ignore", RuntimeWarning)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what the terminal's encoding lacks is shown by its code
    try:
        app()
    except InputError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)
