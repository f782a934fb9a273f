"""Projections side by side: what moved, by which phase, and which inputs differ."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from costmodel import project
from costmodel.cli import app
from costmodel.inputs.faults import InputError
from costmodel.inputs.projection_file import read_projection
from costmodel.questions.compare import compare
from costmodel.views.compare import CompareReport

DRAWS = 40


@pytest.fixture(scope="module")
def before() -> dict[str, Any]:
    return project("mlp", draws=DRAWS).as_dict()


@pytest.fixture(scope="module")
def slower() -> dict[str, Any]:
    return project("mlp", set={"analog.relaxation_time": "1 ms", "kfac.refresh_interval": 50}, draws=DRAWS).as_dict()


def test_one_card_value_and_one_setting_are_all_that_differs(before: dict[str, Any], slower: dict[str, Any]) -> None:
    found = compare([("before", before), ("slower", slower)])
    assert not found.unexplained
    differing = {each.path: each.values for each in found.differences}
    # What the card leaves out and follows from the relaxation time moves with it.
    derived = {"analog.capacitance", "analog.oscillation_time", "analog.product_time"}
    assert set(differing) == {"model.refresh_interval", "analog.relaxation_time", *derived}
    assert differing["analog.relaxation_time"][1] == (1e-3, 1e-3, 1e-3)
    moves = {move.method: move for move in found.moves}
    assert moves["adam"].phase == ""  # neither touches first-order training
    assert moves["adam"].factor == 1.0
    solve = moves["thermo.solve"]
    old, new = (each["methods"]["thermo.solve"] for each in (before, slower))
    assert solve.factor == new["step_time_s"]["median"] / old["step_time_s"]["median"]
    grown = {name: new["phases"][name]["median"] - old["phases"][name]["median"] for name in new["phases"]}
    assert solve.phase == max(grown, key=lambda name: abs(grown[name]))
    assert solve.share == pytest.approx(1.0, abs=0.05)


def test_the_same_projection_twice(before: dict[str, Any]) -> None:
    found = compare([("a", before), ("b", copy.deepcopy(before))])
    assert not found.differences
    assert {move.factor for move in found.moves} == {1.0}
    assert CompareReport(found).tables()[2].note == "No input differs."


def test_times_that_move_without_an_input_are_another_version(before: dict[str, Any]) -> None:
    other = copy.deepcopy(before)
    other["methods"]["adam"]["step_time_s"]["median"] *= 1.5
    other["methods"]["adam"]["phases"]["update"]["median"] *= 2
    found = compare([("a", before), ("b", other)])
    assert found.unexplained
    assert CompareReport(found).as_dict()["another_version"] is True
    note = CompareReport(found).tables()[2].note
    assert note == "No input differs, and times do: another version of costmodel made one of them."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "{file}:1:2 not valid JSON: expecting property name enclosed in double quotes"),
        ("[]", "{file}: is no projection; was it printed by project --format json?"),
        ('{"schema": 1, "methods": {}}', "{file}: is a projection of schema 1; this version reads 2: project it anew"),
    ],
)
def test_files_that_are_no_projection(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "old.json"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        read_projection(file)
    assert str(caught.value) == message.format(file=file)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("methods", [1]),
        ("methods", {}),
        ("methods.adam.step_time_s", 3.0),
        ("methods.adam.step_time_s", {"median": 0, "p05": 0, "p95": 0, "status": "counted"}),
        ("methods.adam.step_time_s", {"median": float("nan"), "p05": 1, "p95": 1, "status": "counted"}),
        ("methods.adam.phases", {"update": None}),
        ("model", {}),
        ("assumptions", [{"path": "model.kfac.damping"}]),
    ],
)
def test_projections_of_another_shape(tmp_path: Path, before: dict[str, Any], path: str, value: object) -> None:
    changed = json.loads(json.dumps(before))
    *keys, last = path.split(".")
    place = changed
    for key in keys:
        place = place[key]
    place[last] = value
    file = tmp_path / "changed.json"
    file.write_text(json.dumps(changed))
    with pytest.raises(InputError) as caught:
        read_projection(file)
    assert str(caught.value) == f"{file}: {path} is not as project --format json prints it"


def test_the_command_line_takes_models_cards_and_files(tmp_path: Path, before: dict[str, Any]) -> None:
    file = tmp_path / "before.json"
    file.write_text(json.dumps(before))
    arguments = ["compare", str(file), "ogbg", "a100-sxm", "--model", "mlp", "--draws", str(DRAWS), "--format", "json"]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0
    found = json.loads(shown.stdout)
    assert found["projections"] == [str(file), "ogbg", "a100-sxm"] or found["projections"][0] == "before"
    differing = {each["path"]: each["values"] for each in found["differences"]}
    assert differing["digital"] == ["h100-sxm", "h100-sxm", "a100-sxm"]
    assert differing["model.name"] == ["mlp", "ogbg", "mlp"]
    for form in ("table", "markdown", "csv"):
        assert CliRunner().invoke(app, [*arguments[:-1], form]).exit_code == 0


def test_unknown_names_are_all_reported() -> None:
    shown = CliRunner().invoke(app, ["compare", "ogb", "h100-sx"])
    assert isinstance(shown.exception, InputError)
    assert str(shown.exception).splitlines() == [
        "h100-sx: unknown model or card 'h100-sx'; did you mean 'h100-sxm'?",
        "ogb: unknown model or card 'ogb'; did you mean 'ogbg'?",
    ]
