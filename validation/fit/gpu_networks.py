"""Networks whose K-FAC steps were timed by phase on a GPU: what each is made of, and which are held out."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from validation.fit.networks import TimedNetwork
from validation.measure.timings import LayerSizes, ModelSizes

#: Phases of the file, in the order they run. ``factors`` has the rows and the running averages in it.
PHASES: Final = ("forward_backward", "factors", "inversion", "precondition", "update")
ADAM: Final = "adam_update"


def read_steps(file: Path) -> list[TimedNetwork]:
    """Networks of a file of whole steps, in its order: seconds of each phase, and of Adam's update."""
    found: dict[str, TimedNetwork] = {}
    seconds: dict[str, dict[str, float]] = {}
    with file.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["phase"] not in (*PHASES, ADAM):
                continue  # forward and backward alone, in several precisions
            name = row["model"]
            if name not in found:
                seconds[name] = {}
                found[name] = TimedNetwork(sizes_of(name, int(row["batch"])), seconds[name])
                assert found[name].model.parameters == int(row["params"]), name
                assert len(found[name].model.layers) == int(row["layers"]), name
            seconds[name][row["phase"]] = float(row["median_s"])
    return list(found.values())


def passes_alone(file: Path, precision: str) -> dict[int, float]:
    """Seconds of forward and backward of ViT-S/16 by batch, in a precision."""
    with file.open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["phase"] == f"forward_backward_{precision}"]
    return {int(row["batch"]): float(row["median_s"]) for row in rows}


def held_out_networks(timed: Sequence[TimedNetwork]) -> frozenset[str]:
    """Names of the networks that score a fit: the second of every three of a family, in the order of their size.

    Families are what their names begin with. A family of one network is fitted.
    """
    families: dict[str, list[TimedNetwork]] = {}
    for each in timed:
        families.setdefault(each.model.model.split("_")[0], []).append(each)
    ordered = (sorted(family, key=lambda each: each.model.parameters) for family in families.values())
    return frozenset(each.model.model for family in ordered for each in family[1::3])


def sizes_of(name: str, batch: int) -> ModelSizes:
    """What a network of the file is made of, from its name.

    >>> sizes_of("mlp4_w128", 1024).parameters, sizes_of("vit_s16", 64).parameters
    (134794, 22050664)
    """
    for pattern, build in _BUILDERS:
        match = re.fullmatch(pattern, name)
        if match:
            return build(name, batch, *map(int, match.groups()))
    raise ValueError(f"no network is called {name}")


def _linear(rows: int, d: int, g: int, *, bias: bool = True) -> LayerSizes:
    return LayerSizes("linear", rows, d, d + bias, g, rows * d)


def _mlp(name: str, batch: int, depth: int, width: int) -> ModelSizes:
    """784 - W - ... - W - 10."""
    widths = [784, *[width] * (depth - 1), 10]
    layers = tuple(_linear(batch, d, g) for d, g in pairwise(widths))
    return _model(name, layers, 0, 0.0, batch * width * (depth - 1.0), 0)


def _gpt(name: str, batch: int, width: int, vocabulary: int) -> ModelSizes:
    """Six blocks over 256 tokens; embedding and head are two matrices, the head has no bias."""
    tokens, depth = 256, 6
    layers = (*_blocks(batch * tokens, width, depth), _linear(batch * tokens, width, vocabulary, bias=False))
    others = width * (vocabulary + tokens) + _norms(width, depth)
    return _model(name, layers, others, _attention(batch, tokens, width, depth), 0.0, 2 * (2 * depth + 1) + 2)


def _vit(name: str, batch: int) -> ModelSizes:
    """ViT-S/16 with a class token: 12 blocks of width 384 over 197 tokens, 1000 classes."""
    tokens, width, depth = 197, 384, 12
    rows = batch * (tokens - 1)
    patch = LayerSizes("convolution", rows, 768, 769, width, batch * 3 * 224**2)
    layers = (patch, *_blocks(batch * tokens, width, depth), _linear(batch, width, 1000))
    others = width * (tokens + 1) + _norms(width, depth)
    return _model(name, layers, others, _attention(batch, tokens, width, depth), 0.0, 2 * (2 * depth + 1) + 2)


def _blocks(rows: int, width: int, depth: int) -> tuple[LayerSizes, ...]:
    shapes = ((width, 3 * width), (width, width), (width, 4 * width), (4 * width, width))
    return tuple(_linear(rows, d, g) for d, g in shapes * depth)


def _norms(width: int, depth: int) -> int:
    """Parameters of two norms a block and one at the end."""
    return 2 * width * (2 * depth + 1)


def _attention(batch: int, tokens: int, width: int, depth: int) -> float:
    """Forward FLOPs of the products of attention."""
    return 4.0 * batch * tokens**2 * width * depth


def _model(
    name: str, layers: tuple[LayerSizes, ...], others: int, attention: float, activations: float, tensors: int
) -> ModelSizes:
    parameters = sum(each.a * each.g for each in layers) + others
    tensors += sum(1 + (each.a > each.d) for each in layers)
    return ModelSizes(name, layers, attention, activations, parameters, tensors)


_BUILDERS: Final[Sequence[tuple[str, Callable[..., ModelSizes]]]] = (
    (r"mlp(\d+)_w(\d+)", _mlp),
    (r"gpt_d(\d+)_v(\d+)", _gpt),
    (r"vit_s16", _vit),
)
