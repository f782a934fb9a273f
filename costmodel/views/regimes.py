"""Regime maps in the forms that the command line prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from costmodel.defaults import SCHEMA
from costmodel.projection.feasibility import Reach
from costmodel.questions.regimes import Regimes
from costmodel.views.crossover import input_dict, reach_text, value_of
from costmodel.views.numbers import significant
from costmodel.views.table import Table


@dataclass(frozen=True, slots=True)
class RegimesReport:
    """A map over two inputs."""

    regimes: Regimes

    def as_dict(self) -> dict[str, Any]:
        """What ``crossover --map --format json`` prints."""
        found = self.regimes
        return {
            "schema": SCHEMA,
            "model": found.model,
            "across": input_dict(found.across),
            "up": input_dict(found.up),
            "cells": self.records(),
        }

    def tables(self) -> list[Table]:
        """A letter a cell, capitals where a thermodynamic method wins; what they mean, and what bounds each."""
        found = self.regimes
        letters = _letters(found)
        cells = [
            [letters[each] for each in zip(*row, strict=True)]
            for row in zip(found.winner, _wanting(found), strict=True)
        ]
        rows = tuple(
            (value_of(found.up, float(found.rows[index])), "".join(cells[index]))
            for index in reversed(range(len(cells)))
        )
        ends = (value_of(found.across, float(found.columns[index])) for index in (0, -1))
        title = f"{found.model}: the cheapest K-FAC; across {found.across.path}, {' to '.join(ends)}"
        least, most = (significant(float(each)) for each in (found.speedup.min(), found.speedup.max()))
        note = (
            f"Time of {found.against} over {found.method}: {least} to {most}x, at the values of all other inputs. A "
            "digit stands where the cheapest is a thermodynamic method that is not accurate enough for training in all "
            "layers, by the rule of project."
        )
        legend = tuple(
            (letter, name, self._accuracy(name, wanting), self._bounds(name, wanting))
            for (name, wanting), letter in letters.items()
        )
        if len(letters) == 1:
            rows = (("everywhere", f"{cells[0][0]}, {found.winner[0][0]}"),)
        return [
            Table(title, (found.up.path, "who"), rows, right=(0,), note=note),
            Table("who wins, and what bounds it", ("", "method", "accurate", "most of its own work"), legend),
        ]

    def records(self) -> list[dict[str, Any]]:
        """One row a cell."""
        found = self.regimes
        return [
            {
                found.across.path: float(across),
                found.up.path: float(up),
                "winner": found.winner[row][column],
                "bound": found.bound[row][column],
                "own_bound": found.solver[row][column],
                "speedup": float(found.speedup[row, column]),
                "reach": reach_text(found.reach[row][column]),
            }
            for row, up in enumerate(found.rows)
            for column, across in enumerate(found.columns)
        ]

    def _cells(self, name: str, wanting: bool) -> Iterator[tuple[int, int]]:
        """Rows and columns at which a method wins, accurate enough or not."""
        found = self.regimes
        for row, cells in enumerate(zip(found.winner, _wanting(found), strict=True)):
            yield from (
                (row, column) for column, each in enumerate(zip(*cells, strict=True)) if each == (name, wanting)
            )

    def _accuracy(self, name: str, wanting: bool) -> str:
        counts = Counter(self.regimes.reach[row][column] for row, column in self._cells(name, wanting))
        return ", ".join(
            each.value if len(counts) == 1 else f"{each.value} in {count}"
            for each, count in counts.most_common()
            if each
        )

    def _bounds(self, name: str, wanting: bool) -> str:
        found = self.regimes
        counts = Counter(found.solver[row][column] for row, column in self._cells(name, wanting))
        return ", ".join(f"{found.labels.get(phase, phase)} in {count}" for phase, count in counts.most_common())


def _wanting(found: Regimes) -> list[list[bool]]:
    """Whether a thermodynamic method wins a cell without being accurate enough in all layers."""
    return [[each not in {None, Reach.YES} for each in row] for row in found.reach]


def _letters(found: Regimes) -> dict[tuple[str, bool], str]:
    """A sign for each winner: a small letter for a digital method, a capital for another, a digit if not accurate."""
    rows = zip(found.winner, found.reach, strict=True)
    winners = sorted({(name, reach is not None) for row in rows for name, reach in zip(*row, strict=True)})
    letters = {name: chr((65 if analog else 97) + index) for index, (name, analog) in enumerate(winners)}
    both = zip(found.winner, _wanting(found), strict=True)
    signs: dict[tuple[str, bool], str] = {}
    digits = count(1)
    for name, wanting in sorted({each for row in both for each in zip(*row, strict=True)}):
        signs[name, wanting] = str(next(digits)) if wanting else letters[name]
    return signs
