"""A digital card as the text of its file: what :func:`costmodel.inputs.loading.load_card` reads back."""

from __future__ import annotations

import io
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from costmodel.machines.cards import DigitalCard
from costmodel.machines.curves import Curve
from costmodel.machines.laws import ConstantLaw, FittedLaw
from costmodel.quantities.estimate import Quantity

#: SI prefixes a card is written with.
_PREFIXES: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"))


def dump(card: DigitalCard, comment: str) -> str:
    """The file of a card.

    Args:
        card: With laws of constants or fitted ones.
        comment: First line, which says who wrote it.
    """
    root = CommentedMap(schema=1, kind="digital", name=card.name, title=card.title, source=card.source)
    for key, quantity in (("power", card.power), ("step", card.step)):
        if quantity is not None:
            root[key] = _quantity(quantity)
    if card.timings:
        root["timings"] = card.timings
    root["operations"] = CommentedMap((name, _law(law)) for name, law in card.laws.items())
    root.yaml_set_start_comment(comment)
    yaml = YAML()
    yaml.width = 4096  # a wrapped line would end in a blank
    yaml.indent(mapping=2, sequence=2, offset=0)
    text = io.StringIO()
    yaml.dump(root, text)
    return text.getvalue()


def _law(law: Any) -> CommentedMap:
    match law:
        case ConstantLaw():
            return CommentedMap((key, _quantity(quantity)) for key, quantity in law.quantities().items())
        case FittedLaw():
            return _fitted(law)
    raise TypeError(f"no way to write a law of type {type(law).__name__}")


def _quantity(quantity: Quantity) -> CommentedMap:
    found = CommentedMap(value=_text(quantity.value, quantity.unit.name))
    if quantity.low != quantity.high:
        found |= {"low": _text(quantity.low, quantity.unit.name), "high": _text(quantity.high, quantity.unit.name)}
    found["status"] = quantity.status.value
    if quantity.domain is not None:
        found["domain"] = _flow([_number(each) for each in quantity.domain])
    found["source"] = quantity.source
    return found


def _fitted(law: FittedLaw) -> CommentedMap:
    found = CommentedMap(
        launch_s=_number(law.launch),
        item_s=_number(law.item),
        element_s=_number(law.element),
        work_s=_curve(law.work),
    )
    if law.penalties:
        found["penalties_s"] = CommentedMap((name, _curve(curve)) for name, curve in law.penalties.items())
    found |= {
        "domain": _flow([_number(each) for each in law.domain]),
        "spread": _number(law.spread),
        "growth": _number(law.growth),
    }
    if law.in_step is not None:
        step = law.in_step
        found["in_step"] = _inline(factor=step.factor, launch_s=step.launch, spread=step.spread)
    if law.together:
        found["together"] = law.together
    found["source"] = law.source
    return found


def _curve(curve: Curve) -> CommentedMap:
    """Knots and values on one line each."""
    found = CommentedMap(
        sizes=_flow([_number(each) for each in curve.sizes]),
        values=_flow([_number(each) for each in curve.values]),
        limit=_number(curve.limit),
    )
    found.fa.set_flow_style()
    return found


def _inline(**values: float) -> CommentedMap:
    found = CommentedMap((key, _number(value)) for key, value in values.items())
    found.fa.set_flow_style()
    return found


def _flow(values: list[float]) -> CommentedSeq:
    found = CommentedSeq(values)
    found.fa.set_flow_style()
    return found


def _number(value: float) -> float | int:
    """Nine digits: knots that a switch of algorithm sets apart are one part in 10^6 from each other."""
    rounded = float(f"{value:.9g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e9 else rounded


def _text(value: float, unit: str) -> str | float:
    """A value with its unit and a prefix that suits it."""
    if unit in {"", "1"}:
        return _number(value)
    factor, prefix = next((each for each in _PREFIXES if abs(value) >= each[0]), _PREFIXES[-1])
    return f"{value / factor:.6g} {prefix}{unit}"
