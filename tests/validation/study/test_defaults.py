"""Tolerances of a model from flaws of the study, by rules worked out by hand; and that the shipped ones follow them."""

import re

import pytest

from costmodel.inputs.workload_file import kfac_defaults
from costmodel.quantities.estimate import Status
from validation.study import defaults
from validation.study.defaults import CATALOG, FLAWS, PAGE, default, in_catalog, on_page, shipped


def flaw(low, value, high, reached=True, low_arm="a"):
    return {"low": low, "value": value, "high": high, "reached": reached, "low_arm": low_arm, "high_arm": "z"}


#: Every flaw shown both ways.
SHOWN = {
    "sample": flaw(0.5, 0.6, 2.0),
    "column": flaw(0.3, 0.35, 0.7),
    "in": flaw(0.1, 0.15, 0.9),
    "ind": flaw(0.2, 0.25, 0.5),
    "mismatch": flaw(0.05, 0.06, 0.4),
    "out": flaw(0.3, 0.31, 0.6),
}


def numbers(found):
    return found.low, found.value, found.high, found.status


@pytest.mark.parametrize(
    ("name", "changed", "expected"),
    [
        ("sampling_tolerance", {}, (0.5, 0.6, 2.0, "extrapolated")),
        ("settling_tolerance", {}, (0.3, 0.35, 0.7, "extrapolated")),
        ("mismatch_tolerance", {}, (0.05, 0.06, 0.4, "extrapolated")),
        # one tolerance for couplings with and without the top mode: what covers both
        ("coupling_tolerance", {}, (0.1, 0.15, 0.9, "extrapolated")),
        # no cost found up to 0.3: the end of the range is twice that, assumed
        ("reading_tolerance", {"out": flaw(0.3, 0.3, 0.3, reached=False)}, (0.3, 0.3, 0.6, "assumed")),
        ("coupling_tolerance", {"ind": flaw(0.2, 0.2, 0.5, reached=False)}, (0.1, 0.15, 1.0, "assumed")),
        # nothing shown of one of two
        ("coupling_tolerance", {"in": flaw(0, 0, 0.9, low_arm=None)}, (0.2, 0.25, 0.5, "extrapolated")),
        # nothing shown of mismatch: as rounded couplings, but not beyond where it was shown to cost
        ("mismatch_tolerance", {"mismatch": flaw(0, 0, 0.4, False, None)}, (0.1, 0.15, 0.9, "assumed")),
        ("mismatch_tolerance", {"mismatch": flaw(0, 0, 0.4, True, None)}, (0.1, 0.15, 0.4, "assumed")),
        ("mismatch_tolerance", {"mismatch": flaw(0, 0, 0.08, True, None)}, (0.08, 0.08, 0.08, "assumed")),
    ],
)
def test_a_tolerance_by_hand(name, changed, expected):
    assert numbers(default(name, SHOWN | changed)) == expected


def test_a_flaw_of_which_nothing_is_known_is_refused():
    with pytest.raises(ValueError, match=r"^the study shows nothing of sample, and no flaw stands in for it$"):
        default("sampling_tolerance", SHOWN | {"sample": flaw(0, 0, 2.0, True, None)})


def test_sources_say_what_is_shown_and_what_is_assumed():
    assert default("sampling_tolerance", SHOWN).source.endswith(": no loss at 0.5 (a), a cost at 2 (z)")
    one_way = default("reading_tolerance", SHOWN | {"out": flaw(0.3, 0.3, 0.3, reached=False)})
    assert one_way.source.endswith("no cost shown up to 0.3 (z), so that the high end is assumed")


def test_the_shipped_tolerances_are_those_of_the_study():
    """Else: python -m validation.study.defaults."""
    study = shipped()
    for file, written in ((CATALOG, in_catalog), (PAGE, on_page)):
        text = file.read_text(encoding="utf-8")
        assert written(text, study) == text
    for name in FLAWS:
        found, entry = default(name, study), getattr(kfac_defaults(), name).quantity()
        assert (entry.low, entry.value, entry.high) == (found.low, found.value, found.high)
        assert (entry.status, entry.source) == (Status(found.status), found.source)


def test_other_numbers_reach_both_files_and_nothing_else_of_them():
    text, page = CATALOG.read_text(encoding="utf-8"), PAGE.read_text(encoding="utf-8")
    changed = in_catalog(text, SHOWN)
    assert "coupling_tolerance:\n  value: 0.15\n  low: 0.1\n  high: 0.9\n  status: extrapolated\n" in changed
    assert in_catalog(changed, shipped()) == text
    written = on_page(page, SHOWN)
    assert "| `coupling_tolerance` | 0.15 (0.1 to 0.9) | the same of rounded couplings |" in written
    assert len(re.findall(r"^\| `\w+_tolerance` \| [\d.]+ \([\d.]+ to [\d.]+\) \|", written, re.MULTILINE)) == 5
    assert on_page(written, shipped()) == page


def test_the_command_writes_both(tmp_path, monkeypatch):
    catalog, page = tmp_path / "kfac.yaml", tmp_path / "page.md"
    catalog.write_text(in_catalog(CATALOG.read_text(encoding="utf-8"), SHOWN), encoding="utf-8")
    page.write_text(on_page(PAGE.read_text(encoding="utf-8"), SHOWN), encoding="utf-8")
    monkeypatch.setattr(defaults, "CATALOG", catalog)
    monkeypatch.setattr(defaults, "PAGE", page)
    defaults.main()
    assert (catalog.read_bytes(), page.read_bytes()) == (CATALOG.read_bytes(), PAGE.read_bytes())
