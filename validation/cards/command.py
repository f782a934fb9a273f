"""The verb ``calibrate``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from costmodel.defaults import SCHEMA
from costmodel.inputs.faults import InputError
from costmodel.inputs.files import write_text
from costmodel.inputs.yaml_reader import read_yaml
from costmodel.views.table import Table
from validation.cards.fitted import card_text
from validation.fit.calibration import Calibration
from validation.fit.calibration import calibrate as fit_card
from validation.fit.selection import FAMILIES
from validation.measure import journal


@dataclass(frozen=True, slots=True)
class CalibrateReport:
    """What was fitted; a report of :mod:`costmodel.views.report`.

    Attributes:
        card: The file written.
        found: Laws, and the errors they were chosen by.
    """

    card: str
    found: Calibration

    def as_dict(self) -> dict[str, Any]:
        """The laws, and the file they are in."""
        return {"schema": SCHEMA, "card": self.card, "laws": self.records()}

    def tables(self) -> list[Table]:
        """Errors by operation."""
        return _tables(self.found)

    def records(self) -> list[dict[str, Any]]:
        """What was chosen for each operation, and the errors of every family."""
        return [
            {
                "operation": key,
                "points": fit.points,
                "family": fit.candidate.family,
                "launch_s": fit.law.launch,
                "standard_error_launch_s": float(fit.solution.covariance[0, 0]) ** 0.5,
                "spread": fit.law.spread,
                **{f"left_out_{family}": fit.left_out.get(family) for family in FAMILIES},
                **{f"larger_{family}": fit.larger.get(family) for family in FAMILIES},
            }
            for key, fit in self.found.fits.items()
        ]


def calibrate(timings: str, out: str, name: str, threads: int, *, hold_out: bool) -> CalibrateReport:
    """Read, fit, write the card.

    Raises:
        InputError: The timings cannot be used, or the card cannot be written.
    """
    target = Path(out)
    _refuse_to_replace(target, Path(timings))
    found = fit_card(journal.read(Path(timings)), threads=threads or None, hold_out=hold_out)
    try:
        write_text(target, card_text(found, name or target.stem))
    except OSError as error:
        raise InputError.about(out, f"cannot be written: {error.strerror}") from None
    for what, reason in found.unused.items():
        print(f"{timings}: {what} went into no law: {reason}", file=sys.stderr)
    return CalibrateReport(out, found)


def _refuse_to_replace(target: Path, timings: Path) -> None:
    """Only a card, or a file with nothing in it, gives way to a new card."""
    if not target.is_file():
        return
    if timings.exists() and target.samefile(timings):
        raise InputError.about(str(target), "holds the timings; choose another --out")
    try:
        data = read_yaml(target).data if target.stat().st_size else {"kind": "digital"}
    except InputError:
        data = None
    if not isinstance(data, dict) or data.get("kind") != "digital":
        raise InputError.about(str(target), "exists and is no digital card; choose another --out")


def _tables(found: Calibration) -> list[Table]:
    families = FAMILIES
    rows = tuple(
        (
            key,
            str(fit.points),
            fit.candidate.family,
            *(f"{fit.left_out[family]:.1%}" if family in fit.left_out else "" for family in families),
            *(f"{fit.larger[family]:.1%}" if family in fit.larger else "" for family in families),
        )
        for key, fit in found.fits.items()
    )
    heads = [f"{family}, {what}" for what in ("left out", "larger") for family in families]
    title = "median error on sizes left out, and on sizes larger than fitted"
    columns = ("operation", "sizes", "law", *heads)
    return [Table(title, columns, rows, right=tuple(range(3, len(columns))))]
