"""What verbs that project take: a model, two cards and settings, loaded together.

A module of verbs has ``register(app)``, which puts them on the application; :mod:`costmodel.cli` calls it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from costmodel.machines.cards import AnalogCard, DigitalCard
    from costmodel.workloads.workload import Workload

Model = Annotated[str, typer.Argument(help="a catalog name or the path of a model.yaml", show_default=False)]
Digital = Annotated[str, typer.Option(help="digital card: a catalog name or a file")]
Analog = Annotated[str, typer.Option(help="analog card: a catalog name or a file")]
Settings = Annotated[
    list[str], typer.Option("--set", help="change a value of the model or a card: path=value, repeatable")
]


def examples(*commands: str) -> str:
    """The end of a verb's help: commands to copy, each on a line of its own."""
    return "\b\nExamples:\n" + "\n".join(f"  costmodel {command}" for command in commands)


def load(model: str, digital: str, analog: str, settings: list[str]) -> tuple[Workload, DigitalCard, AnalogCard]:
    """Model and cards with their settings; the faults of all three at once."""
    from dataclasses import replace

    from costmodel.inputs.arguments import all_at_once, refuse
    from costmodel.inputs.loading import load_analog, load_digital, load_solver, load_workload, sort_settings
    from costmodel.inputs.together import faults_together

    split, faults = sort_settings(settings)
    workload, digital_card, analog_card, solver, _ = all_at_once(
        lambda: load_workload(model, split["model"]),
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
