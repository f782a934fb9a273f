"""What a name that was printed stands for: a formula, a method, a phase of one, a symbol, a path of ``--set``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from costmodel import formulas
from costmodel.formulas import Formula
from costmodel.inputs.faults import InputError
from costmodel.machines.cards import RelaxationOf
from costmodel.methods import AnalogWork, DigitalWork, Method, Phase
from costmodel.projection.methods import methods_of
from costmodel.projection.placing import PLACED
from costmodel.projection.values import BEHIND
from costmodel.quantities.estimate import Quantity
from costmodel.quantities.names import unknown
from costmodel.quantities.symbols import SYMBOLS, SymbolInfo
from costmodel.questions.evaluated import Evaluated, Numbers
from costmodel.questions.explain import Explanation, SymbolExplanation, explain, explain_symbol
from costmodel.workloads.workload import Workload


@dataclass(frozen=True, slots=True)
class PhaseFound:
    """A phase of a method, whose time was printed."""

    method: Method
    phase: Phase


@dataclass(frozen=True, slots=True)
class Found:
    """What stands behind a name.

    Attributes:
        name: As it was typed.
        phase: The phase, where it names one.
        symbol: The symbol, where it names one.
        path: The quantity, where it names one that no symbol stands for.
        explanations: Formulas, each once, in order.
        evaluated: Their values here, by name; of those that have one.
    """

    name: str
    phase: PhaseFound | None
    symbol: SymbolExplanation | None
    path: tuple[str, Quantity] | None
    explanations: tuple[Explanation, ...]
    evaluated: Mapping[str, Evaluated]


def look_up(
    name: str,
    workload: Workload,
    found: Mapping[str, Quantity],
    relaxation: RelaxationOf = RelaxationOf.LARGEST_EIGENVALUE,
) -> Found:
    """Explain whatever a name stands for, with the numbers of a model and its hardware.

    Raises:
        InputError: Nothing has that name.
    """
    methods = {method.name: method for method in methods_of(workload)}
    numbers = Numbers(workload, found, relaxation)
    typed = " ".join(name.split())
    if typed.partition(" ")[0] == PLACED:
        told = "is another method with some of its layers left to the device; its verdict says which: explain that one"
        raise InputError.about(name, told)
    if typed in methods or typed in formulas.catalog():
        explained = tuple(explain(typed, workload, found))
        tolerances = _tolerances(methods[typed].phases) if typed in methods else _alone(methods.values())
        return Found(typed, None, None, None, explained, _values(explained, numbers, tolerances))
    phase = _phase(typed, methods)
    if phase is not None:
        named = dict.fromkeys(each.name for part, _, each in phase.method.formulas() if part is phase.phase)
        explained = tuple(each for formula in named for each in explain(formula, workload, found))
        return Found(typed, phase, None, None, explained, _values(explained, numbers, _tolerances((phase.phase,))))
    info = _symbol(typed)
    if info is not None:
        symbol = explain_symbol(info, workload, found)
        behind = BEHIND.get(info.letter)
        explained = tuple(explain(behind.name, workload, found)) if behind is not None else ()
        return Found(typed, None, symbol, None, explained, _values(explained, numbers, {}))
    paths = [path for path in found if path == typed or path.partition(".")[2] == typed or path.endswith(f".{typed}")]
    if len(paths) == 1:
        return Found(typed, None, None, (paths[0], found[paths[0]]), (), {})
    phases = [f"{method.name} {phase.name}" for method in methods.values() for phase in method.phases]
    known = [*formulas.catalog(), *methods, *phases, *SYMBOLS, *found]
    raise InputError.about(name, unknown("name", name, known))


def _phase(name: str, methods: Mapping[str, Method]) -> PhaseFound | None:
    """A phase after its method and a blank, a dot or a colon; ``inversion of kfac.cholesky`` too."""
    turned = re.fullmatch(r"(\S+) of (\S+)", name)
    typed = f"{turned[2]} {turned[1]}" if turned else name
    for method in methods.values():
        for phase in method.phases:
            if typed in {f"{method.name}{mark}{phase.name}" for mark in (" ", ".", ": ", ":")}:
                return PhaseFound(method, phase)
    return None


def _symbol(name: str) -> SymbolInfo | None:
    """A symbol by its letter, its long name, or a path that ends with it."""
    for each in (name, name.rpartition(".")[2]):
        if each in SYMBOLS:
            return SYMBOLS[each]
    return None


def _tolerances(phases: tuple[Phase, ...]) -> dict[str, Formula]:
    """What stands for epsilon in the formulas of some phases, by the formula's name."""
    found: dict[str, Formula] = {}
    for phase in phases:
        for work in phase.works:
            if isinstance(work, AnalogWork | DigitalWork) and work.tolerance is not None:
                own = [work.time, work.energy] if isinstance(work, AnalogWork) else [work.calls, work.flops, work.bytes]
                found |= {each.name: work.tolerance for each in own if isinstance(each, Formula)}
    return found


def _alone(methods: Iterable[Method]) -> dict[str, Formula]:
    """What stands for epsilon in formulas by themselves: that of the methods that use them, where all give the same."""
    found: dict[str, set[Formula]] = {}
    for method in methods:
        for name, tolerance in _tolerances(method.phases).items():
            found.setdefault(name, set()).add(tolerance)
    return {name: given.pop() for name, given in found.items() if len(given) == 1}


def _values(
    explained: tuple[Explanation, ...], numbers: Numbers, tolerances: Mapping[str, Formula]
) -> dict[str, Evaluated]:
    values = {each.formula.name: numbers.of(each.formula, tolerances.get(each.formula.name)) for each in explained}
    return {name: value for name, value in values.items() if value is not None}
