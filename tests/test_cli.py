"""The command line as its users run it: every model on every card, every format, exit codes and messages."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from costmodel.cli import main
from costmodel.inputs.loading import catalog_names, load_card, load_workload
from costmodel.machines.cards import AnalogCard
from costmodel.quantities.estimate import Estimate

WORKLOADS = catalog_names("models")
TRACED = [name for name in WORKLOADS if "read by costmodel trace" in load_workload(name).source]
ANALOG = [name for name in catalog_names("cards") if isinstance(load_card(name), AnalogCard)]
DIGITAL = [name for name in catalog_names("cards") if name not in ANALOG]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command."""
    old = sys.argv
    sys.argv = ["costmodel", *arguments]
    try:
        main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.argv = old
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_catalog_holds_what_is_promised() -> None:
    assert {
        "imagenet_vit", "imagenet_resnet", "ogbg", "wmt", "fastmri", "criteo1tb", "librispeech_conformer",
        "librispeech_deepspeech", "mlp", "gpt",
    } <= set(WORKLOADS)  # fmt: skip
    assert {"rtx-a6000", "a100-sxm", "h100-sxm"} <= set(DIGITAL)
    assert {"tngd-2024", "spu-2023", "sram-2026", "scaled"} <= set(ANALOG)


def pairs(workload: str) -> list[tuple[str, str]]:
    """Pairs of cards: one for a model that was traced; for any other each card at least once, in other pairs."""
    if workload in TRACED:
        return [(DIGITAL[0], ANALOG[0])]
    first = [each for each in WORKLOADS if each not in TRACED].index(workload)
    count = max(len(DIGITAL), len(ANALOG))
    return [(DIGITAL[(first + index) % len(DIGITAL)], ANALOG[index % len(ANALOG)]) for index in range(count)]


def test_every_pair_of_cards_is_met() -> None:
    met = {pair for workload in WORKLOADS for pair in pairs(workload)}
    assert met == {(digital, analog) for digital in DIGITAL for analog in ANALOG}


@pytest.mark.parametrize("workload", WORKLOADS)
def test_every_model_on_every_card(workload: str, capsys: pytest.CaptureFixture[str]) -> None:
    for digital, analog in pairs(workload):
        cards = ("--digital", digital, "--analog", analog)
        code, out, err = run(capsys, "project", workload, *cards, "--draws", "50", "--format", "json")
        assert (code, err) == (0, "")
        answer = json.loads(out)  # allow_nan=False: no NaN and no inf can be in it
        for method in answer["methods"].values():
            step = method["step_time_s"]
            assert 0 < step["p05"] <= step["median"] <= step["p95"]
            assert all(phase["p05"] >= 0 for phase in method["phases"].values())
        assert len(answer["layers"]) == len(load_workload(workload).layers)
        assert all(row["source"] and row["status"] for row in answer["assumptions"])


def test_project_json_contract(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "project", "imagenet_vit", "--format", "json")
    answer = json.loads(out)
    assert answer["schema"] == 2
    assert {"model", "digital", "analog", "methods", "speedup", "layers", "assumptions"} <= set(answer)
    for name in ("sgd", "adam", "kfac.cholesky", "thermo.inverse", "thermo.solve"):
        assert set(answer["methods"][name]["step_time_s"]) == {"median", "p05", "p95", "status"}
        assert {"kfac.best", "adam"} <= set(answer["speedup"][name])
    assert set(answer["methods"]["thermo.inverse"]["phases"]) >= {"upload", "settle", "sample", "readout"}
    assert set(answer["methods"]["thermo.solve"]["phases"]) >= {"upload", "settle", "average", "readout"}
    step = answer["methods"]["kfac.cholesky"]
    assert step["step_time_s"]["median"] == pytest.approx(
        sum(phase["median"] for phase in step["phases"].values()), rel=0.1
    )


