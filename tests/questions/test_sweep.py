"""Sweeps: the grid and its estimator, files that are resumed, bad input; the cluster is in test_sweep_cluster.py."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from costmodel.cli import app
from costmodel.inputs import files
from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import load_analog, load_digital, load_workload
from costmodel.inputs.sweep_file import SweepPlan, read_sweep
from costmodel.projection.points import evaluate_points
from costmodel.projection.project import project
from costmodel.questions.sweep_run import here, run

SWEEP = """\
schema: 1
name: small
model: mlp
over:
  batch_size: [128, 256]
  analog.relaxation_time: {logspace: [1 ns, 1 us], points: 4}
  kfac.refresh_interval: [10, 100]
methods: [adam, thermo.solve]
columns: [step, best]
"""


def plan_of(folder: Path, text: str = SWEEP) -> SweepPlan:
    file = folder / "sweep.yaml"
    file.write_text(text, encoding="utf-8")
    return read_sweep(file)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        plan_of(folder, text)
    return [str(fault).replace(f"{folder}/", "") for fault in caught.value.faults]


def test_the_grid_by_hand(tmp_path: Path) -> None:
    run(plan_of(tmp_path), tmp_path / "out.csv")
    head, *rows = [line.split(",") for line in (tmp_path / "out.csv").read_text().splitlines()]
    assert head == [
        "model", "digital", "analog", "batch_size", "analog.relaxation_time [s]", "kfac.refresh_interval",
        "adam.step_s", "thermo.solve.step_s", "best",
    ]  # fmt: skip
    assert len(rows) == 2 * 4 * 2
    assert [float(row[3]) for row in rows] == [128.0] * 8 + [256.0] * 8
    assert [float(row[5]) for row in rows] == [10.0, 100.0] * 8
    # A step of the projection's own estimator, its model with the settings of the last row.
    workload = load_workload("mlp", ["batch_size=256", "kfac.refresh_interval=100"])
    hardware = load_digital("h100-sxm"), load_analog("tngd-2024", ["relaxation_time=1 us"])
    known = evaluate_points(workload, *hardware, {}, methods=["adam", "thermo.solve"]).step
    assert [float(each) for each in rows[-1][6:8]] == pytest.approx([known["adam"][0], known["thermo.solve"][0]])
    assert rows[-1][8] == "adam"


def test_draws_give_the_intervals_of_a_projection(tmp_path: Path) -> None:
    text = SWEEP.replace("columns: [step, best]", "draws: 50\nseed: 3").replace("[128, 256]", "[256]")
    run(plan_of(tmp_path, text), tmp_path / "out.csv")
    head, *rows = [line.split(",") for line in (tmp_path / "out.csv").read_text().splitlines()]
    found = dict(zip(head, rows[-1], strict=True))
    workload = load_workload("mlp", ["batch_size=256", "kfac.refresh_interval=100"])
    hardware = load_digital("h100-sxm"), load_analog("tngd-2024", ["relaxation_time=1 us"])
    step = project(workload, *hardware, draws=50, seed=3).methods["thermo.solve"].step_time
    for name in ("median", "p05", "p95"):
        assert float(found[f"thermo.solve.step_{name}_s"]) == pytest.approx(getattr(step, name), rel=1e-9)


def test_parquet_holds_what_csv_holds(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    plan = plan_of(tmp_path)
    run(plan, tmp_path / "out.csv", length=3)
    run(plan, tmp_path / "out.parquet", length=3)
    table = pq.read_table(tmp_path / "out.parquet")
    rows = [line.split(",") for line in (tmp_path / "out.csv").read_text().splitlines()]
    assert table.column_names == rows[0]
    assert [[str(value) for value in row.values()] for row in table.to_pylist()] == rows[1:]
    assert table.schema.field("analog.relaxation_time [s]").metadata[b"unit"] == b"s"


def test_several_models_and_cards_are_axes_and_what_one_lacks_is_empty(tmp_path: Path) -> None:
    text = SWEEP.replace("model: mlp", "model: [mlp, ogbg]\ndigital: [h100-sxm, a100-sxm]").replace(
        "columns: [step, best]", "columns: [step, phases]"
    )
    run(plan_of(tmp_path, text), tmp_path / "out.csv")
    rows = [line.split(",") for line in (tmp_path / "out.csv").read_text().splitlines()]
    assert len(rows) == 1 + 2 * 2 * 16
    assert {(row[0], row[1]) for row in rows[1:]} == {(m, d) for m in ("mlp", "ogbg") for d in ("h100-sxm", "a100-sxm")}
    phases = [index for index, name in enumerate(rows[0]) if name.startswith("adam.") and name != "adam.step_s"]
    for row in rows[1:]:
        total = sum(float(row[index] or 0) for index in phases)
        assert total == pytest.approx(float(row[rows[0].index("adam.step_s")]))


def test_a_run_cut_off_goes_on_with_the_same_bytes(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    run(plan, tmp_path / "whole.csv", length=3)
    out = tmp_path / "out.csv"

    def dies(plan: SweepPlan, chunks: object) -> object:
        for count, each in enumerate(here(plan, chunks)):  # type: ignore[arg-type]
            if count == 2:
                raise RuntimeError
            yield each

    with pytest.raises(RuntimeError):
        run(plan, out, length=3, runner=dies)  # type: ignore[arg-type]
    assert not out.exists()
    result = run(plan, out, length=3)
    assert (result.kept, result.chunks) == (2, 6)  # chunks do not reach over the two batch sizes
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("out")) == [
        "out.csv", "out.csv.sweep.json",
    ]  # fmt: skip


KILLED = """\
import sys, time
from pathlib import Path
from costmodel.inputs.sweep_file import read_sweep
from costmodel.questions.sweep_run import here, run

