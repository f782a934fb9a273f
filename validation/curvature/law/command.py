"""The verbs ``curvature fit`` and ``curvature score``."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from costmodel.curvature.law import EARLY
from costmodel.defaults import SCHEMA
from costmodel.inputs.card_writer import written
from costmodel.inputs.curvature_file import FactorRecord, read_curvature
from costmodel.inputs.curvature_law_file import law_from, shipped_law
from costmodel.inputs.faults import InputError
from costmodel.inputs.files import write_text
from costmodel.inputs.workload_file import workload_from
from costmodel.inputs.yaml_reader import parse_yaml, read_yaml
from costmodel.quantities.names import unknown
from costmodel.workloads.workload import Workload
from validation.curvature.law.fitting import as_document, fit_law
from validation.curvature.law.model_file import with_curvature
from validation.curvature.law.scoring import CONDITION, leave_one_out, report, score
from validation.curvature.law.section import KEYS, chosen, section, without
from validation.curvature.law.table import Table, table

#: What the shipped law was fitted to.
SHIPPED: Final = Path(__file__).parents[2] / "data" / "curvature" / "factors.jsonl"
_LAW: Final = (
    "Written by `python -m costmodel curvature fit --law`; fit again rather than change it. "
    "costmodel/curvature/law.py says what each\n"
    "# number means: logarithms of targets, at 0, 2, 12, 33 and 100 % of a training run."
)
_SECTION: Final = "written by `python -m costmodel curvature fit`; belongs into a model file"


def fit_section(file: str, out: str, by: str, network: str, stage: float, into: str) -> str:
    """The section of a model file, written to ``out`` where that is given.

    Args:
        file: Measured curvature.
        out: File to write; nothing is written without one.
        by: ``role`` or ``layer``.
        network: Which one, where the file has several.
        stage: Share of the training run that is done.
        into: A model file, of which ``out`` is a copy with the section in it.

    Returns:
        The text.

    Raises:
        InputError: An option makes no sense, a file cannot be read, or the model has nothing that was measured.
    """
    if by not in KEYS:
        raise InputError.about("--by", unknown("value", by, list(KEYS)))
    if not 0 <= stage <= 1:
        raise InputError.about("--stage", f"{stage:g} is not between 0 and 1")
    if into and not out:
        raise InputError.about("--into", "needs --out, the file to write; a model file is not changed in place")
    found = section(chosen(table(read_curvature(Path(file))), file, network, stage), file, by)
    text = _merged(into, found, by) if into else written({"kfac": {"curvature": found}}, _SECTION)
    if out:
        _write(out, text)
    return text


def _merged(into: str, found: dict[str, Any], by: str) -> str:
    document = read_yaml(Path(into))
    model = workload_from(document)
    names = _names(model, by)
    kept, left = without(found, names, into)
    missing = [name for name in names if name not in kept[KEYS[by]]]
    _tell(f"measured and not in {into}, left out: {', '.join(left)}" if left else "")
    _tell(f"not measured, by the law of curvature: {', '.join(missing)}" if missing else "")
    text = with_curvature(document, Path(into).read_text(encoding="utf-8-sig"), kept)
    workload_from(parse_yaml(text, into))  # what is written can be read
    return text


def _names(model: Workload, by: str) -> list[str]:
    if by == "layer":
        return [layer.name for layer in model.layers]
    return list(dict.fromkeys(layer.role.value for layer in model.layers if layer.role is not None))


def fit_shipped(file: str, out: str) -> None:
    """Fit the law of curvature to a file and write it as ``costmodel/catalog/curvature.yaml`` is written.

    Raises:
        InputError: The file cannot be read or does not say enough, or nothing can be written.
    """
    data = table(read_curvature(Path(file)))
    names = dict.fromkeys(data.networks)
    late = {name: {place.stage for place in _places(data, name) if place.stage >= EARLY} for name in names}
    if len(names) < 2 or not any(len(each) > 1 for each in late.values()):
        message = f"a law needs two networks, one of them at two steps or more past {EARLY:.0%} of its run"
        raise InputError.about(file, message)
    law = fit_law(data, f"{len(names)} networks of {Path(file).name}, by `costmodel curvature fit --law`")
    text = written(as_document(law), _LAW)
    law_from(parse_yaml(text, out))  # what is written can be read
    _write(out, text)


def _places(data: Table, network: str) -> list[Any]:
    return [place for place, name in zip(data.places, data.networks, strict=True) if name == network]


def score_file(file: str, damping: float, *, held_out: bool, kinds: bool) -> dict[str, Any]:
    """How well a law says what a file holds: the shipped one, or for each network (or kind) one fitted to the others.

    Raises:
        InputError: The file cannot be read, says too little, or the damping is not above 0.
    """
    if not 0 < damping < math.inf:
        raise InputError.about("--damping", f"{damping:g} is not above 0")
    records = read_curvature(Path(file))
    data = table(records)
    held_out = held_out or kinds
    names = list(dict.fromkeys(data.networks))
    if not names:
        raise InputError.about(file, "holds no layer of which both factors are known and positive")
    if kinds and len({place.network for place in data.places}) < 2:
        raise InputError.about(file, "holds networks of one kind; --kinds needs others to fit a law to")
    if held_out and len(names) < 2:
        raise InputError.about(file, "holds one network; --held-out needs others to fit a law to")
    fitted = [] if held_out else _fitted_to(records)
    if held_out:
        errors = leave_one_out(data, damping, CONDITION, _tell, kinds=kinds)
    else:
        errors = score(shipped_law(), data, damping)
    left = ("kind" if kinds else "network") if held_out else None
    head = {"schema": SCHEMA, "damping": damping, "held_out": left, "fitted_to": fitted}
    return {**head, "other_conventions": _otherwise(records), **report(errors)}


def _otherwise(records: Sequence[FactorRecord]) -> int:
    """Factors of conventions that the law is not for."""
    return sum((record.sharing, record.fisher) != ("expand", "sampled") for record in records)


def _fitted_to(records: Sequence[FactorRecord]) -> list[str]:
    """Networks that the shipped law was fitted to: those with a factor that its data hold too, whatever its name."""
    if not SHIPPED.exists():
        return []
    known = {_spectrum(record) for record in read_curvature(SHIPPED)}
    return list(dict.fromkeys(record.network for record in records if _spectrum(record) in known))


def _spectrum(record: FactorRecord) -> tuple[Any, ...]:
    return record.side, record.n, record.rows, record.trace, record.eigenvalues


def remark(scored: Mapping[str, Any]) -> str:
    """What a reader has to know of a score: whose networks the law was fitted to, and whether they are comparable."""
    count = scored["other_conventions"]
    also = (
        f" {count} factors were measured with reduce or the empirical Fisher, which the law is not for."
        if count
        else ""
    )
    return _seen(scored) + also


def _seen(scored: Mapping[str, Any]) -> str:
    if scored["held_out"]:
        others = {"network": "the others", "kind": "those of other kinds"}[scored["held_out"]]
        return f"Each network by a law fitted to {others} of the file."
    if scored["fitted_to"]:
        names = ", ".join(scored["fitted_to"])
        return f"The shipped law was fitted to {names}: --held-out scores networks that a law has not seen."
    return "The shipped law has not seen these networks."


def _write(out: str, text: str) -> None:
    try:
        write_text(Path(out), text)
    except OSError as error:
        raise InputError.about(out, f"cannot be written: {error.strerror}") from None


def _tell(message: str) -> None:
    if message:
        print(message, file=sys.stderr)
