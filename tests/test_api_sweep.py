"""Sweeps, comparisons, whole runs and maps from Python: what the command line says, faults and tables included."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import costmodel
from costmodel import InputError, load_workload, project
from costmodel.cli import app
from costmodel.inputs.loading import load_analog, load_digital
from costmodel.projection.points import evaluate_points
from costmodel.questions.sweep_run import SweepResult
from costmodel.views.compare import CompareReport
from costmodel.views.crossover import CrossoverReport
from costmodel.views.regimes import RegimesReport
from costmodel.views.target import TargetReport

DRAWS = 40
PLAN: dict[str, Any] = {
    "schema": 1,
    "name": "settling",
    "model": "mlp",
    "over": {"analog.relaxation_time": ["1 us", "1 ns"], "kfac.refresh_interval": [10, 100]},
    "methods": ["adam", "thermo.solve"],
}


def command(*arguments: str) -> str:
    """What the command line prints."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def faults(call: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        call()
    return [str(fault) for fault in caught.value.faults]


def plain(contents: dict[str, Any]) -> Any:
    return json.loads(json.dumps(contents))


def test_a_sweep_writes_what_the_command_line_writes(tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text(json.dumps(PLAN), encoding="utf-8")
    command("sweep", str(file), "--out", str(tmp_path / "told.csv"))
    seen: list[tuple[int, int]] = []
    found = costmodel.sweep(file, tmp_path / "called.csv", progress=lambda *each: seen.append(each))
    assert (tmp_path / "told.csv").read_bytes() == (tmp_path / "called.csv").read_bytes()
    assert seen == [(1, 1)]
    table = found.table()
    assert len(table) == 4
    workload = load_workload("mlp", set={"kfac.refresh_interval": 100})
    case = workload, load_digital("h100-sxm"), load_analog("tngd-2024")
    by_hand = evaluate_points(*case, {"relaxation_time": np.array([1e-6])}, methods=["thermo.solve"])
    point = table[(table["analog.relaxation_time [s]"] == 1e-6) & (table["kfac.refresh_interval"] == 100)]
    assert point["thermo.solve.step_s"].item() == pytest.approx(by_hand.step["thermo.solve"].item(), rel=1e-12)


def test_a_sweep_by_dict_and_by_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    by_csv: SweepResult = costmodel.sweep(PLAN, tmp_path / "a.csv")
    by_parquet = costmodel.sweep(PLAN, str(tmp_path / "a.parquet"))
    pd.testing.assert_frame_equal(
        by_csv.table(), by_parquet.table().astype(by_csv.table().dtypes.to_dict()), check_exact=False, rtol=1e-15
    )
    steps = by_csv.table().groupby("kfac.refresh_interval")["thermo.solve.step_s"].max()
    assert steps[10] > steps[100]  # the same refresh, ten times as often


def test_faults_of_a_sweep_come_at_once(tmp_path: Path) -> None:
    wrong = {**PLAN, "over": {"kfac.damping": []}, "draws": -1}
    assert faults(lambda: costmodel.sweep(wrong, tmp_path / "out.csv")) == [
        "plan: draws -1 is not at least 0",
        "plan: over.kfac.damping is empty; an axis needs at least one value",
    ]
    misspelt = {**PLAN, "over": {"analog.relaxtion_time": ["1 us"]}}
    (found,) = faults(lambda: costmodel.sweep(misspelt, tmp_path / "out.csv"))
    assert found.startswith("plan: over.analog.relaxtion_time")
    assert "did you mean 'relaxation_time'" in found
    assert faults(lambda: costmodel.sweep(PLAN, tmp_path / "out.txt")) == [
        f"{tmp_path / 'out.txt'}: ends neither in .parquet nor in .csv"
    ]
    missing = tmp_path / "none.yaml"
    assert faults(lambda: costmodel.sweep(missing, tmp_path / "out.csv")) == [
        f"{missing}: cannot be read: No such file or directory"
    ]


def test_a_comparison_says_what_the_command_line_says() -> None:
    told = json.loads(command("compare", "mlp", "ogbg", "--draws", str(DRAWS), "--format", "json"))
    assert plain(CompareReport(costmodel.compare("mlp", "ogbg", draws=DRAWS)).as_dict()) == told


def test_projections_objects_and_files_are_compared_alike(tmp_path: Path) -> None:
    now = project("mlp", draws=DRAWS)
    file = tmp_path / "earlier.json"
    file.write_text(json.dumps(now.as_dict()), encoding="utf-8")
    found = costmodel.compare(now, file, "mlp", load_workload("mlp"), draws=DRAWS)
    assert found.names == ("mlp", "earlier", "mlp (2)", "mlp (3)")
    assert {move.factor for move in found.moves} == {1.0}
    assert len(found.differences_table()) == 0


def test_tables_of_a_comparison() -> None:
    slower = project("mlp", set={"analog.relaxation_time": "1 ms"}, draws=DRAWS)
    found = costmodel.compare(project("mlp", draws=DRAWS), slower, names=["now", "slower"])
    assert found.differences_table().loc["analog.relaxation_time", "slower"] == 1e-3
    table: Any = found.table().set_index(["projection", "method"])
    ratio = slower.methods["thermo.solve"].step_time.median / table.loc[("now", "thermo.solve"), "step_time_s_median"]
    assert table.loc[("slower", "thermo.solve"), "over_first"] == pytest.approx(ratio)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: costmodel.compare("mlp"), "compare: give at least two models, cards or files"),
        (lambda: costmodel.compare("mlp", "mlp"), "compare: 'mlp' is given twice"),
        (lambda: costmodel.compare("mlp", "ogbg", names=["one"]), "names: 1 names for 2 to compare"),
        (lambda: costmodel.target("nomodel"), "nomodel: unknown model 'nomodel'"),
        (lambda: costmodel.target("mlp", set={"training": {}}), "adam_steps"),
        (lambda: costmodel.regimes("mlp", across="link", up="link"), "is on both sides"),
        (lambda: costmodel.crossover("mlp", over="link", scenario="best"), "scenario: unknown scenario 'best'"),
        (lambda: costmodel.crossover("mlp", over="link", low=3.0, high=2.0), "that is no range above 0"),
    ],
)
def test_faults_are_those_of_the_command_line(call: Any, message: str) -> None:
    assert any(message in each for each in faults(call))


