"""What a model takes training to tolerate of each flaw, from what the study found.

python -m validation.study.defaults            writes it into costmodel/catalog/kfac.yaml and docs/model-yaml.md
"""

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from costmodel.inputs.files import write_text

ROOT: Final = Path(__file__).parents[2]
STUDY: Final = ROOT / "validation" / "data" / "study" / "tolerances.json"
CATALOG: Final = ROOT / "costmodel" / "catalog" / "kfac.yaml"
PAGE: Final = ROOT / "docs" / "model-yaml.md"

#: What each tolerance of a model stands for among the flaws of the study. Couplings with the top mode taken out are
#: rounded couplings still: one tolerance whose range covers what was found with and without it.
FLAWS: Final[Mapping[str, tuple[str, ...]]] = {
    "sampling_tolerance": ("sample",),
    "settling_tolerance": ("column",),
    "coupling_tolerance": ("in", "ind"),
    "reading_tolerance": ("out",),
    "mismatch_tolerance": ("mismatch",),
}
#: What a tolerance is taken to be where the study shows none: that of the flaw whose errors are most like it.
#: Mismatched couplings are off by independent amounts, as rounded ones are.
LIKE: Final[Mapping[str, str]] = {"mismatch_tolerance": "coupling_tolerance"}
#: Where the largest error that was tried showed no cost, the end of the range is this many times it: one bit less.
BEYOND: Final = 2.0

_BEGIN: Final = "# Written by python -m validation.study.defaults from validation/data/study/tolerances.json.\n"
_END: Final = "# End of what is written.\n"


@dataclass(frozen=True, slots=True)
class Default:
    """A tolerance as a model file states it; low and high bound the central 90 %."""

    value: float
    low: float
    high: float
    status: str
    source: str


def default(name: str, study: Mapping[str, Mapping[str, Any]]) -> Default:
    """A tolerance of a model from the flaws of the study.

    ``low``, the largest error shown to lose nothing, and ``high``, the smallest shown to cost steps, are where the
    tolerance lies between; ``value`` is the study's. Of several flaws the lowest ``low`` and ``value`` and the highest
    ``high`` count.

    Raises:
        ValueError: Nothing was shown, and no other flaw stands in.
    """
    found = {flaw: study[flaw] for flaw in FLAWS[name] if study[flaw]["low_arm"] is not None}
    if not found:
        if name not in LIKE:
            raise ValueError(f"the study shows nothing of {', '.join(FLAWS[name])}, and no flaw stands in for it")
        return _like(name, study)
    reached = all(each["reached"] for each in found.values())
    high = max(each["high"] * (1 if each["reached"] else BEYOND) for each in found.values())
    low, value = (min(each[key] for each in found.values()) for key in ("low", "value"))
    source = "training of three small and three wide networks (validation/data/study): " + "; ".join(
        _told(each) for each in found.values()
    )
    return Default(value, low, high, "extrapolated" if reached else "assumed", source)


def _like(name: str, study: Mapping[str, Mapping[str, Any]]) -> Default:
    """A tolerance that another stands in for, as far as no cost was shown below it."""
    like, costs = default(LIKE[name], study), [study[flaw] for flaw in FLAWS[name] if study[flaw]["reached"]]
    most = min([like.high, *(each["high"] for each in costs)])
    source = f"the study shows no harmless {' or '.join(FLAWS[name])}; taken to be {LIKE[name]}, of errors of one kind"
    source += "".join(f", and at most {each['high']:g}, where it costs ({each['high_arm']})" for each in costs)
    return Default(min(like.value, most), min(like.low, most), most, "assumed", source)


def _told(flaw: Mapping[str, Any]) -> str:
    shown = f"no loss at {flaw['low']:g} ({flaw['low_arm']})"
    if flaw["reached"]:
        return f"{shown}, a cost at {flaw['high']:g} ({flaw['high_arm']})"
    return f"{shown}, no cost shown up to {flaw['high']:g} ({flaw['high_arm']}), so that the high end is assumed"


def section(study: Mapping[str, Mapping[str, Any]]) -> str:
    """The tolerances as they stand in the catalog's file."""
    return "".join(_entry(name, default(name, study)) for name in FLAWS)


def _entry(name: str, found: Default) -> str:
    source = textwrap.fill(found.source, 110, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
    numbers = "".join(f"  {key}: {getattr(found, key):g}\n" for key in ("value", "low", "high"))
    return f"{name}:\n{numbers}  status: {found.status}\n  source: >-\n{source}\n"


def in_catalog(text: str, study: Mapping[str, Mapping[str, Any]]) -> str:
    """The catalog's file with the tolerances of the study in it."""
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{section(study)}{_END}{after}"


def on_page(text: str, study: Mapping[str, Mapping[str, Any]]) -> str:
    """The table of a model's keys with the tolerances of the study in it."""
    for name in FLAWS:
        found = default(name, study)
        shown = f"{found.value:g} ({found.low:g} to {found.high:g})"
        text = re.sub(rf"^(\| `{name}` \|) [^|]* \|", rf"\1 {shown} |", text, flags=re.MULTILINE)
    return text


def shipped() -> Mapping[str, Mapping[str, Any]]:
    """Flaws of the study as shipped."""
    flaws: Mapping[str, Mapping[str, Any]] = json.loads(STUDY.read_text(encoding="utf-8"))["flaws"]
    return flaws


def main(_: Sequence[str] = ()) -> None:
    """Write the tolerances into both files."""
    study = shipped()
    write_text(CATALOG, in_catalog(CATALOG.read_text(encoding="utf-8"), study))
    write_text(PAGE, on_page(PAGE.read_text(encoding="utf-8"), study))


if __name__ == "__main__":
    main()