def test_counts_json_contract(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(
        capsys, "counts", "mlp", "--set", "parameters.depth=1", "--set", "batch_size=10", "--format", "json"
    )
    answer = json.loads(out)
    # 784 -> 1024 -> 10 with biases, 10 rows
    squares = 785**2 + 1024**2 + 1025**2 + 10**2
    cubes = 785**3 + 1024**3 + 1025**3 + 10**3
    assert answer["phases"] == {
        "forward_backward": {"flops": 10 * (4 * 784 * 1024 + 6 * 1024 * 10), "other_flops": 0},
        "factors": {"expand_flops": 20 * squares, "reduce_flops": 20 * squares},
        "inversion": {"cholesky_flops": cubes, "eigh_flops": 9 * cubes},
        "precondition": {"flops": 2 * 785 * 1024 * (785 + 1024) + 2 * 1025 * 10 * (1025 + 10)},
    }


@pytest.mark.parametrize("verb", [("project", "ogbg"), ("counts", "ogbg"), ("explain", "thermo.solve"), ("catalog",)])
def test_formats(verb: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("table", "json", "csv", "markdown"):
        code, out, _ = run(capsys, *verb, "--format", name)
        assert code == 0
        if name == "json":
            assert json.loads(out)["schema"] == 2
        elif name == "csv":
            rows = list(csv.reader(io.StringIO(out)))
            assert len(rows) > 2
            assert len({len(row) for row in rows}) == 1
        else:
            assert len(out.splitlines()) > 5


@pytest.mark.parametrize("output", ["table", "json", "csv", "markdown"])
def test_a_result_out_of_all_proportion_is_refused(
    output: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Estimate, "of", lambda draws, status: Estimate(float("nan"), 0.0, float("inf"), status))
    code, out, err = run(capsys, "project", "mlp", "--draws", "20", "--format", output)
    assert (code, out) == (2, "")
    assert err.splitlines()[1] == "result: methods.sgd.phases.forward_backward.median is nan, not a finite number"
    assert len(err.splitlines()) == 6


def test_a_formula_without_symbols_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "explain", "muon.products", "--format", "csv")
    assert (code, err) == (0, "")
    (row,) = csv.DictReader(io.StringIO(out))
    assert (row["formula"], row["symbol"], row["value"]) == ("muon.products", "", "")


def test_a_terminal_that_lacks_a_letter_shows_its_code() -> None:
    command = [sys.executable, "-m", "costmodel", "project", "mlp", "--draws", "20", "--set", "model.title=λ"]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    done = subprocess.run(command, capture_output=True, check=True, env=environment)
    assert "\\u03bb" in done.stdout.decode("latin-1")


def test_csv_keeps_all_digits(capsys: pytest.CaptureFixture[str]) -> None:
    _, text, _ = run(capsys, "project", "ogbg", "--format", "csv")
    _, details, _ = run(capsys, "project", "ogbg", "--details", "--format", "csv")
    _, out, _ = run(capsys, "project", "ogbg", "--format", "json")
    methods = {row["method"]: row for row in csv.DictReader(io.StringIO(text))}
    phases = {(row["method"], row["phase"]): row for row in csv.DictReader(io.StringIO(details))}
    answer = json.loads(out)
    found = answer["methods"]["thermo.solve"]
    assert float(methods["thermo.solve"]["step_time_s_median"]) == found["step_time_s"]["median"]
    assert float(phases["thermo.solve", "settle"]["time_s_p95"]) == found["phases"]["settle"]["p95"]
    assert len(methods) == len(answer["methods"])
    assert {row["phase"] for row in csv.DictReader(io.StringIO(details))} >= {"settle", "forward_backward"}


def test_records_are_what_pandas_takes(capsys: pytest.CaptureFixture[str]) -> None:
    """One row a method with its speedups, energy, cards and status; no cell of a table holds a table."""
    _, out, _ = run(capsys, "project", "ogbg", "--draws", "20", "--format", "json")
    answer = json.loads(out)
    for records, lists in (("method_records", len(answer["methods"])), ("judgements", 3)):
        frame = pd.json_normalize(answer, records)
        assert len(frame) == lists
        assert not frame.map(lambda cell: isinstance(cell, dict | list)).any(axis=None)
    frame = pd.json_normalize(answer, "method_records").set_index("method")
    row = frame.loc["thermo.solve"]
    assert row["speedup_over_best_digital_p05"] == answer["speedup"]["thermo.solve"]["kfac.best"]["p05"]
    assert (row["model"], row["digital"], row["analog"]) == ("ogbg", "h100-sxm", "tngd-2024")
    assert (row["family"], row["step_time_s_status"]) == ("thermo.solve", "assumed")
    assert row["energy_j_median"] == answer["methods"]["thermo.solve"]["energy_j"]["median"]
    phases = pd.json_normalize(answer, "phase_records")
    assert phases[phases["method"] == "thermo.solve"]["share"].sum() == pytest.approx(1, rel=0.2)


def test_verdict_says_no_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "project", "imagenet_vit", "--format", "markdown")
    answer, *_, why, change = [line for line in out.splitlines() if line.startswith("**")][:3]
    assert answer.startswith("**No:** tngd-2024 does not pay off for ViT-S/16 on ImageNet (AlgoPerf). ")
    assert "a solver that took no time at all would make it 0.91% faster" in why
    assert change.startswith("**What would change it:** ")


def test_explain_a_symbol_and_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "explain", "thermo.solve.settle.time", "--format", "json")
    (formula,) = json.loads(out)["formulas"]
    symbols = {entry["symbol"]: entry for entry in formula["symbols"]}
    assert formula["unit"] == "s"
    assert symbols["tau"]["quantities"][0]["path"] == "analog.relaxation_time"
    assert symbols["tau"]["quantities"][0]["value"] == 1e-6
    assert symbols["n"]["sizes"] == [384, 1537]  # factors of ViT-S/16


