"""Python arguments as inputs: a mapping of settings in place of ``--set``, and faults that name the argument."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral
from pathlib import Path
from typing import Any, Final

from costmodel.defaults import Scenario
from costmodel.inputs import loading
from costmodel.inputs.faults import Fault, InputError
from costmodel.inputs.together import faults_together
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.machines.solver import LawFactor, SolverLaw
from costmodel.quantities.names import unknown
from costmodel.workloads.workload import Workload

#: A name in the catalog, a file, or what a file holds as a dict.
Named = str | Path | Mapping[str, Any]
#: Values to change, by path: a text is read as ``--set`` reads it, anything else is taken as it is.
Values = Mapping[str, Any]

_LOADED: Final[Mapping[type[Any], str]] = {
    Workload: "a workload",
    DigitalCard: "a digital card",
    AnalogCard: "an analog card",
}
#: What a call reads that takes the settings of these roots.
_READ: Final[Mapping[tuple[str, ...], str]] = {
    ("model",): "the model",
    ("digital",): "a digital card",
    ("digital", "analog"): "a card",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The argument ``set``, sorted by what it changes.

    Attributes:
        texts: ``path=value`` for each of ``model``, ``digital``, ``analog`` and ``solver``, the root taken off.
        keys: For each of the four, the path as it was given by the path in ``texts``.
        faults: Of paths that lead to none of the four, and of values that no file could hold.
    """

    texts: Mapping[str, list[str]]
    keys: Mapping[str, dict[str, str]]
    faults: list[Fault] = field(default_factory=list)

    @classmethod
    def of(cls, given: Values | None) -> Settings:
        """Sort some values; the faults are kept, to be raised together with others."""
        roots = loading.split_settings([])
        settings = cls(roots, {root: {} for root in roots})
        if given is not None and not isinstance(given, Mapping):
            found = type(given).__name__
            settings.faults.append(Fault("set", 0, 0, "", f"expected a dict of values by path, found a {found}"))
            return settings
        for key, value in (given or {}).items():
            try:
                split = loading.split_settings([f"{_path(key)}={_text(value)}"])
            except InputError as error:
                settings.faults.extend(replace(fault, origin=_entry(key), path="") for fault in error.faults)
                continue
            for root, texts in split.items():
                settings.texts[root].extend(texts)
                settings.keys[root].update((text.partition("=")[0], key) for text in texts)
        return settings

    def beside(self, *roots: str) -> list[Fault]:
        """Faults of the settings of other roots than those that are read; they would change nothing."""
        faults = []
        for root in self.keys.keys() - set(roots):
            what = root if root in {"model", "solver"} else f"{root} card"
            message = f"is a key of the {what}; only {_READ[roots]} is read here"
            faults += [Fault(_entry(key), 0, 0, "", message) for key in self.keys[root].values()]
        return faults

    def load(self, given: Any, kinds: tuple[type[Any], ...], roots: tuple[str, ...], argument: str) -> Any:
        """What an argument names, with the settings of its roots; a loaded object as it is.

        Raises:
            InputError: Its faults, or it is none of the ``kinds``, or it is loaded and has settings.
        """
        if isinstance(given, kinds):
            self._refuse(roots, argument)
            return given
        expected = " or ".join(_LOADED[kind] for kind in kinds)
        if type(given) in _LOADED:
            raise InputError.about(argument, f"expected {expected}, found {_LOADED[type(given)]}, '{given.name}'")
        if not isinstance(given, str | Path | Mapping):
            found = type(given).__name__
            raise InputError.about(
                argument, f"expected {expected}, its name or its file, found a value of type {found}"
            )
        load: Callable[..., Any] = loading.load_workload if Workload in kinds else loading.load_card
        try:
            loaded = load(given, [text for root in roots for text in self.texts[root]])
        except InputError as error:
            nameless = isinstance(given, Mapping)  # no file's name can stand there
            raise InputError([self._named(fault, roots, argument, nameless) for fault in error.faults]) from None
        if isinstance(loaded, kinds):
            return loaded
        raise InputError.about(argument, f"'{loaded.name}' is {_LOADED[type(loaded)]}")

    def solver(self) -> Mapping[SolverLaw, LawFactor] | None:
        """What simulated trials say of the analog laws, with the settings of ``solver``; None where there are none.

        Raises:
            InputError: Faults of the settings.
        """
        if not self.texts["solver"]:
            return None
        try:
            return loading.load_solver(self.texts["solver"])
        except InputError as error:
            raise InputError([self._named(fault, ("solver",), "solver", False) for fault in error.faults]) from None

    def load_case(
        self, model: Any, digital: Any, analog: Any, *faults: Fault
    ) -> tuple[Workload, DigitalCard, AnalogCard]:
        """A model and both cards, with the settings of all roots.

        Args:
            model: What the argument ``model`` names.
            digital: The digital card.
            analog: The thermodynamic machine's card.
            faults: Of other arguments, to be raised together with those found here.

        Raises:
            InputError: All of these, or a model and a card that do not go together.
        """
        workload, digital_card, analog_card, solver, _ = all_at_once(
            lambda: self.load(model, (Workload,), ("model",), "model"),
            lambda: self.load(digital, (DigitalCard,), ("digital",), "digital"),
            lambda: self.load(analog, (AnalogCard,), ("analog",), "analog"),
            self.solver,
            lambda: refuse([*self.faults, *faults]),
        )
        refuse(faults_together(workload, digital_card))
        return workload, digital_card, analog_card if solver is None else replace(analog_card, solver=solver)

    def _refuse(self, roots: tuple[str, ...], argument: str) -> None:
        message = f"{argument} is loaded already; give its name or its file, set changes what is read"
        refuse([Fault(_entry(key), 0, 0, "", message) for root in roots for key in self.keys[root].values()])

    def _named(self, fault: Fault, roots: tuple[str, ...], argument: str, nameless: bool) -> Fault:
        """A fault of an option, or of a file without a name, as one of the argument that took its place."""
        if not fault.origin.startswith("--"):
            return replace(fault, origin=argument) if nameless else fault
        if fault.origin != "--set":
            return replace(fault, origin=argument)
        path = f"{fault.path}."
        keys = {each: key for root in roots for each, key in self.keys[root].items()}
        # The setting that holds the fault's path, or (where two values disagree) one of those within it.
        held = [each for each in keys if path.startswith(f"{each}.") or f"{each}.".startswith(path)]
        if not held:
            return replace(fault, origin="set")
        nearest = max(held, key=len)
        return replace(fault, origin=_entry(keys[nearest]), path=path[len(nearest) + 1 : -1])


