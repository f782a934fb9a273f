"""Time a K-FAC step phase by phase on this processor, over the width of an MLP and the vocabulary of a GPT.

``python -m paper_figures.profile`` writes the file that the time profile reads. It needs torch, and a quiet machine.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import torch
from torch import nn

from costmodel.inputs.files import write_text
from validation.measure import models
from validation.measure.environment import environment
from validation.measure.steps import PHASES, Step

FILE: Final = Path(__file__).parent / "data" / "profile.jsonl"
WIDTHS: Final = (128, 256, 512, 1024, 2048)
VOCABULARIES: Final = (256, 512, 1024, 2048, 4096)
#: Rows of a small and of a full batch: examples of the MLP, tokens of the GPT.
ROWS: Final = {"small": 64, "full": 2048}
_CONTEXT: Final = 64
_GPT_WIDTH: Final = 128
_REPEATS: Final = 5


def gpt(sequences: int, vocabulary: int) -> models.Built:
    """Two blocks of width 128 whose output layer has a Kronecker factor of the vocabulary's size."""
    first = models.Tokens(nn.Embedding(vocabulary, _GPT_WIDTH), _CONTEXT, _GPT_WIDTH)
    blocks = [models.Block(_GPT_WIDTH, 4, causal=True) for _ in range(2)]
    network = nn.Sequential(first, *blocks, nn.LayerNorm(_GPT_WIDTH), nn.Linear(_GPT_WIDTH, vocabulary))
    inputs = torch.randint(vocabulary, (sequences, _CONTEXT))
    return models.Built(network, inputs, torch.randint(vocabulary, (sequences * _CONTEXT,)))


def networks() -> Iterator[tuple[str, int, str, Callable[[], models.Built]]]:
    """Family, size, batch, and what builds the network."""
    for batch, rows in ROWS.items():
        for width in WIDTHS:
            yield "mlp", width, batch, partial(models.mlp, rows, 784, width, width, width, 10)
        for size in VOCABULARIES:
            yield "gpt", size, batch, partial(gpt, rows // _CONTEXT, size)


def seconds(call: Callable[[], None]) -> list[float]:
    """Seconds of each repeat of a call, after one that is not counted."""
    call()
    found = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return sorted(found)


def measure() -> None:
    """Write every phase of every network."""
    torch.set_num_threads(1)
    where = environment(torch.device("cpu"))
    head = {"device": where.name, "torch": where.torch, "blas": where.blas, "threads": 1, "repeats": _REPEATS}
    lines = [json.dumps({"kind": "environment", "schema": 1} | head)]
    for family, size, batch, build in networks():
        models.MODELS["profiled"] = build
        step = Step("profiled", torch.device("cpu"))
        for phase in PHASES[:-1]:
            times = seconds(step.call(phase))
            found = {"min_s": times[0], "median_s": statistics.median(times), "max_s": times[-1]}
            rounded = {key: float(f"{value:.5g}") for key, value in found.items()}
            key = {"family": family, "size": size, "batch": batch, "rows": ROWS[batch], "phase": phase}
            lines.append(json.dumps({"kind": "phase"} | key | rounded))
        print(family, size, batch, flush=True)
    write_text(FILE, "\n".join(lines) + "\n")


if __name__ == "__main__":
    measure()
