"""Find a model or a card by catalog name, file or mapping, apply settings to it, and build it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from costmodel.inputs.device_file import card_from
from costmodel.inputs.faults import InputError
from costmodel.inputs.mapping import document_of
from costmodel.inputs.settings import overridden, sort_settings, split_settings
from costmodel.inputs.solver_file import solver_from
from costmodel.inputs.texts import shortened
from costmodel.inputs.workload_file import workload_from
from costmodel.inputs.yaml_reader import Document, read_yaml
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.machines.solver import LawFactor, SolverLaw
from costmodel.quantities.names import unknown
from costmodel.workloads.workload import Workload

CATALOG: Final = Path(__file__).parents[1] / "catalog"

__all__ = [
    "CATALOG",
    "catalog_names",
    "kind_of",
    "load_analog",
    "load_card",
    "load_digital",
    "load_solver",
    "load_workload",
    "sort_settings",
    "split_settings",
]

#: A catalog name, the path of a file, or what such a file would hold.
Source = str | Path | Mapping[str, Any]


def load_workload(model: Source, settings: Sequence[str] = ()) -> Workload:
    """The workload of a catalog name, a file or a mapping.

    Args:
        model: ``"imagenet_vit"``, the path of a model.yaml, or a mapping with its keys.
        settings: ``"kfac.damping=1e-2"`` and the like, applied before the file is checked.

    Raises:
        InputError: No such model, or its faults.
    """
    return workload_from(_document(model, "models", "model", settings))


def load_card(card: Source, settings: Sequence[str] = ()) -> DigitalCard | AnalogCard:
    """The card of a catalog name, a file or a mapping; its type follows from the ``kind`` it states.

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
    return solver_from(overridden(read_yaml(file), settings))


@lru_cache(maxsize=1)
def _shipped_solver() -> dict[SolverLaw, LawFactor]:
    return load_solver()


def load_digital(card: Source, settings: Sequence[str] = ()) -> DigitalCard:
    """A card that must be digital.

    Raises:
        InputError: No such card, its faults, or it is analog.
    """
    loaded = load_card(card, settings)
    if isinstance(loaded, DigitalCard):
        return loaded
    raise InputError.about("--digital", f"'{loaded.name}' is an analog card")


def load_analog(card: Source, settings: Sequence[str] = ()) -> AnalogCard:
    """A card that must be analog.

    Raises:
        InputError: No such card, its faults, or it is digital.
    """
    loaded = load_card(card, settings)
    if isinstance(loaded, AnalogCard):
        return loaded
    raise InputError.about("--analog", f"'{loaded.name}' is a digital card")


def kind_of(source: str) -> str:
    """What a catalog name or a file is: ``"model"``, ``"digital"`` or ``"analog"``.

    Raises:
        InputError: It is in neither folder of the catalog and no file that can be read.
    """
    if source in catalog_names("models"):
        return "model"
    if source not in catalog_names("cards") and not _exists(source):
        names = [*catalog_names("models"), *catalog_names("cards")]
        raise InputError.about(shortened(source, 100), unknown("model or card", source, names))
    data = _document(source, "cards", "card", ()).data
    kind = data.get("kind") if isinstance(data, dict) else None
    return kind if kind in {"digital", "analog"} else "model"


def catalog_names(folder: str) -> list[str]:
    """Names in a folder of the catalog: ``"models"`` or ``"cards"``."""
    return sorted(path.stem for path in (CATALOG / folder).glob("*.yaml"))


def _document(source: Source, folder: str, what: str, settings: Sequence[str]) -> Document:
    if isinstance(source, Mapping):
        return overridden(document_of(source), settings)
    text = str(source)
    if text in catalog_names(folder):
        document = read_yaml(CATALOG / folder / f"{text}.yaml")
    elif Path(text).suffix in {".yaml", ".yml"} or _exists(text):
        document = read_yaml(Path(text))
    else:
        raise InputError.about(shortened(text, 100), unknown(what, text, catalog_names(folder)))
    return overridden(document, settings)


def _exists(path: str) -> bool:
    try:
        return bool(path) and Path(path).exists()
    except (OSError, ValueError):  # a name too long for the file system
        return False
