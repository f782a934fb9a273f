"""Every large size and network of the H100 once, by laws without it: ``python -m validation.score.left_out``.

What laws are fitted to is left out and they are fitted again; what no fit reads is scored on the shipped card.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np

from costmodel.inputs.loading import load_digital
from costmodel.machines.cards import DigitalCard
from costmodel.views.table import Table, markdown
from validation.cards import h100
from validation.cards.fitted import card as card_of
from validation.fit.calibration import calibrate, point_times
from validation.heldout import held_out
from validation.measure import journal
from validation.measure.timings import Point
from validation.score.scoring import LARGE_FROM, Scored, score_steps, score_times
from validation.score.shipped import SHIPPED

#: Factorisations that are shown size by size.
FACTORISATIONS: Final = ("cholesky", "cholesky_inverse", "cholesky_solve", "triangular_solve", "inv", "eigh")


@cache
def every_size() -> Mapping[Point, Scored]:
    """Calls of :data:`LARGE_FROM` and more, each operation, size and precision once."""
    shipped = next(each for each in SHIPPED if each.card == h100.NAME)
    read = journal.read(shipped.file)
    times = {point: each for point, each in point_times(read.timings, read).items() if point.n >= LARGE_FROM}
    fitted = {point: each for point, each in times.items() if not held_out(point, "cuda")}
    unread = {point: each for point, each in times.items() if point not in fitted}
    found = _scored(load_digital(h100.NAME), unread | shipped.held_out_products() | shipped.held_out_rates())
    for n in sorted({point.n for point in fitted}):
        part = replace(read, timings=[each for each in read.timings if each.point.model or each.point.n != n])
        card = card_of(calibrate(part, hold_out=True), "part")
        found |= _scored(card, {point: each for point, each in fitted.items() if point.n == n})
    return found


@cache
def every_network() -> tuple[Scored, ...]:
    """Phases and step of every timed network once."""
    fitted, held = h100.networks()
    found = score_steps(load_digital(h100.NAME), held)
    for each in fitted:
        found += score_steps(h100.card(without=each.model.model), [each])
    return tuple(found)


def _scored(card: DigitalCard, times: Mapping[Point, float]) -> dict[Point, Scored]:
    return {point: each for point in times for each in score_times(card, {point: times[point]})}


def by_group(groups: Mapping[str, Sequence[Scored]]) -> Table:
    """Errors of each group of points."""
    rows = []
    for name, of in groups.items():
        errors = np.abs([each.error for each in of])
        worst = max(of, key=lambda each: abs(each.error))
        where = worst.size or worst.what.split(" ")[0]
        figures = f"{np.median(errors):.1%}", f"{np.quantile(errors, 0.9):.1%}", f"{worst.error:+.0%} ({where})"
        rows.append((name, str(len(of)), *figures, f"{np.mean([each.inside for each in of]):.0%}"))
    columns = ("left out", "points", "median", "90th percentile", "worst", "inside")
    return Table("", columns, tuple(rows), right=(1, 2, 3, 4, 5))


def by_operation(points: Mapping[Point, Scored]) -> Table:
    """Errors of calls by operation, of factorisations together, and of all."""
    names = dict.fromkeys(point.op for point in points)
    groups = {name: [each for point, each in points.items() if point.op == name] for name in names}
    factorisations = [each for name in FACTORISATIONS for each in groups[name]]
    return by_group({**groups, "factorisations": factorisations, "all calls": list(points.values())})


def by_phase(points: Sequence[Scored]) -> Table:
    """Errors of networks by phase, and of whole steps."""
    names = dict.fromkeys(each.what.split(" ")[-1] for each in points)
    groups = {name: [each for each in points if each.what.endswith(f" {name}")] for name in names}
    step = groups.pop("step")
    return by_group({**groups, "all phases": [each for of in groups.values() for each in of], "whole steps": step})


def by_size(points: Mapping[Point, Scored]) -> Table:
    """Errors of factorisations in float32, size by size; a star where the interval misses."""
    rows: dict[int, dict[str, str]] = {}
    for point in sorted(points, key=lambda each: each.n):
        if point.op in FACTORISATIONS and point.dtype == "float32":
            scored = points[point]
            rows.setdefault(point.n, {})[point.op] = f"{scored.error:+.0%}" + "*" * (not scored.inside)
    texts = tuple((str(n), *(row.get(name, "") for name in FACTORISATIONS)) for n, row in rows.items())
    return Table("", ("n", *FACTORISATIONS), texts, right=tuple(range(len(FACTORISATIONS) + 1)))


def main() -> None:
    """Print the tables."""
    calls = every_size()
    print(markdown([by_operation(calls), by_size(calls), by_phase(every_network())]))


if __name__ == "__main__":
    main()
