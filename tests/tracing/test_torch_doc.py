"""docs/torch.md: its code runs, and the options that it names are there."""

import re
from pathlib import Path

import typer

from costmodel.cli import app

PAGE = (Path(__file__).parents[2] / "docs" / "torch.md").read_text(encoding="utf-8")


def test_the_code_on_the_page_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "torch.md", "exec"), {})


def test_options_on_the_page_are_there() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    lines = re.findall(r"^python -m costmodel (\w+) (.*)$", PAGE, re.MULTILINE)
    assert len(lines) == 5
    for verb, rest in lines:
        known = {option for parameter in commands[verb].params for option in parameter.opts}
        assert set(re.findall(r"--\w+", rest)) <= known
