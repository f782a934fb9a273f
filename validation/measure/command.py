"""The verb ``measure``."""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Final

import torch

from costmodel.inputs.faults import Fault, InputError
from costmodel.machines.operations import timed
from costmodel.quantities.names import unknown
from validation.measure.adviser import advise as advise_on
from validation.measure.grid import PRODUCT_DTYPES, Planned, plan
from validation.measure.measurement import Measurement, phases
from validation.measure.models import MODELS
from validation.quality import best_references, settled

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}
_DTYPES: Final = {"cpu": ("float32", "float64"), "cuda": ("float32", "float64", *PRODUCT_DTYPES)}
#: Advice shown at once.
_SHOWN: Final = 12


def measure(
    out: str,
    device: str,
    threads: str,
    budget: str,
    dtypes: str,
    operations: str,
    *,
    models: bool,
    beyond: bool,
    rounds: int,
    advise: bool,
    quiet: bool,
) -> None:
    """Check the options, then measure into a file until the grid is done or the budget spent.

    Raises:
        InputError: An option makes no sense here, or the file is of another machine.
    """
    started = time.monotonic()
    faults: list[Fault] = []
    counts = _threads(threads, faults)
    seconds = parse_budget(budget, faults)
    types = _names("--dtypes", dtypes, _DTYPES.get(device, _DTYPES["cuda"]), faults)
    chosen = _names("--operations", operations or ",".join(timed()), timed(), faults)
    if device not in {"cpu", "cuda"}:
        faults.append(Fault("--device", 0, 0, "", f"'{device}' is none of cpu, cuda"))
    elif device == "cuda" and not torch.cuda.is_available():
        faults.append(Fault("--device", 0, 0, "", "this torch sees no CUDA device"))
    if faults:
        raise InputError(faults)
    planned = plan(chosen, types, counts, device, beyond=beyond)
    if models:
        # A GPU's grid can take all of a budget, and without whole networks nothing says what a step is.
        planned += phases(list(MODELS), counts[0], level=-1 if device == "cuda" else 1)
    session = Measurement(Path(out), torch.device(device), started + seconds, quiet=quiet)
    session.open()
    with closing(session):
        if advise:
            _show(session, planned)
            return
        session.run(planned, rounds)
        _follow_advice(session, planned)
    if not quiet:
        visits = sum(map(len, session.visits.values()))
        print(f"{len(session.visits)} points, {visits} visits, in {out}", file=sys.stderr)


def parse_budget(text: str, faults: list[Fault]) -> float:
    """Seconds of ``90s``, ``3m`` or ``1h``; infinite without a text.

    >>> parse_budget("3m", []), parse_budget("", [])
    (180.0, inf)
    """
    if not text:
        return math.inf
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", text.strip())
    if match is None or not float(match.group(1)) > 0:
        faults.append(Fault("--budget", 0, 0, "", f"'{text}' is not a time like 90s, 3m or 1h"))
        return math.inf
    return float(match.group(1)) * _UNITS[match.group(2)]


def _threads(text: str, faults: list[Fault]) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch("0*[1-9][0-9]{0,3}", part) for part in parts):
        faults.append(Fault("--threads", 0, 0, "", f"'{text}' is not a list of thread counts like 1 or 1,2"))
        return [1]
    return list(dict.fromkeys(int(part) for part in parts))


def _names(option: str, text: str, known: Collection[str], faults: list[Fault]) -> list[str]:
    names = [part.strip() for part in text.split(",") if part.strip()]
    for name in names:
        if name not in known:
            faults.append(Fault(option, 0, 0, "", unknown(option.strip("-").rstrip("s"), name, known)))
    return names


def _times(session: Measurement) -> dict[object, float]:
    everything = [timing for visits in session.visits.values() for timing in visits]
    references = best_references(everything)
    return {
        point: settled(visits, references[point.threads], session.device.type)[0]
        for point, visits in session.visits.items()
    }


def _follow_advice(session: Measurement, planned: list[Planned]) -> None:
    """Spend what is left of a budget on the sizes that would tell most, a batch at a time."""
    while math.isfinite(session.deadline) and session.deadline - time.monotonic() > 3.0:
        advice = advise_on(_times(session), [each.point for each in planned])  # type: ignore[arg-type]
        if not advice:
            return
        session.run([Planned(each.point, 0, index) for index, each in enumerate(advice[:_SHOWN])], rounds=2)


def _show(session: Measurement, planned: list[Planned]) -> None:
    for each in advise_on(_times(session), [each.point for each in planned])[:_SHOWN]:  # type: ignore[arg-type]
        point = each.point
        size = f"n {point.n} m {point.m} batch {point.batch}"
        print(f"{point.op:18s} {size:28s} laws differ by {each.disagreement:6.1%}, about {each.seconds * 1e3:.3g} ms")
