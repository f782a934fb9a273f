"""The profile of a step is taken up where it was stopped, and says when, on what and beside whom it was timed."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from paper_figures import profile, time_profile
from validation.measure import models
from validation.measure.steps import PHASES


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    def networks() -> Iterator[tuple[str, int, str, Callable[[], models.Built]]]:
        for width in (4, 8):
            yield "mlp", width, "small", partial(models.mlp, 2, 3, width, 2)

    monkeypatch.setattr(profile, "networks", networks)


def times(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_a_stopped_profile_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, partial_file = tmp_path / "profile.jsonl", tmp_path / "build" / "profile.jsonl"
    file.write_text("old\n", encoding="utf-8")
    timed = profile.seconds
    calls = len(PHASES) - 1 + 2

    def stopped(call: Callable[[], None]) -> list[float]:
        nonlocal calls
        calls -= 1
        if calls == 0:
            raise KeyboardInterrupt
        return timed(call)

    monkeypatch.setattr(profile, "seconds", stopped)
    with pytest.raises(KeyboardInterrupt):
        profile.measure(file, partial_file)
    assert file.read_text(encoding="utf-8") == "old\n"
    first = times(partial_file)[1:]
    assert {each["size"] for each in first} == {4}

    monkeypatch.setattr(profile, "seconds", timed)
    profile.measure(file, partial_file)
    head, *found = times(file)
    assert found[: len(first)] == first
    assert {each["size"] for each in found} == {4, 8}
    assert len(found) == 2 * len(first)
    assert head.keys() >= {"device", "date", "busy", "torch", "threads"}
    assert not partial_file.exists()


@pytest.mark.parametrize(("load", "busy"), [(0.9, False), (3.0, True)])
def test_others_at_work_are_told(load: float, busy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "_load", lambda: load)
    file = tmp_path / "profile.jsonl"
    profile.measure(file, tmp_path / "partial.jsonl")
    assert times(file)[0]["busy"] is busy
    monkeypatch.setattr(time_profile, "PROCESSOR", file)
    assert ("while others computed on it" in time_profile._machine()) is busy


def test_times_of_another_machine_are_not_taken_up(tmp_path: Path) -> None:
    partial_file = tmp_path / "partial.jsonl"
    other = {"kind": "environment", "device": "abacus"}
    phase = {"kind": "phase", "family": "mlp", "size": 4, "batch": "small", "min_s": 9.0, "load": 1.0}
    partial_file.write_text(f"{json.dumps(other)}\n{json.dumps(phase)}\n", encoding="utf-8")
    profile.measure(tmp_path / "profile.jsonl", partial_file)
    assert all(each["min_s"] < 9 for each in times(tmp_path / "profile.jsonl")[1:])