def test_the_faults_of_all_that_is_compared_come_at_once() -> None:
    found = faults(lambda: costmodel.compare("mpl", "h100", model="mlp", draws=DRAWS))
    assert len(found) == 2


def test_a_target_says_what_the_command_line_says() -> None:
    told = json.loads(command("target", "ogbg", "--draws", str(DRAWS), "--format", "json"))
    found = costmodel.target("ogbg", draws=DRAWS)
    assert plain(TargetReport(found).as_dict()) == told
    table: Any = found.table().set_index("method")
    steps = found.adam_steps.value
    assert table.loc["adam", "time_to_target_s_median"] == pytest.approx(
        steps * table.loc["adam", "step_time_s_median"], rel=0.2
    )


def test_tables_of_questions() -> None:
    found = costmodel.crossover(
        "mlp", over="relaxation_time", method="thermo.columns", against="kfac.eigh", draws=DRAWS
    )
    assert found.table()["value"].tolist() == [tie.value for tie in found.ties]
    curve = found.curve_table()
    assert np.array_equal(curve["speedup_median"], found.ratio[1])
    never = costmodel.crossover("mlp", over="link", method="thermo.best", against="kfac.best", draws=DRAWS)
    assert len(never.table()) == len(never.ties)
    assert CrossoverReport(never).records()  # one row that says so, where a table of crossings is empty
    needed = costmodel.require("mlp", speedup=1.1, over="kfac.eigh", draws=20).table()
    assert set(needed["change"]) == set(range(1, len(set(needed["change"])) + 1))


def test_a_map_says_what_the_command_line_says() -> None:
    told = json.loads(command("crossover", "mlp", "--map", "link", "arrays", "--format", "json"))
    found = costmodel.regimes("mlp", across="link", up="arrays")
    assert plain(RegimesReport(found).as_dict()) == told
    table = found.table()
    assert len(table) == len(found.rows) * len(found.columns)
    assert table["winner"].tolist() == [name for row in found.winner for name in row]