def test_all_faults_of_model_and_cards_come_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "m.yaml"
    model.write_text("schema: 1\nname: x\nbatch_size: 0\nlayers:\n  - {name: a, kind: linear, d_in: 1, d_out: 0}\n")
    code, out, err = run(
        capsys, "project", str(model), "--digital", "a100-sxm", "--analog", "tgnd-2024",
        "--set", "digital.operations.gemm.rate=3",
    )  # fmt: skip
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "--set: operations.gemm.rate missing unit: 3 needs one, like '20 TFLOP/s'",
        f"{model}:3:1 batch_size 0 is not at least 1",
        f"{model}:5:38 layers.0.d_out 0 is not at least 1",
        "tgnd-2024: unknown card 'tgnd-2024'; did you mean 'tngd-2024'?",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("explain", "thermo.sovle"),
         "thermo.sovle: unknown name 'thermo.sovle'; did you mean 'thermo.solve'?"),
        (("catalog", "devcies"), "devcies: unknown section 'devcies'; did you mean 'devices'?"),
        (("project", "mlp", "--digital", "tngd-2024"), "--digital: 'tngd-2024' is an analog card"),
        (("predict", "eigh", "--n", "8", "--card", "tngd-2024"), "--card: 'tngd-2024' is an analog card"),
        (("counts", "mlp", "--set", "relaxation_time=nonsense"),
         "--set: relaxation_time is a key of the analog card; only the model is read here"),
        (("project", "mlp", "--set", "damping=1e-2"),
         "--set: damping unknown key 'damping'; did you mean 'kfac.damping'?"),
        (("project", "mlp", "--set", "lambda=1e-2"),
         "--set: lambda unknown key 'lambda'; did you mean 'kfac.damping'?"),
        (("project", "mlp", "--set", "kappa=100"),
         "--set: kappa unknown key 'kappa'; did you mean 'kfac.condition_number'?"),
        (("project", "mlp", "--set", "tau=1 ns"),
         "--set: tau unknown key 'tau'; did you mean 'relaxation_time'?"),
        (("project", "mlp", "--set", "interval=5"),
         "--set: interval unknown key 'interval'; did you mean 'kfac.factor_interval' or 'kfac.refresh_interval'?"),
        (("project", "mlp", "--analog", "h100-sxm"), "--analog: 'h100-sxm' is a digital card"),
        (("project", "mlp", "--devices", "2000"),
         "--set: devices 2000 devices share 1024 examples of a step; at most one device an example"),
        (("project", "mlp", "--devices", "8", "--digital", "rtx-a6000"),
         "mlp: devices card rtx-a6000 has no interconnect_bandwidth and no interconnect_latency, which 8 devices need"),
        (("project", "mlp", "--digital", "v100", "--set", "model.precision=bfloat16"),
         "mlp: precision card v100 has no bfloat16; it has float32, float16"),
    ],
)  # fmt: skip
def test_wrong_names(arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, *arguments) == (2, "", message + "\n")


def test_devices_share_the_batch(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "project", "mlp", "--devices", "8", "--draws", "20", "--format", "json")
    answer = json.loads(out)
    assert (code, answer["model"]["devices"], answer["model"]["batch_size"]) == (0, 8, 1024)
    assert answer["methods"]["adam"]["phases"]["gradient_all_reduce"]["median"] > 0
    assert answer["methods"]["adam"]["memory_bytes"]["fits"] is True


def test_as_a_process_without_torch_and_the_same_bytes_twice() -> None:
    program = (
        "import sys; sys.modules['torch'] = None; sys.argv = ['costmodel', 'project', 'gpt', '--format', 'json'];"
        "from costmodel.cli import main; main()"
    )
    first, second = (subprocess.run([sys.executable, "-c", program], capture_output=True, check=True) for _ in range(2))
    assert first.stdout == second.stdout
    assert json.loads(first.stdout)["model"]["parameters"] == 124_439_808


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['costmodel', '--help']\n"
        "from costmodel.cli import main\n"
        "try:\n    main()\n"
        "finally:\n    print(sorted({'numpy', 'sympy', 'pandas', 'yaml'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout
    assert output.splitlines()[-1] == "[]"


def test_tables_leave_out_what_the_machine_cannot_run_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """tngd-2024 gives no oscillation time, and no card describes the correlators of Method 1."""
    arguments = ("project", "mlp", "--draws", "20", "--format", "markdown")
    _, out, _ = run(capsys, *arguments)
    _, every, _ = run(capsys, *arguments, "--all")
    assert "thermo.columns.underdamped" not in out
    assert "| thermo.columns.underdamped |" in every
    assert "--all shows all 45 methods" in out
    assert "\\* given what the card does not describe: analog correlators on every pair of cells" in out
