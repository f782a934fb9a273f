"""Files that are written: nothing that was in one is lost, whatever goes wrong."""

import json
import os
from pathlib import Path

import pytest

from costmodel.inputs.faults import InputError
from costmodel.inputs.files import write_text
from tests.measured.synthetic import HEADER, timing_line, write
from tests.test_cli import run
from validation.measure.timings import Environment
from validation.measure.writing import TimingFile

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
