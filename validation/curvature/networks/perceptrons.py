"""Multilayer perceptrons on digits: deeper and narrower, and shallower and wider, with as many classes as digits."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from validation.curvature import Task
from validation.curvature.networks.batches import Images, digits

LAST_STEP = 1000
#: Images a batch, more than the widest layer has columns.
_BATCH = 600


def digits_mlp_96() -> Task:
    """64-96-96-96-10 with ReLU."""
    return _task(96, 96, 96)


def digits_mlp_256() -> Task:
    """64-256-256-10 with ReLU."""
    return _task(256, 256)


def _task(*widths: int) -> Task:
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise((64, *widths)):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(widths[-1], 10))
    return Task(
        model,
        Images(*digits(), _BATCH),
        nn.CrossEntropyLoss(),
        kind="mlp",
        width=widths[-1],
        data="scikit-learn digits",
    )
