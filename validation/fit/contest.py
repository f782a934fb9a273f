"""The contest of families of law, on sizes no fit has read: ``python -m validation.fit.contest [TIMINGS] [THREADS]``.

``calibrate`` chooses a family for each operation by data left out of its own; here every family is made to fit every
operation, and all are scored on the held-out sizes. The choice may not look at these; this says what it cost.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from costmodel.views import screen
from costmodel.views.table import Table
from validation.fit.calibration import calibrate, data_of, point_times
from validation.fit.selection import FAMILIES, OperationFit, errors_of, fit
from validation.heldout import BETWEEN, BEYOND, for_fitting, for_scoring, held_out
from validation.measure import journal
from validation.measure.journal import Journal
from validation.measure.timings import Point
from validation.score.shipped import SHIPPED


def contest(read: Journal, threads: int) -> dict[str, dict[str, list[float]]]:
    """Absolute errors of each family, and of what was chosen, on each kind of held-out size.

    The scaled family exists for some operations only; elsewhere it stands aside.
    """
    device = read.environment.device if read.environment else "cpu"
    chosen = calibrate(read, threads=threads, hold_out=True)
    timings = [each for each in read.timings if each.point.threads == threads and not each.point.model]
    known = point_times(for_fitting(timings, device), read)
    scored = point_times(for_scoring(timings, device), read)
    found: dict[str, dict[str, list[float]]] = {}
    for key, own in chosen.fits.items():
        operation, _, dtype = key.partition(".")
        mine = {p: s for p, s in known.items() if p.op == operation and p.dtype == (dtype or "float32")}
        held = {p: s for p, s in scored.items() if p.op == operation and p.dtype == (dtype or "float32")}
        fits = {family: _only(family, operation, mine, own, chosen.fits) for family in FAMILIES}
        for name, each in {**fits, "chosen": own}.items():
            for group in (BETWEEN, BEYOND):
                points = {p: s for p, s in held.items() if held_out(p, device) == group}
                if each is not None and points:
                    errors = np.abs(np.expm1(errors_of(each.law, data_of(operation, points))))
                    found.setdefault(name, {}).setdefault(group, []).extend(map(float, errors))
    return found


def _only(
    family: str, operation: str, times: dict[Point, float], chosen: OperationFit, fits: Mapping[str, OperationFit]
) -> OperationFit | None:
    """A fit of one family alone; the floor of tails is that of the chosen products."""
    base = chosen.candidate.base
    if family == "scaled" and base is None:
        return None
    floor = 0.9 * fits["gemm"].law.work.limit if operation not in {"gemm", "ema", "elementwise"} else 0.0
    return fit(data_of(operation, times), families=(family,), floor=floor, base=base)


def tables(found: Mapping[str, Mapping[str, list[float]]]) -> list[Table]:
    """Median and 90th percentile of each family."""
    rows = tuple(
        (
            name,
            *(
                f"{len(groups.get(group, []))}: {np.median(groups[group]):.1%}, {np.quantile(groups[group], 0.9):.1%}"
                if groups.get(group)
                else ""
                for group in (BETWEEN, BEYOND)
            ),
        )
        for name, groups in found.items()
    )
    return [Table("points: median and 90th percentile of held-out errors", ("family", BETWEEN, BEYOND), rows)]


if __name__ == "__main__":
    arguments = sys.argv[1:]
    file = Path(arguments[0]) if arguments else SHIPPED[0].file
    screen.terminal(tables(contest(journal.read(file), int(arguments[1]) if len(arguments) > 1 else 1)))
