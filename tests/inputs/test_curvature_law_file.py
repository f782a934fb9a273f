"""The file of the law of curvature: what is shipped, and what is wrong with another."""

from pathlib import Path

import pytest

from costmodel.curvature.law import STAGES, Target
from costmodel.curvature.roles import LayerRole
from costmodel.inputs import curvature_law_file
from costmodel.inputs.curvature_law_file import law_from, shipped_law
from costmodel.inputs.faults import InputError
from costmodel.inputs.yaml_reader import parse_yaml
from validation.curvature.law.fitting import as_document

TEXT = (Path(curvature_law_file.__file__).parents[1] / "catalog" / "curvature.yaml").read_text(encoding="utf-8")
ROLES = ", ".join(LayerRole)


def line_of(text: str, start: str) -> int:
    return 1 + next(index for index, line in enumerate(text.splitlines()) if line.startswith(start))


def test_the_shipped_law_has_every_target() -> None:
    law = shipped_law()
    assert set(law.targets) == set(Target)
    assert all(len(each.stages) == len(STAGES) for each in law.targets.values())
    assert str(law) == f"CurvatureLaw({law.source})"
    assert law is shipped_law()  # read once


def test_what_is_written_is_what_is_read() -> None:
    assert as_document(shipped_law()) == parse_yaml(TEXT, "law.yaml").data


@pytest.mark.parametrize(
    ("start", "line", "column", "message"),
    [
        ("schema: 1", "schema: 2", 1, "schema 2 is none of 1"),
        ("kind: curvature", "kind: analog", 1, "kind 'analog' is none of curvature"),
        ("widths: ", "widths: [63]", 1, "widths has 1; it needs at least 2 entries"),
        ("widths: ", "widths: []", 1, "widths is empty; it needs at least 2 entries"),
        ("widths: ", "widths: [0, 63]", 10, "widths.0 0 is not above 0.0"),
        ("  stages: ", "  stages: [1, 2]", 3, "mean_curvature.stages has 2; it needs at least 5 entries"),
        ("  stages: ", "  stages: [1, 2, 3, 4, 5, 6]", 3, "mean_curvature.stages has 6 entries, at most 5"),
        ("  stages: ", "  stages: [1, .nan, 3, 4, 5]", 15, "mean_curvature.stages.1 .nan is not a finite number"),
        ("  stages: ", "  stages: [1, two, 3, 4, 5]", 15, "mean_curvature.stages.1 expected a number, found 'two'"),
        (
            "  stages: ",
            "  stage: [1, 2, 3, 4, 5]",
            3,
            "mean_curvature.stage unknown key 'stage'; did you mean 'stages'?",
        ),
        ("  width: ", "  width: wide", 3, "mean_curvature.width expected a number, found 'wide'"),
        (
            "  spread: ",
            "  spread: {network: 0, stage: 1, role: 1, layer: 1, early: 1}",
            12,
            "mean_curvature.spread.network 0 is not above 0.0",
        ),
        (
            "  spread: ",
            "  spread: {network: 1, stage: 1, role: 1, layer: 1}",
            3,
            "mean_curvature.spread.early is missing",
        ),
        ("    query:", "    querry:", 5, f"mean_curvature.roles.querry 'querry' is none of {ROLES}"),
        (
            "    perceptron: ",
            "    mlp: [0, 0, 0, 0, 0]",
            5,
            "mean_curvature.networks.mlp 'mlp' is none of perceptron, vision_transformer, language_model, "
            "graph_network, convolutional, other",
        ),
    ],
)
def test_a_fault_has_its_place(start: str, line: str, column: int, message: str) -> None:
    lines = TEXT.splitlines()
    number = line_of(TEXT, start)
    lines[number - 1] = line
    with pytest.raises(InputError) as error:
        law_from(parse_yaml("\n".join(lines), "law.yaml"))
    assert f"law.yaml:{number}:{column} {message}" in str(error.value).splitlines()


def test_widths_stand_in_order() -> None:
    lines = [line if not line.startswith("widths") else "widths: [2048, 63]" for line in TEXT.splitlines()]
    with pytest.raises(InputError) as error:
        law_from(parse_yaml("\n".join(lines), "law.yaml"))
    assert str(error.value) == "law.yaml:3:1 the smallest width 2048 is above the largest 63"


def test_all_faults_come_at_once() -> None:
    text = TEXT.replace("mean_curvature:", "mean_curvatur:", 1).replace("schema: 1", "schema: 3", 1)
    with pytest.raises(InputError) as error:
        law_from(parse_yaml(text, "law.yaml"))
    assert str(error.value).splitlines() == [
        "law.yaml:3:1 mean_curvature is missing",
        "law.yaml:3:1 schema 3 is none of 1",
        f"law.yaml:{line_of(text, 'mean_curvatur:')}:1 mean_curvatur unknown key 'mean_curvatur'; did you mean "
        "'mean_curvature'?",
    ]
