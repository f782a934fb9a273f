"""Every command of docs/questions.md runs and answers."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from costmodel.cli import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ python -m costmodel (.*)$", PAGE, re.MULTILINE)
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
#: Take more than some seconds each where the machine has other work.
SLOW = (
    "require ogbg",
    "require mlp --speedup 0.9",
    "--over damping",
    "--over width",
    "require examples",
    "--of speedup",
    "require gpt2",
    "require vit_s16",
    "sensitivity",
    "--map damping",
)
#: What an answer has to say, by the beginning of its command.
SAYS = {
    "require ogbg": "Amdahl's bound",
    "require mlp --speedup 0.9 --change": "analog.arrays",
    "crossover mlp --over relaxation_time": "kfac.eigh is cheaper above",
    "crossover examples/vision.yaml --over": "never",
    "sensitivity mlp": "curvature.mean_curvature",
    "require gpt2": "Amdahl's bound",
    "crossover gpt2 --over relaxation_time": "kfac.eigh is cheaper above",
    "crossover gpt2 --map": "uploading the couplings",
    "require vit_s16": "model.kfac.refresh_interval",
    "sensitivity vit_s16": "digital.operations.eigh.scatter",
    "target ogbg": "No step goes below",
    "sensitivity ogbg": "model.host_time",
    "crossover ogbg": "thermo.columns is cheaper above",
    "crossover examples/vision.yaml --map": "not accurate enough",
}


def marked(command: str) -> object:
    return pytest.param(command, marks=pytest.mark.slow) if any(each in command for each in SLOW) else command


@pytest.mark.parametrize("command", [marked(command) for command in COMMANDS])
def test_every_command_runs(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, shlex.split(command))
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    for beginning, words in SAYS.items():
        if command.startswith(beginning):
            assert words in said
    plots = re.findall(r"--plot (\S+)", command)
    assert all((tmp_path / plot).stat().st_size > 5000 for plot in plots)


@pytest.mark.slow
def test_the_notebook_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for snippet in SNIPPETS:
        exec(snippet, {})
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_the_page_has_both_afternoons() -> None:
    assert len(COMMANDS) >= 9
    assert "## An architect's afternoon" in PAGE
    assert "## A researcher's afternoon" in PAGE
