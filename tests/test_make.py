"""The commands of a fresh checkout, as make would run them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def plan(*arguments: str) -> list[str]:
    """The shell lines of a target whose environment is not made yet."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    command = ["make", "--no-print-directory", "--dry-run", *arguments]
    # Where make runs this test, what it was told is not for this one.
    own = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}}
    return subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("target", ["demo", "test"])
def test_a_command_ends_by_saying_what_to_type_next(target: str) -> None:
    shell = plan(target, "VENV=.venv-of-a-test")[-1]
    said = subprocess.run(shell, shell=True, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said == [
        "",
        "The environment is not active yet; type next:",
        "  . .venv-of-a-test/bin/activate",
        "  python -m costmodel project examples/vision.yaml",
    ]
    assert (ROOT / "examples" / "vision.yaml").exists()


def test_every_path_that_the_core_leaves_out_exists() -> None:
    (pytest_line,) = (line for line in plan("test-core", "VENV=.venv-of-a-test") if "/pytest " in line)
    ignored = [word.removeprefix("--ignore=") for word in pytest_line.split() if word.startswith("--ignore=")]
    assert ignored
    assert [path for path in ignored if not (ROOT / path).exists()] == []
