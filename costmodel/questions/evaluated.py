"""A formula with a model's and a machine's nominal numbers put in, for every layer it holds for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from costmodel.formulas import Formula
from costmodel.machines.cards import RelaxationOf
from costmodel.methods import Scope
from costmodel.projection.draws import Sample
from costmodel.projection.standing import standings
from costmodel.projection.values import SymbolValues, symbol_values, values_of
from costmodel.quantities.estimate import Draws, Quantity
from costmodel.workloads.workload import Workload

_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The value of a formula where it is largest, and how far it ranges.

    Attributes:
        substituted: The expression with numbers in place of letters.
        value: Its value there, in the formula's unit.
        smallest: Its smallest value over the network.
        where: The layer and factor, or ``"the model"``.
        values: What each letter is there.
    """

    substituted: str
    value: float
    smallest: float
    where: str
    values: Mapping[str, float]


class Numbers:
    """Nominal values of every symbol on one network and machine."""

    def __init__(self, workload: Workload, found: Mapping[str, Quantity], relaxation: RelaxationOf) -> None:
        self._workload = workload
        self._shapes = tuple(shape for shape, _ in workload.shapes())
        self._values: SymbolValues = symbol_values(workload, self._shapes, Sample.nominal(dict(found)), relaxation)
        self._standing = standings(workload, self._shapes)

    def symbol(self, letter: str) -> tuple[float, float] | None:
        """Smallest and largest value of a symbol; None where this network and machine give it none."""
        for values in (self._values.curved, *self._values.scopes.values()):
            if letter in values:
                return float(np.min(values[letter])), float(np.max(values[letter]))
        return None

    def of(self, formula: Formula, tolerance: Formula | None = None) -> Evaluated | None:
        """A formula's value; ``tolerance`` stands for epsilon. None where a symbol of it has no value here."""
        for values, where in self._places():
            wanted = {letter for each in (formula, tolerance) if each for letter in each.letters}
            if tolerance is not None:
                wanted.discard("epsilon")
            if wanted <= values.keys():
                given = dict(values)
                if tolerance is not None:
                    given["epsilon"] = values_of([tolerance], values)[tolerance]
                return _largest(formula, given, where)
        return None

    def _places(self) -> list[tuple[Mapping[str, Draws], Callable[[int], str]]]:
        scopes = self._values.scopes
        return [
            (self._values.curved, self._factor),
            (scopes[Scope.LAYER], self._layer),
            (scopes[Scope.MODEL], lambda _: "the model"),
        ]

    def _factor(self, index: int) -> str:
        which, position = divmod(index, len(self._standing))
        standing = self._standing[position]
        stage = f", {standing.place.stage:.0%} of training" if self._workload.kfac.training_stage is None else ""
        return f"factor {'AG'[which]} of {standing.layer.name}{stage}"

    def _layer(self, index: int) -> str:
        name = next(layer.name for layer in self._workload.layers if layer.shape == self._shapes[index])
        return f"layer {name}"


def _largest(formula: Formula, values: Mapping[str, Draws], where: Callable[[int], str]) -> Evaluated:
    found = values_of([formula], values)[formula][:, 0]
    index = int(np.argmax(found))
    own = {letter: float(_at(values[letter], index)) for letter in formula.letters}
    text = _WORD.sub(lambda word: plain(own[word[0]]) if word[0] in own else word[0], str(formula.expression))
    # What no size of a layer enters has one value for all.
    place = where(index) if len(found) > 1 else "every layer"
    return Evaluated(text, float(found[index]), float(found.min()), place, own)


def _at(values: Draws, index: int) -> float:
    column = np.atleast_2d(values)[:, 0]
    return float(column[index if len(column) > 1 else 0])


def plain(value: float) -> str:
    """A number to four digits as people write it.

    >>> plain(1e-06), plain(1537.0), plain(4.1e-12)
    ('1e-6', '1537', '4.1e-12')
    """
    return re.sub(r"e([-+])0*(\d)", lambda found: f"e{found[1].replace('+', '')}{found[2]}", f"{value:.6g}")