def slow(plan, chunks):
    for each in here(plan, chunks):
        time.sleep(0.05)
        yield each

run(read_sweep(Path(sys.argv[1])), Path(sys.argv[2]), length=1, runner=slow)
"""


def test_kill_9_loses_and_doubles_nothing(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    run(plan, tmp_path / "whole.csv", length=1)
    out = tmp_path / "out.csv"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "sweep.yaml"), str(out)], cwd=Path(__file__).parents[2]
    )
    parts = tmp_path / "out.csv.parts"
    while len(list(parts.glob("[0-9]*.npy"))) < 3 and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not out.exists()
    result = run(plan, out, length=1)
    assert 3 <= result.kept < result.chunks == 16
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_full_disk_keeps_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, out = plan_of(tmp_path), tmp_path / "out.csv"
    run(plan, tmp_path / "whole.csv", length=3)
    whole, written = files._write, []

    def full(target: Path, data: bytes) -> None:
        if target.suffix == ".npy" and len(written) == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        written.append(target)
        whole(target, data)

    monkeypatch.setattr(files, "_write", full)
    with pytest.raises(InputError) as caught:
        run(plan, out, length=3)
    assert str(caught.value) == (
        f"{out}: cannot be written: No space left on device; 3 of 6 chunks are kept, "
        "the same command goes on from there"
    )  # the first write is the journal's
    monkeypatch.undo()
    assert run(plan, out, length=3).kept == 3
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_damaged_chunk_is_made_anew(tmp_path: Path) -> None:
    plan, out = plan_of(tmp_path), tmp_path / "out.csv"
    run(plan, tmp_path / "whole.csv", length=3)

    def dies(plan: SweepPlan, chunks: object) -> object:
        yield next(here(plan, chunks))  # type: ignore[call-overload]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run(plan, out, length=3, runner=dies)  # type: ignore[arg-type]
    part = tmp_path / "out.csv.parts" / "00000000.npy"
    part.write_bytes(part.read_bytes()[:-9])
    with pytest.raises(InputError) as caught:
        run(plan, out, length=3)
    assert str(caught.value) == f"{part}: was damaged and is thrown away; the same command makes it anew"
    run(plan, out, length=3)
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_file_of_another_sweep_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    run(plan_of(tmp_path), out)
    before = out.read_bytes()
    other = plan_of(tmp_path, SWEEP.replace("[10, 100]", "[10, 50]"))
    with pytest.raises(InputError) as caught:
        run(other, out)
    message = "is of another sweep, or of another version of it; give another --out, or --restart to throw it away"
    assert str(caught.value) == f"{out}: {message}"
    assert out.read_bytes() == before
    run(other, out, restart=True)
    assert out.read_bytes() != before
    foreign = tmp_path / "notes.csv"
    foreign.write_text("mine")
    with pytest.raises(InputError) as caught:
        run(other, foreign)
    assert str(caught.value) == f"{foreign}: exists; give another --out, or --restart to throw it away"
    assert foreign.read_text() == "mine"


def test_a_finished_sweep_is_not_run_again(tmp_path: Path) -> None:
    plan, out = plan_of(tmp_path), tmp_path / "out.csv"
    run(plan, out)

    def never(plan: SweepPlan, chunks: object) -> object:
        raise AssertionError

    assert run(plan, out, runner=never).kept == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("model: mlp", "modle: mlp"), ["sweep.yaml:1:1 model is missing",
            "sweep.yaml:3:1 modle unknown key 'modle'; did you mean 'model'?"]),
        (("relaxation_time", "relaxaton_time"),
            ["sweep.yaml:6:3 over.analog.relaxaton_time unknown key 'relaxaton_time'; did you mean "
            "'relaxation_time'?"]),
        (("1 ns, 1 us", "1 nm, 1 us"), None),
        (("logspace", "logspce"),
            ["sweep.yaml:6:3 over.analog.relaxation_time unknown key 'logspce'; did you mean 'logspace'?"]),
        (("points: 4", "points: 1"), ["sweep.yaml:6:3 over.analog.relaxation_time points is 1; a range has a whole "
            "number of them, from 2 to 1000000"]),
        (("[10, 100]", "[]"), ["sweep.yaml:7:3 over.kfac.refresh_interval is empty; an axis needs at least one value"]),
        (("[10, 100]", "[10, 10]"),
            ["sweep.yaml:7:3 over.kfac.refresh_interval 10 is given twice; its points would be doubled"]),
        (("[10, 100]", "[10, 0]"), ["sweep.yaml:7:3 over.kfac.refresh_interval 0 is not at least 1"]),
        (("thermo.solve]", "thermo.slove]"),
            ["sweep.yaml:8:17 methods.1 unknown method 'thermo.slove'; did you mean 'thermo.solve'?"]),
        (("columns: [step, best]", "columns: [stp]"),
            ["sweep.yaml:9:11 columns.0 'stp' is none of step, phases, best"]),
    ],
)  # fmt: skip
def test_faults_have_their_place(tmp_path: Path, change: tuple[str, str], expected: list[str] | None) -> None:
    found = faults(tmp_path, SWEEP.replace(*change))
    if expected is None:
        assert len(found) == 1
        assert found[0].startswith("sweep.yaml:6:3 over.analog.relaxation_time ")
    else:
        assert found == expected


def test_faults_of_all_that_is_named_come_at_once(tmp_path: Path) -> None:
    text = SWEEP.replace("model: mlp", "model: [mlp, mpl]\ndigital: h100-sx\nset: {kfac.damping: -1}")
    assert faults(tmp_path, text.replace("[10, 100]", "[10, 0]")) == [
        "sweep.yaml:3:1 model unknown model 'mpl'; did you mean 'mlp'?",
        "sweep.yaml:4:1 digital unknown card 'h100-sx'; did you mean 'h100-sxm'?",
        "sweep.yaml:5:7 set.kfac.damping damping = -1 is outside its domain 0 < lambda",
        "sweep.yaml:9:3 over.kfac.refresh_interval 0 is not at least 1",
    ]


def test_the_command_line(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    file, out = tmp_path / "sweep.yaml", tmp_path / "out.csv"
    file.write_text(SWEEP)
    shown = CliRunner().invoke(app, ["sweep", str(file), "--out", str(out)])
    assert shown.exit_code == 0
    assert f"{out}: 16 points, 9 columns." in shown.stdout.replace("\n", " ")
    assert np.loadtxt(out, delimiter=",", skiprows=1, usecols=6).shape == (16,)
