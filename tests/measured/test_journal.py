"""Timing files: every kind of bad one gives its line and what to do; a kill costs one line."""

import json
from pathlib import Path

import pytest

from costmodel.inputs.faults import InputError
from tests.measured.synthetic import HEADER, full_file, timing_line, write
from tests.test_cli import run
from validation.measure import journal

GOOD = timing_line("gemm", 64, 1e-5)
LAYER = {"kind": "linear", "rows": 8, "d": 4, "a": 5, "g": 3, "input_elements": 32}
MODEL = {
    "kind": "model", "model": "net", "layers": [LAYER], "attention_flops": 0.0, "activations": 0.0, "parameters": 15,
    "tensors": 2,
}  # fmt: skip


def faults(file: Path) -> list[str]:
    with pytest.raises(InputError) as error:
        journal.read(file)
    return [line.replace(f"{file.parent}/", "") for line in str(error.value).splitlines()]


@pytest.mark.parametrize(("lines", "expected"), [
    ([{**GOOD, "min_s": -1e-5}], ["t.jsonl:2:1 min_s a time of -1e-05 s is not above 0"]),
    ([{**GOOD, "median_s": 0}], ["t.jsonl:2:1 median_s a time of 0 s is not above 0"]),
    ([{**GOOD, "min_s": "fast"}], ["t.jsonl:2:1 min_s expected a number, found 'fast'"]),
    ([{**GOOD, "n": 64.5}], ["t.jsonl:2:1 n expected a whole number, found 64.5"]),
    ([{**GOOD, "n": True}], ["t.jsonl:2:1 n expected a whole number, found True"]),
    ([{**GOOD, "op": "gem"}], ["t.jsonl:2:1 op unknown operation 'gem'; did you mean 'gemm'?"]),
    ([{**GOOD, "speed": 1}], ["t.jsonl:2:1 speed unknown key of a timing"]),
    ([{key: value for key, value in GOOD.items() if key != "q3_s"}], ["t.jsonl:2:1 q3_s is missing"]),
    ([GOOD, GOOD], ["t.jsonl:3:1 round round 0 of this point is given twice, first in line 2"]),
    ([{"kind": "tming"}], ["t.jsonl:2:1 kind 'tming' is none of environment, timing, model"]),
    ([{**HEADER, "name": "other processor"}],
     ["t.jsonl:2:1 timings of another machine or software: 'other processor' after 'test processor'; keep a file for "
      "each"]),
    ([{**HEADER, "schema": 2}], ["t.jsonl:2:1 schema 2 is not 1"]),
    ([{"kind": "model", "model": "net", "layers": [{"kind": "linear"}]}],
     ["t.jsonl:2:1 layers not the sizes of a network: it lacks rows, d, a, g, input_elements"]),
    ([{**GOOD, "min_s": -1.0}, {**GOOD, "q1_s": -1.0, "round": 1}],
     ["t.jsonl:2:1 min_s a time of -1 s is not above 0", "t.jsonl:3:1 q1_s a time of -1 s is not above 0"]),
    ([{**GOOD, "n": 0}], ["t.jsonl:2:1 n 0 is not above 0"]),
    ([{**GOOD, "q1_s": 10**400}], ["t.jsonl:2:1 q1_s is above 1e+09"]),
    ([{**MODEL, "layers": [{**LAYER, "rows": "8"}]}],
     ["t.jsonl:2:1 layers.0.rows expected a whole number from 0 to 1e+30"]),
    ([{**MODEL, "model": []}], ["t.jsonl:2:1 model expected text, found []"]),
    ([{**MODEL, "activations": 1e300}], ["t.jsonl:2:1 activations expected a number from 0 to 1e+30"]),
    ([{**HEADER, "cores": [2]}], ["t.jsonl:2:1 cores expected a whole number from 0 to 1e+30"]),
    ([{"kind": ["timing"]}], ["t.jsonl:2:1 kind '['timing']' is none of environment, timing, model"]),
    ([{"kind": "model", "model": "net", "layers": 1.5}],
     ["t.jsonl:2:1 layers not the sizes of a network: it lacks layers"]),
])  # fmt: skip
def test_faults(lines: list[dict[str, object]], expected: list[str], tmp_path: Path) -> None:
    assert faults(write(tmp_path / "t.jsonl", lines)) == expected