def _entry(key: object) -> str:
    """The place of a setting: ``set["kfac.damping"]``."""
    return f"set[{json.dumps(key, ensure_ascii=False)}]" if isinstance(key, str) else f"set[{key!r}]"


def _path(key: object) -> str:
    if not isinstance(key, str) or not key or "=" in key:
        raise InputError.about("set", "is not a path, like 'kfac.damping'")
    return key


def _text(value: object) -> str:
    """A value as YAML; JSON is YAML.

    Raises:
        InputError: A number that is not finite, a text that is empty, or a value of a kind that no file can hold.
    """
    if isinstance(value, str) and not value.strip():
        raise InputError.about("set", "is an empty text")
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, allow_nan=False, default=_plain)
    except TypeError:
        raise InputError.about("set", f"cannot be of type {type(value).__name__}; a file could not hold it") from None
    except ValueError:
        raise InputError.about("set", "holds a number that is not finite, or itself") from None


def _plain(value: Any) -> Any:
    """A numpy number or array as plain Python.

    Raises:
        TypeError: It is neither.
    """
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError


def refuse(faults: Sequence[Fault]) -> None:
    """Raise the faults, if there are any.

    Raises:
        InputError: There are.
    """
    if faults:
        raise InputError(faults)


def all_at_once(*loads: Callable[[], Any]) -> tuple[Any, ...]:
    """What several loads give, in their order.

    Raises:
        InputError: Some fail; the faults of all of them.
    """
    loaded: list[Any] = []
    faults: list[Fault] = []
    for load in loads:
        try:
            loaded.append(load())
        except InputError as error:
            faults.extend(error.faults)
    refuse(faults)
    return tuple(loaded)


def at_least(least: int, **numbers: Any) -> list[Fault]:
    """Faults of arguments that are not whole numbers from ``least`` on."""
    return [
        Fault(name, 0, 0, "", f"{number!r} is not a whole number of at least {least}")
        for name, number in numbers.items()
        if not isinstance(number, Integral) or isinstance(number, bool) or int(number) < least
    ]


def known_scenario(scenario: object) -> list[Fault]:
    """The fault of an argument that is no scenario."""
    if scenario in list(Scenario):
        return []
    return [Fault("scenario", 0, 0, "", unknown("scenario", str(scenario), list(Scenario)))]
