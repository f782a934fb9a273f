"""The verb ``trace``: a model file from a torch module."""

from __future__ import annotations

from typing import Annotated

import typer

from costmodel.cli_inputs import Adam, Examples, Input, examples
from costmodel.cli_output import require_torch


def register(app: typer.Typer) -> None:
    """Put the verb on the application."""
    app.command(epilog=examples(
        "trace torchvision.models:resnet50 --input 8x3x224x224 --out resnet50.yaml",
        "trace \"timm:create_model('vit_small_patch16_224')\" --input 8x3x224x224",
        "trace \"transformers:GPT2LMHeadModel(n_layer=24)\" --input 8x1024:int",
        "trace my_package.models:factory --adam '*.head' --out mine.yaml",
    ))(trace)  # fmt: skip


def trace(
    factory: Annotated[str, typer.Argument(help="package.module:factory, with plain arguments or none")],
    inputs: Input = [],  # noqa: B006
    number: Examples = 0,
    adam: Adam = [],  # noqa: B006
    out: Annotated[str, typer.Option(help="model file to write; without it, it is printed")] = "",
) -> None:
    """Run FACTORY and write the torch module that it gives as a model file. Needs torch.

    FACTORY gives a module, for which --input says the inputs; or (module, inputs); or (module, inputs, examples). It
    runs on the meta device, without memory for weights.
    """
    require_torch()
    from costmodel.inputs.faults import InputError
    from costmodel.tracing.factory import read_factory

    traced = read_factory(factory, inputs, examples=number or None, adam=adam)
    try:
        text = traced.to_yaml(out or None)
    except OSError as error:
        raise InputError.about(out, f"cannot be written: {error.strerror}") from None
    typer.echo("\n".join(traced.coverage()), err=True)
    if out:
        typer.echo(f"written; project it with: costmodel project {out}", err=True)
    else:
        typer.echo(text, nl=False)
