"""Tables of the methodology: where they go, and what they say of made-up results."""

import json
import shutil

import pytest

from validation.study import report, tables
from validation.study.report import FOLDER, filled


@pytest.fixture
def analysis():
    return json.loads((FOLDER / "analysis.json").read_text(encoding="utf-8"))


def test_tables_are_written_between_their_markers_and_prose_stays(tmp_path, analysis):
    for name in ("analysis.json", "methodology.md"):
        shutil.copy(FOLDER / name, tmp_path)
    page = tmp_path / "methodology.md"
    whole = page.read_text(encoding="utf-8")
    page.write_text(whole.replace(tables.tolerances(analysis), "old"), encoding="utf-8")
    assert page.read_text(encoding="utf-8") != whole
    report.main([str(tmp_path), "--write"])
    assert page.read_text(encoding="utf-8") == whole


def test_a_table_without_a_place_is_not_lost_silently(analysis):
    text = (FOLDER / "methodology.md").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="places for"):
        filled(text.replace("<!-- table: small -->", ""), analysis)
    with pytest.raises(ValueError, match="places for"):
        filled(text + "<!-- table: small -->\n\n<!-- end of table -->", analysis)


def test_all_tables_are_printed(capsys):
    report.main([])
    said = capsys.readouterr().out
    assert [name for name in tables.TABLES if f"{name}\n\n" not in said] == []


def test_a_smaller_level_that_costs_is_told_apart_from_one_level_with_both_claims(analysis):
    """Ten bits made to cost 1.3 on the gnn, where eight are shown to lose nothing: that is more than a small cost."""
    for found in analysis["tolerances"].values():
        found["costs_within"] = []
    for entries in analysis["tasks"].values():
        entries.pop("in 10", None)
    entry = json.loads(json.dumps(analysis["tasks"]["gnn"]["in 8"]))
    entry["cost"] = 1e-4
    entry["versus_kfac"] |= {"ratio": 1.3, "low": 1.2, "high": 1.41}
    analysis["tasks"]["gnn"]["in 10"] = entry
    analysis["tolerances"]["in"] |= {"low_arm": "in 8", "costs_within": ["in 10"]}
    assert tables.overlaps(analysis) == (
        "* **in**: in 10 is shown to cost (gnn 1.30 [1.20, 1.41]) and the larger in 8 to lose less than 1.2 on every "
        "task: a cost that does not grow with the flaw, or a claim that is false."
    )
    analysis["tolerances"]["in"]["costs_within"] = []
    assert tables.overlaps(analysis) == "* None."


def test_levels_that_nothing_judges_have_no_p_value(analysis):
    found = analysis["registrations"]["second"]["claims"]["column"]
    found |= {"no_loss": 1, "cost": 0, "p_no_loss": {"column 0.1": 0.001, "column 0.95": 1.0}}
    found |= {"p_cost": {"column 0.95": 1.0, "column 0.1": 0.4}}
    found["judged_on"] = {"column 0.1": ["mlp", "gnn", "vit"], "column 0.95": []}
    row = next(line for line in tables.claims("second", analysis).splitlines() if line.startswith("| column"))
    assert row == "| column 0.1, 0.95 | **0.001**, - | 0.4, - | 0.95 on mlp, gnn, vit |"


def test_a_value_that_the_range_sets_is_told(analysis):
    found = analysis["tolerances"]["column"]
    found |= {"low": 0.1, "value": 0.3, "high": 0.3, "low_arm": "column 0.1", "high_arm": "column 0.3"}
    for arm, said in (("column 0.6", "0.3 (column 0.6, held at high)"), ("column 0.3", "0.3 (column 0.3)")):
        found |= {"value_arm": arm, "reached": True}
        row = next(line for line in tables.tolerances(analysis).splitlines() if line.startswith("| column"))
        assert row == f"| column | 0.1 (column 0.1) | {said} | 0.3 (column 0.3) |"
