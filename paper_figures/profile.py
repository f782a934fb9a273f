"""Time a K-FAC step phase by phase on this processor, over the width of an MLP and the vocabulary of a GPT.

``python -m paper_figures.profile`` writes the file that the time profile reads, in two or three minutes. It needs torch, and
a quiet machine: with each time goes how many processes ran, and the caption says so where others did. Stopped, it goes on
with the network that it was at; the file is replaced once all are timed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial as bound
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from costmodel.inputs.files import write_text
from paper_figures.figure import ROOT
from validation.measure import models
from validation.measure.environment import environment
from validation.measure.steps import PHASES, Step

FILE: Final = Path(__file__).parent / "data" / "profile.jsonl"
#: Where the networks are kept that are timed so far.
PARTIAL: Final = ROOT / "build" / "profile.jsonl"
WIDTHS: Final = (128, 256, 512, 1024, 2048)
VOCABULARIES: Final = (256, 512, 1024, 2048, 4096)
#: Rows of a small and of a full batch: examples of the MLP, tokens of the GPT.
ROWS: Final = {"small": 64, "full": 2048}
_CONTEXT: Final = 64
_GPT_WIDTH: Final = 128
_REPEATS: Final = 5
#: Processes on average over a minute above which others were at work beside this one.
_ALONE: Final = 1.5
_BUSY: Final = "; others were at work on the machine, repeat it when it is quiet"


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
            yield "mlp", width, batch, bound(models.mlp, rows, 784, width, width, width, 10)
        for size in VOCABULARIES:
            yield "gpt", size, batch, bound(gpt, rows // _CONTEXT, size)


def seconds(call: Callable[[], None]) -> list[float]:
    """Seconds of each repeat of a call, after one that is not counted."""
    call()
    found = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return sorted(found)


def measure(file: Path = FILE, partial: Path = PARTIAL) -> None:
    """Write every phase of every network; what a run that was stopped has of them, on this machine, is kept."""
    torch.set_num_threads(1)
    done = _taken_up(partial, head := _head())
    for family, size, batch, build in networks():
        if (family, size, batch) in {(each["family"], each["size"], each["batch"]) for each in done}:
            continue
        models.MODELS["profiled"] = build
        step = Step("profiled", torch.device("cpu"))
        key = {"kind": "phase", "family": family, "size": size, "batch": batch, "rows": ROWS[batch]}
        done += [key | {"phase": phase} | _times(step.call(phase)) | {"load": _load()} for phase in PHASES[:-1]]
        _write(partial, head, done)  # after all phases of a network, so that none is kept in part
        print(family, size, batch, flush=True)
    busy = max(each["load"] for each in done) > _ALONE
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    _write(file, head | {"date": date, "busy": busy}, done)
    partial.unlink()
    print(f"wrote {file}{_BUSY if busy else ''}")


def _head() -> dict[str, Any]:
    """What has to be the same for times to belong together."""
    where = environment(torch.device("cpu"))
    head = {"device": where.name, "cores": where.cores, "torch": where.torch, "blas": where.blas}
    return {"kind": "environment", "schema": 1} | head | {"threads": 1, "repeats": _REPEATS}


def _taken_up(partial: Path, head: dict[str, Any]) -> list[dict[str, Any]]:
    """Times of a run that was stopped, if they are of this machine."""
    if not partial.is_file():
        return []
    found, *times = (json.loads(line) for line in partial.read_text(encoding="utf-8").splitlines())
    return times if found == head else []


def _times(call: Callable[[], None]) -> dict[str, float]:
    times = seconds(call)
    found = {"min_s": times[0], "median_s": statistics.median(times), "max_s": times[-1]}
    return {key: float(f"{value:.5g}") for key, value in found.items()}


def _load() -> float:
    """Processes that run, over the last minute; this one among them."""
    return round(os.getloadavg()[0], 2)


def _write(file: Path, head: dict[str, Any], times: list[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, "".join(json.dumps(each) + "\n" for each in (head, *times)))


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()  # takes nothing: asked for help, nothing is timed
    measure()
