"""Maps and curves say where an arm that wins is not accurate enough: by a projection's own rule, in every form."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from costmodel import project
from costmodel.cli import app
from costmodel.cli_inputs import load
from costmodel.projection.feasibility import Reach
from costmodel.questions.accuracy import reaches
from costmodel.questions.case import Case
from costmodel.questions.crossover import Crossover, crossover
from costmodel.questions.regimes import Regimes, regimes
from costmodel.views.crossover import CrossoverReport
from costmodel.views.regimes import RegimesReport

DRAWS = 60


def case(model: str = "mlp", *settings: str) -> Case:
    return Case(lambda more: load(model, "h100-sxm", "tngd-2024", [*settings, *more]), DRAWS)


@pytest.fixture(scope="module")
def mapped() -> Regimes:
    return regimes(case(), "relaxation_time", "bits", "thermo.columns", "kfac.eigh")


@pytest.fixture(scope="module")
def curve() -> Crossover:
    # Of a machine that settles at once, which wins whatever its couplings' bits.
    return crossover(
        case("mlp", "analog.link_bandwidth=1 Pbit/s", "analog.relaxation_time=1 ns"),
        "bits",
        "thermo.columns",
        "kfac.eigh",
    )


def test_cells_are_judged_as_projections_are(mapped: Regimes) -> None:
    seen = set()
    for row in (0, 6, 15):
        bits = int(mapped.rows[row])
        found = (
            project("mlp", set={"analog.input_bits": f"{bits} bit"}, draws=DRAWS).feasibility["thermo.columns"].reach
        )
        for winner, reach in zip(mapped.winner[row], mapped.reach[row], strict=True):
            # Accuracy knows no time: whatever the relaxation time, it is that of the one at which it is projected.
            assert reach == (found if winner == "thermo.columns" else None)
            seen.add(reach)
    assert {Reach.YES, Reach.NO} <= seen


@pytest.mark.parametrize("arm", [pytest.param("thermo.inverse", marks=pytest.mark.slow), "thermo.columns.refined"])
def test_points_of_two_inputs_are_judged_as_projections_are(arm: str) -> None:
    own = case()
    inputs = own.input("damping"), own.input("bits")
    points = [(1e-3, 9.0), (1e-7, 14.0), (1e-3, 16.0)]
    columns = dict(zip(inputs, np.array(points).T, strict=True))
    found = reaches(own, columns, [arm] * len(points))
    for (damping, bits), reach in zip(points, found, strict=True):
        settings = {"kfac.damping": damping, "analog.input_bits": f"{bits:.0f} bit"}
        assert reach is project("mlp", set=settings, draws=DRAWS).feasibility[arm].reach
    assert len(set(found)) > 1


def test_a_structural_input_is_judged_as_well() -> None:
    own = case("mlp", "analog.input_bits=9 bit")
    width = own.input("width")
    found = reaches(own, {width: np.array([64.0, 4096.0])}, ["thermo.solve"] * 2)
    for value, reach in zip((64, 4096), found, strict=True):
        settings = {"parameters.width": value, "analog.input_bits": "9 bit"}
        assert reach is project("mlp", set=settings, draws=DRAWS).feasibility["thermo.solve"].reach


def test_digital_winners_are_not_judged() -> None:
    own = case()
    assert reaches(own, {own.input("link"): np.array([1e9, 1e10])}, ["kfac.eigh", "kfac.cholesky"]) == [None, None]


def test_a_curve_says_where_its_winner_is_not_accurate(curve: Crossover) -> None:
    at = dict(zip(curve.grid.tolist(), curve.reach, strict=True))
    assert set(curve.winner) == {"thermo.columns"}
    assert at[3.0] is Reach.NO
    assert at[16.0] is Reach.YES
    # More bits are never less accurate.
    order = [Reach.NO, Reach.SOME, Reach.YES]
    places = [order.index(reach) for reach in curve.reach if reach]
    assert places == sorted(places)
    (table,) = CrossoverReport(curve).tables()
    least = int(next(value for value, reach in at.items() if reach is Reach.YES))
    assert f"not accurate enough for training in all layers: 2 bit to {least - 1} bit." in table.note


def test_a_tie_has_the_accuracy_of_its_arm() -> None:
    settings = {"analog.input_bits": "5 bit"}
    found = crossover(case("mlp", "analog.input_bits=5 bit"), "relaxation_time", "thermo.columns", "kfac.eigh")
    (tie,) = found.ties
    assert tie.arm == "thermo.columns"
    assert tie.reach is project("mlp", set=settings, draws=DRAWS).feasibility["thermo.columns"].reach
    assert tie.reach is not Reach.YES
    (table,) = CrossoverReport(found).tables()
    assert table.rows[0][3] == f"thermo.columns: {tie.reach.value}"
    assert f"{tie.reach.value}" in json.dumps(CrossoverReport(found).as_dict()["crossovers"])


def test_a_tie_of_two_digital_methods_has_none() -> None:
    found = crossover(case(), "refresh_interval", "kfac.eigh", "kfac.cholesky")
    assert {(tie.arm, tie.reach) for tie in found.ties} <= {("", None)}
    assert set(found.reach) == {None}


def test_the_map_shows_it_in_every_form(mapped: Regimes) -> None:
    picture, legend = RegimesReport(mapped).tables()
    wanting = sum(reach not in {None, Reach.YES} for row in mapped.reach for reach in row)
    assert wanting > 0
    drawn = "".join(row[1] for row in picture.rows)
    assert sum(each.isdigit() for each in drawn) == wanting
    signs = {row[0]: row[1:3] for row in legend.rows}
    assert signs["1"][0] == "thermo.columns"
    assert "no" in signs["1"][1]
    assert signs["B"] == ("thermo.columns", "yes")
    cells = RegimesReport(mapped).as_dict()["cells"]
    assert sum(cell["reach"] in {"no", "some layers"} for cell in cells) == wanting


def test_the_command_line_has_it(tmp_path: Path) -> None:
    command = ["crossover", "mlp", "--map", "link", "bits", "--method", "thermo.columns", "--against", "kfac.eigh"]
    plot = tmp_path / "map.png"
    result = CliRunner().invoke(
        app, [*command, "--set", "analog.relaxation_time=1 ns", "--draws", "40", "--format", "csv", "--plot", str(plot)]
    )
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {row["reach"] for row in rows if row["winner"] == "thermo.columns"} == {"yes", "some layers", "no"}
    assert {row["reach"] for row in rows if row["winner"] == "kfac.eigh"} == {""}
    assert plot.stat().st_size > 5000
