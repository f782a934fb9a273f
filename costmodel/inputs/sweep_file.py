"""From a sweep file to a plan: every model and card loaded, every axis a column of numbers or a reason to load anew."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np

from costmodel.defaults import Scenario
from costmodel.inputs.faults import Fault, InputError
from costmodel.inputs.loading import load_analog, load_digital, load_solver, load_workload, sort_settings
from costmodel.inputs.mapping import document_of
from costmodel.inputs.schema import report, validate
from costmodel.inputs.sweep_schema import MOST_POINTS, SweepFile, axis_fault
from costmodel.inputs.together import faults_together
from costmodel.inputs.yaml_reader import Document, dotted, read_yaml
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.draws import quantities
from costmodel.projection.methods import methods_of
from costmodel.projection.placer import Placer, why_not_placed
from costmodel.projection.placing import PLACED
from costmodel.projection.points import INTERVALS, Points
from costmodel.quantities.declared import DECLARED
from costmodel.quantities.estimate import Draws, Quantity
from costmodel.quantities.names import unknown
from costmodel.quantities.units import parse_quantity
from costmodel.workloads.workload import AnalogLayers, Workload

Loaded = tuple[Workload, DigitalCard, AnalogCard]
_HARDWARE: Final = ("model", "digital", "analog")
#: Most combinations of models, cards and settings that need them loaded anew.
_MOST_CASES: Final = 10_000


@dataclass(frozen=True, slots=True)
class SweepCase:
    """Points that share a model and its cards.

    Attributes:
        labels: Value of each column that is the same at all of its points, by column.
        loaded: The model and both cards.
    """

    labels: Mapping[str, str | float | bool]
    loaded: Loaded


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """A sweep, ready to run: the points of the first case, then those of the next; the last axis runs fastest.

    Attributes:
        name: Of the file.
        cases: Models and cards, loaded.
        axes: Values in SI units of what varies within a case, by path.
        units: Unit of each axis.
        methods: Names of methods, in the order of the columns.
        columns: What is wanted of each point.
        draws: Draws of each point; 0 for its value alone.
        seed: Of the draws.
        scenario: How ranges of the analog arm are used.
    """

    name: str
    cases: tuple[SweepCase, ...]
    axes: Mapping[str, tuple[float, ...]]
    units: Mapping[str, str]
    methods: tuple[str, ...]
    columns: tuple[str, ...]
    draws: int
    seed: int
    scenario: Scenario

    @property
    def points_of_case(self) -> int:
        """Points of one case."""
        return math.prod(len(values) for values in self.axes.values())

    @property
    def points(self) -> int:
        """Points of the sweep."""
        return len(self.cases) * self.points_of_case

    def column(self, path: str) -> str:
        """Name of an axis in the output: its path as written, and the unit of its values where they have one."""
        unit = self.units[path]
        return path if unit == "1" else f"{path} [{unit}]"

    def evaluator(self, case: int) -> Points:
        """The estimator of a projection for the points of a case."""
        return Points(
            *self.cases[case].loaded,
            methods=self.methods,
            draws=self.draws,
            seed=self.seed,
            scenario=self.scenario,
            placer=Placer(*self.cases[case].loaded, self.scenario),
        )


def read_sweep(file: Path | Mapping[str, Any]) -> SweepPlan:
    """Read a sweep file, or a mapping with its keys, and load all that it names.

    Raises:
        InputError: All faults of the file; then those of what it names.
    """
    document = document_of(file, "plan") if isinstance(file, Mapping) else read_yaml(file)
    sweep, faults = validate(SweepFile, document)
    axes = document.data.get("over") if isinstance(document.data, dict) else None
    if isinstance(axes, dict):
        faults += _axis_faults(document, axes)
    if sweep is not None:
        faults += [
            document.fault(("set", path), "is an axis, too; give it once")
            for path in sweep.set
            if _known(path) and any(_known(each) == _known(path) for each in sweep.over)
        ]
    report(document, faults)
    assert sweep is not None  # a missing file has faults
    return _Reader(document, sweep).plan()


def _axis_faults(document: Document, axes: Mapping[str, Any]) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for path, entry in axes.items():
        fault = axis_fault(entry)
        if fault:
            yield document.fault(("over", path), fault)
        full = _known(path)
        if full in seen:
            yield document.fault(("over", path), f"is the same input as '{seen[full]}'")
        elif full:
            seen[full] = path
        else:
            yield from (document.fault(("over", path), each.message) for each in sort_settings([f"{path}=1"])[1])


def _known(path: str) -> str:
    """A path with its first word, as a projection knows it; empty where nothing has it."""
    split, _ = sort_settings([f"{path}=1"])
    return next((f"{root}.{each[0].partition('=')[0]}" for root, each in split.items() if each), "")


@dataclass(slots=True)
class _Reader:
    document: Document
    sweep: SweepFile

    def plan(self) -> SweepPlan:
        """Load every case and turn axes into numbers."""
        hardware = [_listed(getattr(self.sweep, name)) for name in _HARDWARE]
        # The first case, every axis at its first value, says which axes are numbers of the estimator.
        ends = {path: self._ends(path) for path in self.sweep.over}
        first = {path: each[0] for path, each in ends.items()}
        self._try_each(hardware, first, ends)
        found = _quantities(self._load(tuple(each[0] for each in hardware), first))
        numeric = {path: _known(path) for path in ends if _known(path) in {*found, *INTERVALS}}
        settings = {path: self._values(path) for path in ends if path not in numeric}
        axes = {path: self._numbers(path, full, found.get(full)) for path, full in numeric.items()}
        count = math.prod(map(len, (*hardware, *settings.values())))
        points = count * math.prod(map(len, axes.values()))
        if count > _MOST_CASES:
            message = f"{count} combinations of models, cards and settings that are loaded anew; at most {_MOST_CASES}"
            raise InputError([self.document.fault(("over",), message)])
        if points > MOST_POINTS:
            raise InputError([self.document.fault(("over",), f"{points:.3g} points, at most {MOST_POINTS:.0e}")])
        cases = tuple(self._cases(hardware, settings, {path: first[path] for path in numeric}))
        methods = self._methods(cases)
        units = {path: found[full].unit.name or "1" if full in found else "1" for path, full in numeric.items()}
        sweep = self.sweep
        columns = tuple(sweep.columns) or ("step",)
        return SweepPlan(sweep.name, cases, axes, units, methods, columns, sweep.draws, sweep.seed, sweep.scenario)

    def _try_each(
        self, hardware: Sequence[list[str]], first: Mapping[str, Any], ends: Mapping[str, tuple[Any, Any]]
    ) -> None:
        """Load every model and card once, and both ends of every axis, which checks them as a file's own values are.

        Raises:
            InputError: The faults of all.
        """
        start = [each[0] for each in hardware]
        tries = [
            ([*start[:place], name, *start[place + 1 :]], first)
            for place, names in enumerate(hardware)
            for name in names
        ]
        tries += [(start, {**first, path: each[1]}) for path, each in ends.items()]
        faults: list[Fault] = []
        for names, values in tries:
            try:
                self._load(names, values)
            except InputError as error:
                faults += error.faults
        if faults:
            raise InputError(faults)

    def _ends(self, path: str) -> tuple[Any, Any]:
        entry = self.sweep.over[path]
        if isinstance(entry, list):
            return entry[0], entry[-1]
        space = next(key for key in entry if key != "points")
        return entry[space][0], entry[space][1]

    def _values(self, path: str) -> list[Any]:
        """Values of a setting that a model or card is loaded anew for."""
        entry = self.sweep.over[path]
        if isinstance(entry, list):
            return entry
        low, high = self._ends(path)
        if not isinstance(low, int | float) or not isinstance(high, int | float):
            raise InputError([self.document.fault(("over", path), "has no range; list its values")])
        return [int(each) for each in np.unique(np.round(self._spaced(path, float(low), float(high))))]

    def _numbers(self, path: str, full: str, quantity: Quantity | None) -> tuple[float, ...]:
        """Values of an axis in SI units."""
        entry = self.sweep.over[path]
        given = entry if isinstance(entry, list) else self._ends(path)
        try:
            numbers = [
                parse_quantity(each, quantity.unit) if isinstance(each, str) and quantity else float(each)
                for each in given
            ]
        except ValueError as error:
            raise InputError([self.document.fault(("over", path), str(error))]) from None
        symbol = getattr(DECLARED.get(full.rpartition(".")[2]), "symbol", None)
        whole = full in INTERVALS or bool(symbol and symbol.whole)
        if not isinstance(entry, list):
            spaced = self._spaced(path, *numbers)
            numbers = np.unique(np.round(spaced)).tolist() if whole else spaced.tolist()
        try:
            if symbol is not None:
                symbol.check(min(numbers), max(numbers))
            elif min(numbers) <= 0:
                raise ValueError(f"{min(numbers):g} is not above 0")
            if whole and any(each != int(each) for each in numbers):
                raise ValueError("has a value that is not a whole number")
        except ValueError as error:
            raise InputError([self.document.fault(("over", path), str(error))]) from None
        if len(set(numbers)) < len(numbers):
            raise InputError([self.document.fault(("over", path), "has a value twice; its points would be doubled")])
        return tuple(numbers)

    def _spaced(self, path: str, low: float, high: float) -> Draws:
        entry = self.sweep.over[path]
        if "linspace" in entry:
            return np.linspace(low, high, entry["points"])
        if min(low, high) <= 0:
            message = f"logspace runs between numbers above 0, not from {low:g} to {high:g}"
            raise InputError([self.document.fault(("over", path), message)])
        return np.asarray(np.geomspace(low, high, entry["points"]))

    def _cases(
        self, hardware: Sequence[list[str]], settings: Mapping[str, list[Any]], numeric: Mapping[str, Any]
    ) -> Iterator[SweepCase]:
        for names in product(*hardware):
            for values in product(*settings.values()):
                own = dict(zip(settings, values, strict=True))
                labels = dict(zip(_HARDWARE, names, strict=True)) | own
                yield SweepCase(labels, self._load(names, dict(numeric) | own))

    def _load(self, names: Sequence[str], values: Mapping[str, Any]) -> Loaded:
        """A model and its cards with settings; faults are those of the sweep file, at the axis that caused them."""
        texts = [f"{path}={_text(value)}" for path, value in {**self.sweep.set, **values}.items()]
        split, faults = sort_settings(texts)
        loads = (
            ("model", lambda: load_workload(names[0], split["model"])),
            ("digital", lambda: load_digital(names[1], split["digital"])),
            ("analog", lambda: load_analog(names[2], split["analog"])),
            ("solver", lambda: load_solver(split["solver"]) if split["solver"] else None),
        )
        loaded: list[Any] = []
        found = [self._own("", fault) for fault in faults]
        for root, load in loads:
            try:
                loaded.append(load())
            except InputError as error:
                found += [self._own(root, fault) for fault in error.faults]
        if not found:
            found += [self._own("", fault) for fault in faults_together(loaded[0], loaded[1])]
        if found:
            raise InputError(found)
        workload, digital, analog, solver = loaded
        return workload, digital, replace(analog, solver=solver) if solver else analog

    def _own(self, root: str, fault: Fault) -> Fault:
        """A fault of a setting, at the place in the sweep file that made it."""
        if fault.line:  # of a file that the sweep names
            return fault
        for section in ("over", "set"):
            for path in getattr(self.sweep, section):
                names = {path, _known(path)}
                if any(f"{fault.path}." == f"{each}." or f"{root}.{fault.path}." == f"{each}." for each in names):
                    return self.document.fault((section, path), fault.message)
                if any(f"{root}.{fault.path}".startswith(f"{each}.") for each in names if each):
                    return self.document.fault((section, path), f"{fault.path}: {fault.message}")
        where = (root,) if root in _HARDWARE else ()
        return self.document.fault(where, f"{dotted((fault.path,))} {fault.message}".strip())

    def _methods(self, cases: Sequence[SweepCase]) -> tuple[str, ...]:
        """Names of methods that every case can be evaluated for.

        Raises:
            InputError: A method is unknown, or a machine cannot run it.
        """
        faults = []
        able: list[list[str]] = []
        for workload, _, analog in (case.loaded for case in cases):
            methods = methods_of(workload)
            lacking = {each.name: each.needs for each in methods if each.needs and getattr(analog, each.needs) is None}
            able.append([each.name for each in methods if each.name not in lacking])
            for index, name in enumerate(self.sweep.methods):
                message = ""
                if name in lacking:
                    message = f"'{name}' cannot run on {analog.name}: its card gives no {lacking[name]}"
                elif name == PLACED:
                    message = "" if workload.kfac.analog_layers is AnalogLayers.ALL else why_not_placed(workload)
                elif name not in able[-1]:
                    message = unknown("method", name, [*able[-1], PLACED])
                if message:
                    faults.append(self.document.fault(("methods", index), message))
        if faults:
            raise InputError(faults)
        common = [name for name in able[0] if all(name in each for each in able)]
        return tuple(dict.fromkeys(self.sweep.methods)) or tuple(common)


def _quantities(loaded: Loaded) -> dict[str, Quantity]:
    return quantities(*loaded)


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(dict.fromkeys(value))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
