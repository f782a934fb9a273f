"""docs/sweep.md: its commands run, its file is read, no key is left out."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.inputs.sweep_file import read_sweep
from costmodel.inputs.sweep_schema import SweepFile

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "sweep.md").read_text(encoding="utf-8")


def test_every_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = [
        line for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL) for line in block.strip().splitlines()
    ]
    assert len(commands) == 8
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    for command in commands:
        text, _, file = command.partition(" > ")
        shown = CliRunner().invoke(app, shlex.split(text)[1:])
        assert shown.exit_code == 0, (command, shown.output, shown.exception)
        if file:
            Path(file).write_text(shown.stdout, encoding="utf-8")
    assert len(Path("sweep.csv").read_text().splitlines()) == 1 + 2 * 2 * 25 * 3 * 2


def test_the_file_on_the_page(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "sweep.yaml"
    file.write_text(text, encoding="utf-8")
    assert read_sweep(file).points == 2 * 2 * 7 * 4


@pytest.mark.parametrize("name", [field.alias or name for name, field in SweepFile.model_fields.items()])
def test_no_key_is_left_out(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(snippet, {})
    shown = capsys.readouterr().out
    assert "analog.relaxation_time" in shown
    assert "break_even_step_ratio_median" in shown
    assert len(Path("settling.csv").read_text().splitlines()) == 5