@pytest.mark.parametrize(("text", "expected"), [
    (json.dumps(HEADER) + "\n" + json.dumps(GOOD)[:40],
     "t.jsonl:2:41 the file is cut off here; run measure with the same --out again, or delete this line"),
    (json.dumps(HEADER) + "\n{}}\n" + json.dumps(GOOD) + "\n", "t.jsonl:2:3 not valid JSON: extra data"),
    (json.dumps(HEADER) + "\n" + json.dumps(GOOD).replace("1e-05", "NaN", 1) + "\n",
     "t.jsonl:2:1 not valid JSON: nan is no number"),
    ("", "t.jsonl: holds no environment line; was it written by measure?"),
    (json.dumps(GOOD) + "\n",
     "t.jsonl:1:1 comes before the environment line, so nothing says where it was measured"),
    (json.dumps(HEADER) + "\n" + json.dumps(GOOD).replace("1e-05", "1e400", 1) + "\n",
     "t.jsonl:2:1 min_s inf is above 1e+09"),
    (json.dumps(HEADER) + "\n" + "[" * 100_000 + "\n", "t.jsonl:2:1 not valid JSON: nested too deeply"),
    ("n,seconds\n64,1e-5\n", "t.jsonl:1:1 not valid JSON: expecting value"),
])  # fmt: skip
def test_text_faults(text: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    file.write_text(text)
    assert faults(file)[0] == expected


@pytest.mark.parametrize(("arguments", "expected"), [
    (["--budget", "3 min"], "--budget: '3 min' is not a time like 90s, 3m or 1h"),
    (["--threads", "\u00b2"], "--threads: '\u00b2' is not a list of thread counts like 1 or 1,2"),
    (["--threads", "0"], "--threads: '0' is not a list of thread counts like 1 or 1,2"),
    (["--device", "gpu"], "--device: 'gpu' is none of cpu, cuda"),
    (["--operations", "gem"], "--operations: unknown operation 'gem'; did you mean 'gemm'?"),
    (["--dtypes", "float16"], "--dtypes: unknown dtype 'float16'; did you mean 'float64'?"),
])  # fmt: skip
def test_measure_options(
    arguments: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    code, out, err = run(capsys, "measure", "--out", str(tmp_path / "t.jsonl"), *arguments)
    assert (code, out, err.splitlines()) == (2, "", [expected])


def test_measure_refuses_to_go_on_with_the_file_of_another_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    file = write(tmp_path / "t.jsonl", [GOOD])
    code, _, err = run(capsys, "measure", "--out", str(file), "--budget", "1s")
    assert code == 2
    assert err == f"{file}:1:1 was measured on another machine or software; choose another --out\n"


def test_too_few_sizes_for_a_law(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = full_file(tmp_path / "t.jsonl", ("gemm", "cholesky", "cholesky_inverse", "eigh"))
    with file.open("a") as stream:
        for n in (16, 32, 64):
            stream.write(json.dumps(timing_line("ema", n, 1e-5)) + "\n")
    code, _, err = run(capsys, "calibrate", str(file), "--out", str(tmp_path / "card.yaml"))
    assert (code, err) == (2, f"{file}: too few sizes for a law of ema: 3, needs 6; measure longer\n")
    assert not (tmp_path / "card.yaml").exists()


def test_several_thread_counts_want_a_choice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = full_file(tmp_path / "t.jsonl")
    with file.open("a") as stream:
        stream.write(json.dumps(timing_line("gemm", 16, 1e-5, threads=2)) + "\n")
    card = str(tmp_path / "card.yaml")
    code, _, err = run(capsys, "calibrate", str(file), "--out", card)
    assert (code, err) == (2, f"{file}: has timings with 1 and 2 threads; choose with --threads\n")
    assert run(capsys, "calibrate", str(file), "--out", card, "--threads", "1")[0] == 0
    code, _, err = run(capsys, "calibrate", str(file), "--out", card, "--threads", "4")
    assert (code, err) == (2, f"{file}: has no timings with 4 threads; it has 1, 2\n")


def test_a_digest_knows_visits_in_any_order(tmp_path: Path) -> None:
    first = journal.read(write(tmp_path / "a.jsonl", [GOOD, {**GOOD, "round": 1}])).timings
    other = journal.read(write(tmp_path / "b.jsonl", [GOOD, {**GOOD, "round": 1, "q1_s": 2e-5}])).timings
    assert journal.digest(first) == journal.digest(first[::-1])
    assert journal.digest(first) != journal.digest(other)
