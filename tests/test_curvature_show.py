"""``curvature show``: tables, formats and plots of a curvature file."""

import csv
import errno
import io
import json
import os
import sys
from pathlib import Path

import pytest

from costmodel.cli import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    old = sys.argv
    sys.argv = ["costmodel", "curvature", "show", *arguments]
    try:
        main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.argv = old
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def lines() -> str:
    """Two steps of a layer by hand: at the second, G is a hundredth and theta with it."""
    A = {"network": "net", "kind": "mlp", "width": 4, "data": "d", "step": 0, "loss": 2.5, "layer": "l.0", "side": "A",
         "n": 4, "rows": 8, "terms": 8, "trace": 8.0, "subspace": False, "eigenvalues": {"1": 4.0, "4": 1.0},
         "smallest": 1.0}  # fmt: skip
    G = {**A, "side": "G", "n": 2, "trace": 0.2, "eigenvalues": {"1": 0.1, "2": 0.1}, "smallest": 0.1}
    low = {"trace": 0.002, "eigenvalues": {"1": 0.001, "2": 0.001}, "smallest": 0.001}
    later = [{**A, "step": 9, "loss": None}, {**G, "step": 9, **low, "loss": None}]
    alone = {**A, "layer": "l.1"}
    return "".join(json.dumps(each) + "\n" for each in (A, G, *later, alone))


def test_show_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    """Theta = 8 / 4 * 0.2 / 2 = 0.2; at damping 0.002 the root is 10, kappa of A 1 + 4 / 2 * 10, of G 1 + 10."""
    Path("f.jsonl").write_text(lines())
    code, out, err = run(capsys, "f.jsonl", "--damping", "0.002", "--format", "csv")
    assert (code, err) == (0, "")
    first, second = csv.DictReader(io.StringIO(out))
    assert (first["layer"], first["role"], first["n_A"], first["n_G"], first["loss"]) == (
        "l.0",
        "first",
        "4",
        "2",
        "2.5",
    )
    for name, value in (
        ("theta", 0.2), ("stable_rank_A", 2), ("stable_rank_G", 2), ("condition_number_A", 21),
        ("condition_number_G", 11),
    ):  # fmt: skip
        assert float(first[name]) == pytest.approx(value, rel=1e-12)
    assert float(second["theta"]) == pytest.approx(0.002, rel=1e-12)
    assert float(second["condition_number_A"]) == pytest.approx(3, rel=1e-12)
    code, out, _ = run(capsys, "f.jsonl", "--damping", "0.002", "--format", "json")
    assert json.loads(out)["damping"] == 0.002
    assert [row["step"] for row in json.loads(out)["layers"]] == [0, 9]
    code, out, _ = run(capsys, "f.jsonl", "--damping", "0.002", "--format", "markdown")
    assert "| net | 9 | first | 1 | 2.0e-03 | 2 | 2 | 3 | 2 |" in out
    assert "| net | first | 0 | 2.5 | 2.0e-01 | 2 | 2 | 21 | 11 |" in out
    assert "1 factors without their partner are left out." in out


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_plots_are_of_the_kind_of_their_name(suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("f.jsonl").write_text(lines())
    assert run(capsys, "f.jsonl", "--plot", f"p.{suffix}")[0] == 0
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix]
    assert Path(f"p.{suffix}").read_bytes().startswith(start)


def test_a_plot_that_cannot_be_written_leaves_the_one_before(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full once everything is drawn."""
    Path("f.jsonl").write_text(lines())
    Path("p.svg").write_text("before")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    message = "--plot: 'p.svg' cannot be written: No space left on device\n"
    assert run(capsys, "f.jsonl", "--plot", "p.svg") == (2, "", message)
    assert Path("p.svg").read_text() == "before"
    assert sorted(each.name for each in Path().iterdir()) == ["f.jsonl", "p.svg"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no.jsonl"], "no.jsonl: cannot be read: No such file or directory"),
        (["f.jsonl", "--damping", "0"], "--damping: 0 is not above 0"),
        (["f.jsonl", "--damping", "nan"], "--damping: nan is not above 0"),
        (["f.jsonl", "--network", "nets"], "--network: unknown network 'nets'; did you mean 'net'?"),
        (["f.jsonl", "--plot", "p.gif"], "--plot: 'p.gif' ends with none of .png, .svg, .pdf"),
        (["f.jsonl", "--plot", "no/p.png"], "--plot: 'no/p.png' cannot be written: No such file or directory"),
        (["half.jsonl"], "half.jsonl: holds no layer of which both factors are known"),
        (["notes.txt"], "notes.txt:1:1 not valid JSON: expecting value"),
    ],
)
def test_what_cannot_be_shown_says_so(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("f.jsonl").write_text(lines())
    Path("half.jsonl").write_text(lines().splitlines()[0])
    Path("notes.txt").write_text("one line")
    assert run(capsys, *arguments) == (2, "", message + "\n")
