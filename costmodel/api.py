"""The calls of a notebook: models and cards by name, by file or as loaded objects, faults in the words of Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from costmodel.defaults import ANALOG, DIGITAL, DRAWS, MODEL, Scenario
from costmodel.inputs.arguments import (
    Named,
    Settings,
    Values,
    all_at_once,
    at_least,
    known_scenario,
    refuse,
)
from costmodel.inputs.faults import Fault, InputError
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection import counts as _counts
from costmodel.projection import predict as _predict
from costmodel.projection import project as _project
from costmodel.workloads.workload import Workload

if TYPE_CHECKING:
    from torch import nn

    from costmodel.tracing.traced import Traced


def project(
    model: Named | Workload = MODEL,
    digital: Named | DigitalCard = DIGITAL,
    analog: Named | AnalogCard = ANALOG,
    *,
    set: Values | None = None,
    devices: int | None = None,
    scenario: Scenario | str = Scenario.NOMINAL,
    draws: int = DRAWS,
    seed: int = 0,
) -> _project.Projection:
    """Project the cost of every method on a model and its hardware.

    Args:
        model: A catalog name, a file, or a loaded workload.
        digital: The digital card, likewise.
        analog: The thermodynamic machine's card, likewise.
        set: Values to change, by the paths of ``--set``: ``{"analog.relaxation_time": "1 ns", "kfac.damping": 1e-2}``.
            A text is read as on the command line; numbers, lists and dicts are taken as they are.
        devices: Devices that share the batch; as the model says without it.
        scenario: How the ranges of the analog arm are used: ``"conservative"``, ``"nominal"`` or ``"optimistic"``.
        draws: How many draws the intervals rest on.
        seed: Equal seed and input give equal output.

    Raises:
        InputError: Anything wrong with any of these, all faults at once.

    >>> project("mlp", set={"batch_size": 256, "analog.relaxation_time": "1 ns"}, draws=100).best_digital
    'kfac.newton_schulz'
    """
    settings = Settings.of(set if devices is None else {**(set or {}), "model.devices": devices})
    beside = [*at_least(1, draws=draws), *at_least(0, seed=seed), *known_scenario(scenario)]
    loaded = settings.load_case(model, digital, analog, *beside)
    return _project.project(*loaded, draws=draws, seed=seed, scenario=scenario)


def count(model: Named | Workload = MODEL, *, set: Values | None = None) -> _counts.Counts:
    """Count the FLOPs of one step of a model with every phase done once, exactly.

    Args:
        model: A catalog name, a file, or a loaded workload.
        set: Values of the model to change, as :func:`project` takes them.

    Raises:
        InputError: All faults of both.

    >>> count("mlp", set={"parameters.depth": 1, "batch_size": 10}).forward_backward
    32727040.0
    """
    return _counts.count(load_workload(model, set=set))


def from_torch(
    module: nn.Module,
    inputs: Any,
    *,
    name: str = "",
    examples: int | None = None,
    adam: Sequence[str] = (),
    set: Values | None = None,
) -> Traced:
    """Read a network from a torch module by one forward pass on the meta device, without memory for weights.

    Args:
        module: Any module; it is not changed.
        inputs: A tensor, a tuple of positional or a dict of keyword arguments.
        name: In results; that of its class without it.
        examples: Examples in the inputs; from the inputs without it.
        adam: Patterns of names of layers that are left to Adam, like ``"lm_head"`` or ``"*.fc1"``.
        set: Values of the model to change, as :func:`project` takes them: ``{"batch_size": 1024}``.

    Returns:
        A workload; ``coverage()`` says what of the network it has no layers for, ``to_yaml()`` writes its model file.

    Raises:
        InputError: The module fails on the inputs, or has no layer with Kronecker factors.
    """
    from costmodel.tracing import traced

    settings = Settings.of(set)
    refuse([*settings.faults, *settings.beside("model")])
    found: Traced = traced.from_torch(
        module, inputs, name=name, examples=examples, adam=adam, settings=settings.texts["model"]
    )
    return found


def predict(
    card: Named | DigitalCard,
    operation: str,
    n: int,
    m: int | None = None,
    batch: int = 1,
    dtype: str = "float32",
    *,
    set: Values | None = None,
) -> _predict.Prediction:
    """Predict the time of one operation of one size on a digital card.

    Args:
        card: A catalog name, a file, or a loaded card.
        operation: ``gemm``, ``cholesky``, ``eigh`` and so on; a message lists them.
        n: Order of the matrix, or columns.
        m: Rows, where they differ.
        batch: Matrices in one call.
        dtype: Element type, ``float32`` or ``float64``.
        set: Values of the card to change, as :func:`project` takes them.

    Raises:
        InputError: A fault of the card, no law for the operation, or a size it does not take.

    >>> predict("epyc-milan-1-thread", "cholesky", 512).status
    'interpolated'
    """
    settings = Settings.of(set)
    sizes = {"n": n, "batch": batch} | ({} if m is None else {"m": m})
    beside = settings.beside("digital")
    loaded, _ = all_at_once(
        lambda: settings.load(card, (DigitalCard,), ("digital",), "card"),
        lambda: refuse([*settings.faults, *beside, *at_least(1, **sizes)]),
    )
    try:
        return _predict.predict(loaded, operation, n, m, batch, dtype)
    except _predict.UnpredictableError as error:
        raise InputError([Fault(argument, 0, 0, "", message) for argument, message in error.faults]) from None


def load_workload(model: Named | Workload, *, set: Values | None = None) -> Workload:
    """Load a model.

    Args:
        model: A catalog name such as ``"imagenet_vit"``, or a file.
        set: Values to change before the file is checked, as :func:`project` takes them.

    Raises:
        InputError: No such model, or its faults.

    >>> load_workload("gpt", set={"batch_size": 8}).batch_size
    8
    """
    settings = Settings.of(set)
    beside = settings.beside("model")
    loaded: Workload
    loaded, _ = all_at_once(
        lambda: settings.load(model, (Workload,), ("model",), "model"), lambda: refuse([*settings.faults, *beside])
    )
    return loaded


def load_card(card: Named | DigitalCard | AnalogCard, *, set: Values | None = None) -> DigitalCard | AnalogCard:
    """Load a card; its type follows from the ``kind`` that it states.

    Args:
        card: A catalog name such as ``"h100-sxm"``, or a file.
        set: Values to change before the file is checked, as :func:`project` takes them.

    Raises:
        InputError: No such card, or its faults.

    >>> load_card("tngd-2024", set={"arrays": 64}).arrays.value
    64.0
    """
    settings = Settings.of(set)
    beside = settings.beside("digital", "analog")
    loaded: DigitalCard | AnalogCard
    loaded, _ = all_at_once(
        lambda: settings.load(card, (DigitalCard, AnalogCard), ("digital", "analog"), "card"),
        lambda: refuse([*settings.faults, *beside]),
    )
    return loaded
