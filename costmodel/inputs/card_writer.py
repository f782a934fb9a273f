"""A digital card as the text of its file: what :func:`costmodel.inputs.loading.load_card` reads back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from costmodel.machines.cards import DigitalCard
from costmodel.machines.curves import Curve
from costmodel.machines.laws import ConstantLaw, FittedLaw
from costmodel.quantities.estimate import Quantity

#: SI prefixes a card is written with.
_PREFIXES: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"))
#: What YAML 1.2 may read as a number.
_NUMBER: Final = re.compile(r"[-+.]?\d[\d_.eExXoO+-]*|[-+]?\.(inf|nan)", re.IGNORECASE)
#: No line is broken: a quantity, a curve and a source take one each.
_WIDTH: Final = 10_000


def dump(card: DigitalCard, comment: str) -> str:
    """The file of a card.

    Args:
        card: With laws of constants or fitted ones.
        comment: First line, which says who wrote it.
    """
    root: dict[str, Any] = {"schema": 1, "kind": "digital", "name": card.name, "title": card.title}
    root["source"] = card.source
    for key in ("power", "idle_power", "step", "interconnect_bandwidth", "interconnect_latency", "memory"):
        quantity = getattr(card, key)
        if quantity is not None:
            root[key] = quantity_entry(quantity)
    if card.timings:
        root["timings"] = card.timings
    root["operations"] = {name: _law(law) for name, law in card.laws.items()}
    return written(root, comment)


def written(root: Mapping[str, Any], comment: str) -> str:
    """Plain data as the text of a YAML file; mappings and lists that hold no others stand on one line."""
    text = yaml.dump(
        dict(root), Dumper=_Dumper, sort_keys=False, width=_WIDTH, default_flow_style=None, allow_unicode=True
    )
    return f"# {comment}\n{text}"


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # PyYAML has no types
    """Writes texts so that YAML 1.2 reads them as texts: PyYAML, of YAML 1.1, leaves 1e3 unquoted."""


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if _NUMBER.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _quoted)


def _law(law: Any) -> dict[str, Any]:
    match law:
        case ConstantLaw():
            return {key: quantity_entry(quantity) for key, quantity in law.quantities().items()}
        case FittedLaw():
            return _fitted(law)
    raise TypeError(f"no way to write a law of type {type(law).__name__}")


def quantity_entry(quantity: Quantity) -> dict[str, Any]:
    """A quantity as the keys of a file."""
    found: dict[str, Any] = {"value": _text(quantity.value, quantity.unit.name)}
    if quantity.low != quantity.high:
        found |= {"low": _text(quantity.low, quantity.unit.name), "high": _text(quantity.high, quantity.unit.name)}
    found["status"] = quantity.status.value
    if quantity.domain is not None:
        found["domain"] = [number(each) for each in quantity.domain]
    found["source"] = quantity.source
    return found


def _fitted(law: FittedLaw) -> dict[str, Any]:
    found: dict[str, Any] = {
        "launch_s": number(law.launch),
        "item_s": number(law.item),
        "element_s": number(law.element),
        "work_s": _curve(law.work),
    }
    if law.penalties:
        found["penalties_s"] = {name: _curve(curve) for name, curve in law.penalties.items()}
    found |= {
        "domain": [number(each) for each in law.domain],
        "spread": number(law.spread),
        "growth": number(law.growth),
    }
    if law.in_step is not None:
        numbers = (("factor", law.in_step.factor), ("launch_s", law.in_step.launch), ("spread", law.in_step.spread))
        found["in_step"] = {name: number(value) for name, value in numbers}
    if law.together:
        found["together"] = law.together
    if law.host is not None:
        found["host_s"] = {"start": number(law.host.start), "call": number(law.host.call)}
    found["source"] = law.source
    return found


def _curve(curve: Curve) -> dict[str, Any]:
    sizes, values = ([number(each) for each in side] for side in (curve.sizes, curve.values))
    return {"sizes": sizes, "values": values, "limit": number(curve.limit)}


def number(value: float) -> float | int:
    """Nine digits: knots that a switch of algorithm sets apart are one part in 10^6 from each other."""
    rounded = float(f"{value:.9g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e9 else rounded


def _text(value: float, unit: str) -> str | float:
    """A value with its unit and a prefix that suits it."""
    if unit in {"", "1"}:
        return number(value)
    factor, prefix = next((each for each in _PREFIXES if abs(value) >= each[0]), _PREFIXES[-1])
    return f"{value / factor:.6g} {prefix}{unit}"
