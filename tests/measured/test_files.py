"""Files that are written: nothing that was in one is lost, whatever goes wrong."""

import errno
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from costmodel.inputs.faults import InputError
from costmodel.inputs.files import write_text
from tests.measured.synthetic import HEADER, full_file, timing_line, write
from tests.test_cli import run
from validation.measure.timings import Environment
from validation.measure.writing import TimingFile

DENIED = "Permission denied"
HERE = Environment(**{key: value for key, value in HEADER.items() if key not in {"kind", "schema"}})  # type: ignore[arg-type]
GOOD = timing_line("gemm", 64, 1e-5)


def test_a_file_that_is_no_timing_file_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("one line")
    with pytest.raises(InputError, match=r"notes\.txt:1:1 not valid JSON: expecting value"):
        TimingFile(file).take_up(HERE)
    assert file.read_text() == "one line"


@pytest.mark.parametrize("kept", [30, None])
def test_a_line_cut_off_is_taken_off_and_a_whole_one_is_kept(kept: int | None, tmp_path: Path) -> None:
    file = write(tmp_path / "t.jsonl", [GOOD])
    before = file.read_text()
    last = json.dumps({**GOOD, "round": 1})[:kept]
    file.write_text(before + last)
    assert len(TimingFile(file).take_up(HERE).timings) == (1 if kept else 2)
    assert file.read_text() == (before if kept else before + last + "\n")


@pytest.mark.parametrize("length", [0, 5, 60])
def test_a_header_cut_off_is_written_again(length: int, tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    file.write_text(json.dumps(HEADER)[:length])
    assert TimingFile(file).take_up(HERE).timings == []
    assert file.read_text() == json.dumps(HEADER) + "\n"


def test_a_second_process_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    first = TimingFile(file)
    with pytest.raises(InputError, match="another measure is writing it; choose another --out"):
        TimingFile(file)
    first.close()
    TimingFile(file).close()


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: Is a directory"):
        TimingFile(tmp_path)


def test_a_full_disk_costs_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "t.jsonl", [GOOD])
    before = file.read_text()
    opened = TimingFile(file)
    real, room = os.write, [20]

    def full(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[: room.pop()]) + (room.append(0) or 0)  # type: ignore[func-returns-value]

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(InputError, match="cannot be written: No space left on device"):
        opened.append(GOOD)
    assert file.read_text() == before


def test_a_failed_write_leaves_the_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    card = tmp_path / "card.yaml"
    card.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        write_text(card, "new")
    assert (card.read_text(), [each.name for each in tmp_path.iterdir()]) == ("old", ["card.yaml"])


@pytest.mark.parametrize(("name", "reason"), [
    ("t.jsonl", "holds the timings; choose another --out"),
    ("notes.txt", "exists and is no digital card; choose another --out"),
])  # fmt: skip
def test_a_card_replaces_only_cards(name: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    timings, out = write(tmp_path / "t.jsonl", [GOOD]), tmp_path / name
    (tmp_path / "notes.txt").write_text("one line")
    before = out.read_text()
    assert run(capsys, "calibrate", str(timings), "--out", str(out)) == (2, "", f"{out}: {reason}\n")
    assert out.read_text() == before


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which nothing can be made or opened for writing, for root too, whom its mode would not stop."""
    folder = tmp_path / "locked"
    folder.mkdir()

    def refuse(path: object, *arguments: object) -> None:
        raise PermissionError(errno.EACCES, DENIED, str(path))

    def guarded(real: Callable[..., object], reads: bool = False) -> Callable[..., object]:
        def call(path: object, mode: object = "r", *arguments: object, **more: object) -> object:
            inside = isinstance(path, str | Path) and folder in Path(path).parents
            if inside and not (reads and mode in {"r", "rb"}):
                refuse(path)
            return real(path, mode, *arguments, **more)

        return call

    monkeypatch.setattr(io, "open", guarded(io.open, reads=True))
    monkeypatch.setattr(os, "mkdir", guarded(os.mkdir))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_measure_into_a_read_only_folder(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    out = locked / "t.jsonl"
    expected = (2, "", f"{out}: cannot be written: {DENIED}\n")
    assert run(capsys, "measure", "--out", str(out), "--operations", "gemm", "--no-models", "--quiet") == expected
    assert contents(locked) == {}


def test_calibrate_into_a_read_only_folder(locked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    timings, out = full_file(tmp_path / "t.jsonl"), locked / "card.yaml"
    os.link(timings, locked / "kept.jsonl")
    before = contents(locked)
    code, shown, said = run(capsys, "calibrate", str(timings), "--out", str(out))
    assert (code, shown, said.splitlines()[0]) == (2, "", f"{out}: cannot be written: {DENIED}")
    assert contents(locked) == before


def test_trials_into_a_read_only_folder(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    code, shown, said = run(capsys, "calibrate", "--simulator", "--short", "--out", str(locked / "fit"))
    assert (code, shown, said.splitlines()[-1]) == (2, "", f"{locked / 'fit'}: permission denied")
    assert contents(locked) == {}


def test_a_failed_write_names_the_file_and_leaves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = tmp_path / "card.yaml"
    card.write_text("old")

    def refuse(source: object, target: object) -> None:
        raise PermissionError(errno.EACCES, DENIED, str(source), None, str(target))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError) as caught:
        write_text(card, "new")
    assert caught.value.filename == str(card)
    assert contents(tmp_path) == {"card.yaml": b"old"}
