"""Where a number comes from: a formula with its symbols, or a value of a card or a model with its source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from costmodel import formulas
from costmodel.formulas import Formula
from costmodel.inputs.faults import InputError
from costmodel.methods import Method
from costmodel.projection.counts import formulas as counted_formulas
from costmodel.projection.draws import Sample
from costmodel.projection.feasibility import formulas_of as accuracy_formulas
from costmodel.projection.methods import methods_of
from costmodel.projection.values import BEHIND, CURVED, paths_behind, symbol_values
from costmodel.quantities.estimate import Draws, Quantity
from costmodel.quantities.names import unknown
from costmodel.quantities.symbols import SymbolInfo
from costmodel.workloads.workload import Workload


@dataclass(frozen=True, slots=True)
class SymbolExplanation:
    """A symbol of a formula with the value it has here.

    Attributes:
        info: The symbol.
        quantities: Values of cards and model behind it, by path; empty for sizes.
        sizes: Smallest and largest nominal value over the layers, for what depends on a layer.
    """

    info: SymbolInfo
    quantities: Mapping[str, Quantity]
    sizes: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A formula, where it is used, and what its symbols are."""

    formula: Formula
    used_by: tuple[str, ...]
    symbols: tuple[SymbolExplanation, ...]


def explain(name: str, workload: Workload, found: Mapping[str, Quantity]) -> list[Explanation]:
    """Explain a formula, or every formula of a method.

    Args:
        name: Dotted name of a formula or a method.
        workload: Gives sizes to the symbols of layers.
        found: Quantities by path, from :func:`costmodel.projection.draws.quantities`.

    Raises:
        InputError: Neither a formula nor a method has that name.
    """
    known = formulas.catalog()
    methods = {method.name: method for method in methods_of(workload)}
    if name in methods:
        wanted = list(dict.fromkeys(formula for _, _, formula in methods[name].formulas()))
    elif name in known:
        wanted = [known[name]]
    else:
        raise InputError.about(name, unknown("formula or method", name, [*known, *methods]))
    users = _users(methods.values())
    return [
        Explanation(
            formula,
            users.get(formula.name, ()),
            tuple(explain_symbol(info, workload, found) for info in formula.symbols),
        )
        for formula in wanted
    ]


def _users(methods: Iterable[Method]) -> dict[str, tuple[str, ...]]:
    """Where each formula is used: in the work of a phase, in its accuracy, inside another formula, or in ``counts``."""
    users: dict[str, dict[str, None]] = {}

    def note(formula: Formula, user: str) -> None:
        behind = [BEHIND[letter].name for letter in BEHIND if letter in formula.letters]
        for name in (formula.name, *formulas.inside(formula.name), *behind):
            users.setdefault(name, {})[user] = None

    for method in methods:
        for phase, _, formula in method.formulas():
            note(formula, f"{method.name} ({phase.name})")
        for formula in accuracy_formulas(method):
            note(formula, f"{method.name} (accuracy)")
    for formula in counted_formulas():
        note(formula, "counts")
    return {name: tuple(each) for name, each in users.items()}


def explain_symbol(info: SymbolInfo, workload: Workload, found: Mapping[str, Quantity]) -> SymbolExplanation:
    """A symbol with the values it has on a model and its hardware."""
    letter = info.letter
    quantities = {path: found[path] for path in paths_behind(letter, found)}
    values = _sizes(workload).get(letter)
    if letter in CURVED:
        values = _curved(workload, found).get(letter, np.zeros(0)).ravel().tolist()
    elif letter in {"m", "n_c"} and not quantities:
        values = _sizes(workload)["n"]  # the card leaves it open: an array as large as the factor, a converter a cell
    sizes = (min(values), max(values)) if values else None
    # What no layer changes is the quantity itself.
    alone = sizes is not None and sizes[0] == sizes[1] and [each.value for each in quantities.values()] == [sizes[0]]
    return SymbolExplanation(info, quantities, None if alone else sizes)


def _curved(workload: Workload, found: Mapping[str, Quantity]) -> Mapping[str, Draws]:
    """Nominal values of what differs between layers of a shape, by letter."""
    shapes = tuple(shape for shape, _ in workload.shapes())
    values = symbol_values(workload, shapes, Sample.nominal(dict(found))).curved
    return {letter: values[letter] for letter in CURVED if letter in values}


def _sizes(workload: Workload) -> dict[str, list[float]]:
    """Every value the size symbols take in a network."""
    inputs = [float(layer.input_factor_dimension) for layer in workload.layers]
    outputs = [float(layer.output_dimension) for layer in workload.layers]
    return {
        "d": [float(layer.input_dimension) for layer in workload.layers],
        "a": inputs,
        "g": outputs,
        "n": inputs + outputs,
        "k": inputs + outputs,
        "M": [layer.rows(workload.batch_size) for layer in workload.layers],
        "B": [float(workload.batch_size)],
        "N": [float(workload.parameters)],
        "N_t": [float(workload.tensors)],
        "F_o": [workload.other_forward_flops],
    }
