"""The README shows real output."""

from pathlib import Path

import pytest

from costmodel.cli import main

README = Path(__file__).parents[1] / "README.md"


def test_readme_opens_with_what_the_tool_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = README.read_text().split("<!-- output of: python -m costmodel project imagenet_vit -->")[1]
    shown = shown.split("<!-- end of output -->")[0].strip()
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.argv", ["costmodel", "project", "imagenet_vit"])
    with pytest.raises(SystemExit):
        main()
    # Where this fails because the model changed, put what it prints now into the README.
    assert shown == f"```text\n{capsys.readouterr().out.strip()}\n```"
