"""Find a model or a card by catalog name or file, apply ``--set`` to it, and build it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from costmodel.inputs.device_file import card_from
from costmodel.inputs.device_schema import AnalogFile, DigitalFile
from costmodel.inputs.faults import Fault, InputError
from costmodel.inputs.schema import Strict, unknown
from costmodel.inputs.solver_file import SolverFile, solver_from
from costmodel.inputs.workload_file import workload_from
from costmodel.inputs.workload_schema import WorkloadFile
from costmodel.inputs.yaml_reader import Document, Path_, parse_yaml, read_yaml
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.machines.solver import LawFactor, SolverLaw
from costmodel.workloads.workload import Workload

CATALOG: Final = Path(__file__).parents[1] / "catalog"
#: What ``--set`` can change; the key is the optional first word of its path.
_ROOTS: Final[Mapping[str, type[Strict]]] = {
    "model": WorkloadFile,
    "digital": DigitalFile,
    "analog": AnalogFile,
    "solver": SolverFile,
}


def load_workload(model: str | Path, settings: Sequence[str] = ()) -> Workload:
    """The workload of a catalog name or a file.

    Args:
        model: ``"imagenet_vit"`` or the path of a model.yaml.
        settings: ``"kfac.damping=1e-2"`` and the like, applied before the file is checked.

    Raises:
        InputError: No such model, or its faults.
    """
    return workload_from(_document(model, "models", "model", settings))


def load_card(card: str | Path, settings: Sequence[str] = ()) -> DigitalCard | AnalogCard:
    """The card of a catalog name or a file; its type follows from the ``kind`` it states.

    Raises:
        InputError: No such card, or its faults.
    """
    loaded = card_from(_document(card, "cards", "card", settings))
    return replace(loaded, solver=_shipped_solver()) if isinstance(loaded, AnalogCard) else loaded


def load_solver(settings: Sequence[str] = (), file: Path = CATALOG / "solver.yaml") -> dict[SolverLaw, LawFactor]:
    """What simulated trials say of the analog laws; every analog card is loaded with it.

    Args:
        settings: ``"settle_mean.factor=1"`` and the like, applied before the file is checked.
        file: Another file, as ``calibrate --simulator`` writes it.

    Raises:
        InputError: The faults of the file or the settings.
    """
    return solver_from(_overridden(read_yaml(file), settings))


@lru_cache(maxsize=1)
def _shipped_solver() -> dict[SolverLaw, LawFactor]:
    return load_solver()


def load_digital(card: str | Path, settings: Sequence[str] = ()) -> DigitalCard:
    """A card that must be digital.

    Raises:
        InputError: No such card, its faults, or it is analog.
    """
    loaded = load_card(card, settings)
    if isinstance(loaded, DigitalCard):
        return loaded
    raise InputError.about("--digital", f"'{loaded.name}' is an analog card")


def load_analog(card: str | Path, settings: Sequence[str] = ()) -> AnalogCard:
    """A card that must be analog.

    Raises:
        InputError: No such card, its faults, or it is digital.
    """
    loaded = load_card(card, settings)
    if isinstance(loaded, AnalogCard):
        return loaded
    raise InputError.about("--analog", f"'{loaded.name}' is a digital card")


def catalog_names(folder: str) -> list[str]:
    """Names in a folder of the catalog: ``"models"`` or ``"cards"``."""
    return sorted(path.stem for path in (CATALOG / folder).glob("*.yaml"))


def _document(name: str | Path, folder: str, what: str, settings: Sequence[str]) -> Document:
    text = str(name)
    shipped = CATALOG / folder / f"{text}.yaml"
    if "/" not in text and shipped.is_file():
        document = read_yaml(shipped)
    elif Path(text).suffix in {".yaml", ".yml"} or Path(text).exists():
        document = read_yaml(Path(text))
    else:
        raise InputError.about(text, unknown(what, text, catalog_names(folder)))
    return _overridden(document, settings)


def split_settings(settings: Sequence[str]) -> dict[str, list[str]]:
    """Sort ``path=value`` settings by what they change: ``model``, ``digital``, ``analog`` or ``solver``.

    The first word of a path may say which; without it the first key decides.

    Raises:
        InputError: A setting has no ``=``, or its first key is no key of any of the four.
    """
    sorted_: dict[str, list[str]] = {root: [] for root in _ROOTS}
    faults = []
    for setting in settings:
        path, equals, value = setting.partition("=")
        first, _, rest = path.partition(".")
        root = first if first in _ROOTS and rest else _root_of(first)
        if not equals or not path or not value.strip():
            faults.append(Fault("--set", 0, 0, setting, "is not path=value, like kfac.damping=1e-2"))
        elif root is None:
            faults.append(Fault("--set", 0, 0, path, unknown("key", first, _known_keys())))
        else:
            sorted_[root].append(f"{rest if first in _ROOTS else path}={value}")
    if faults:
        raise InputError(faults)
    return sorted_


@lru_cache(maxsize=1)
def _known_keys() -> dict[str, str]:
    """First keys of a path, with what they belong to; keys that several share need the root in front."""
    owners: dict[str, str] = {}
    for root, model in _ROOTS.items():
        for name in model.model_fields:
            owners[name] = "" if name in owners else root
    return {name: root for name, root in owners.items() if root and name != "schema_"}


def _root_of(key: str) -> str | None:
    return _known_keys().get(key)


def _overridden(document: Document, settings: Sequence[str]) -> Document:
    """The document with some values replaced, each value read as YAML."""
    overridden = list(document.overridden)
    for setting in settings:
        path_text, _, value_text = setting.partition("=")
        value = parse_yaml(value_text, "--set")
        if value.faults:
            raise InputError([Fault("--set", 0, 0, path_text, fault.message) for fault in value.faults])
        path: Path_ = tuple(int(part) if part.isdigit() else part for part in path_text.split("."))
        parent = document.data
        for depth, part in enumerate(path[:-1]):
            parent = _descend(parent, part, path[: depth + 1])
        if not isinstance(parent, dict):
            _descend(parent, path[-1], path)
        parent[path[-1]] = value.data
        overridden.append(path)
    return replace(document, overridden=tuple(overridden))


def _descend(parent: Any, part: str | int, path: Path_) -> Any:
    if isinstance(parent, dict):
        # A section the file leaves out can still be set; a quantity in short form gives way to its long form.
        if not isinstance(parent.get(str(part)), dict | list):
            parent[str(part)] = {}
        return parent[str(part)]
    if isinstance(parent, list) and isinstance(part, int) and part < len(parent):
        return parent[part]
    where = f"the list has {len(parent)} entries" if isinstance(parent, list) else "it is a value without keys"
    raise InputError([Fault("--set", 0, 0, ".".join(map(str, path)), f"leads nowhere: {where}")])
