"""What verbs that project take: a model, two cards and settings, loaded together.

A module of verbs has ``register(app)``, which puts them on the application; :mod:`costmodel.cli` calls it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from costmodel.cli_output import require_torch

if TYPE_CHECKING:
    from costmodel.machines.cards import AnalogCard, DigitalCard
    from costmodel.workloads.workload import Workload

Model = Annotated[str, typer.Argument(help="a catalog name or the path of a model.yaml", show_default=False)]
OptionalModel = Annotated[
    str, typer.Argument(help="a catalog name or the path of a model.yaml; or none, with --torch", show_default=False)
]
Torch = Annotated[
    str, typer.Option("--torch", help="run package.module:factory, and read the torch module that it gives")
]
Input = Annotated[
    list[str], typer.Option("--input", help="with --torch: an input, like 8x3x224x224, 8x128:int or ids=8x128:int")
]
Examples = Annotated[int, typer.Option("--examples", min=0, help="with --torch: examples in the inputs")]
Adam = Annotated[list[str], typer.Option("--adam", help="with --torch: layers left to Adam, * for any part of a name")]
Digital = Annotated[str, typer.Option(help="digital card: a catalog name or a file")]
Analog = Annotated[str, typer.Option(help="analog card: a catalog name or a file")]
Settings = Annotated[
    list[str], typer.Option("--set", help="change a value of the model or a card: path=value, repeatable")
]


def examples(*commands: str) -> str:
    """The end of a verb's help: commands to copy, each on a line of its own."""
    return "\b\nExamples:\n" + "\n".join(f"  costmodel {command}" for command in commands)


@dataclass(frozen=True, slots=True)
class Traced:
    """A model that is read from a torch module in place of a file, as the options say.

    Attributes:
        factory: ``package.module:factory``; empty where a name or a file is given.
        inputs: Shapes.
        examples: Examples in them; 0 where the inputs say it.
        adam: Patterns of layers that are left to Adam.
    """

    factory: str = ""
    inputs: Sequence[str] = ()
    examples: int = 0
    adam: Sequence[str] = ()

    def load(self, model: str, settings: Sequence[str]) -> Workload:
        """The workload; what of it was not read is said on the error stream.

        Raises:
            InputError: Of the options or the model.
        """
        from costmodel.inputs.faults import Fault, InputError
        from costmodel.inputs.loading import load_workload

        if self.factory:
            if model:
                raise InputError.about("--torch", f"stands for a model; '{model}' is one too")
            require_torch()
            from costmodel.tracing.factory import read_factory

            traced = read_factory(
                self.factory, self.inputs, examples=self.examples or None, adam=self.adam, settings=settings
            )
            typer.echo("\n".join(traced.coverage()), err=True)
            return traced
        beside = {"--input": self.inputs, "--examples": self.examples, "--adam": self.adam}
        faults = [Fault(name, 0, 0, "", "belongs to --torch") for name, value in beside.items() if value]
        if not model:
            faults.append(Fault("MODEL", 0, 0, "", "is missing: a catalog name, a model.yaml, or --torch"))
        if faults:
            raise InputError(faults)
        return load_workload(model, settings)


def load(
    model: str, digital: str, analog: str, settings: list[str], traced: Traced | None = None
) -> tuple[Workload, DigitalCard, AnalogCard]:
    """Model and cards with their settings; the faults of all three at once."""
    from dataclasses import replace

    from costmodel.inputs.arguments import all_at_once, refuse
    from costmodel.inputs.loading import load_analog, load_digital, load_solver, load_workload, sort_settings
    from costmodel.inputs.together import faults_together

    split, faults = sort_settings(settings)
    workload, digital_card, analog_card, solver, _ = all_at_once(
        lambda: traced.load(model, split["model"]) if traced else load_workload(model, split["model"]),
        lambda: load_digital(digital, split["digital"]),
        lambda: load_analog(analog, split["analog"]),
        lambda: load_solver(split["solver"]) if split["solver"] else None,
        lambda: refuse(faults),
    )
    refuse(faults_together(workload, digital_card))
    return workload, digital_card, replace(analog_card, solver=solver) if solver else analog_card


def of_model(settings: list[str]) -> list[str]:
    """Settings of a verb that reads a model and no card; those of a card would change nothing."""
    from costmodel.inputs.arguments import refuse
    from costmodel.inputs.faults import Fault
    from costmodel.inputs.loading import sort_settings

    split, faults = sort_settings(settings)
    for root in ("digital", "analog", "solver"):
        what = root if root == "solver" else f"{root} card"
        message = f"is a key of the {what}; only the model is read here"
        faults += [Fault("--set", 0, 0, setting.partition("=")[0], message) for setting in split[root]]
    refuse(faults)
    return split["model"]
