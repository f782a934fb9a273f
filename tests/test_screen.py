"""What a terminal of 80 columns shows: nothing cut, the answer first, examples that can be copied."""

import io
import re
import shlex
import subprocess
import sys

import pytest
import typer.main

from costmodel.cli import app, main
from costmodel.inputs.loading import catalog_names
from costmodel.methods import METHODS
from costmodel.projection.placing import PLACED
from costmodel.views import screen
from costmodel.views.table import Passage, Table

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
CODES = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, *arguments: str, terminal: bool = False) -> str:
    out = Terminal() if terminal else io.StringIO()
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("sys.argv", ["costmodel", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    return out.getvalue()


@pytest.mark.parametrize("model", catalog_names("models"))
def test_project_fits_a_screen_of_80_columns(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, "project", model, "--draws", "20").splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 65
    assert re.match("(Yes|No|Undecided): ", lines[0])
    # Names of methods are whole, each on one line; a family of them is said once.
    first = next(at for at, line in enumerate(lines) if line.startswith("method "))
    names = [line.partition(" ")[0] for line in lines[first + 1 : lines.index("", first)]]
    whole = [f"thermo{name}" if name.startswith(".") else name for name in names if name not in {"", "thermo"}]
    assert set(whole) <= {*METHODS, PLACED}


@pytest.mark.parametrize("arguments", [
    ("project", "ogbg", "--all", "--details", "--draws", "20"), ("explain", "thermo.solve"), ("counts", "ogbg"),
    ("catalog",), ("predict", "eigh", "--n", "512"),
])  # fmt: skip
def test_a_terminal_cuts_no_word(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """All words of the same output in a pipe are there, in order, once the lines are put together."""
    drawn = CODES.sub("", shown(monkeypatch, *arguments, terminal=True))
    piped = shown(monkeypatch, *arguments)
    assert "…" not in drawn
    assert sorted(re.sub(r"[\s-]", "", drawn)) == sorted(re.sub(r"[\s-]", "", piped))


def test_a_terminal_has_colour_unless_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("project", "mlp", "--draws", "20")
    assert CODES.search(shown(monkeypatch, *arguments, terminal=True))
    assert not CODES.search(shown(monkeypatch, *arguments))
    out = Terminal()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("NO_COLOR", "1")
    screen.terminal([Table("t", ("answer",), (("yes",),)), Passage((("No:", "it does not"),))])
    assert out.getvalue() == "t\nanswer\nyes\n\nNo: it does not\n"


def test_columns_are_narrowed_at_dots_before_words_are_broken() -> None:
    table = Table("", ("method", "source"), (("thermo.columns.refined", "appendix C describes one device"),))
    assert screen.aligned(table, 30).splitlines() == [
        "method          source",
        "thermo.         appendix C",
        "columns.        describes one",
        "refined         device",
    ]


def test_names_of_a_family_say_it_once_where_they_are_too_wide() -> None:
    rows = (("adam", "1"), ("kfac.eigh", "2"), ("thermo.columns.refined", "3"), ("thermo.solve", "4"))
    table = Table("", ("method", "n"), rows, families=True)
    assert screen.aligned(table, 20).splitlines() == [
        "method            n",
        "adam              1",
        "kfac.eigh         2",  # alone in its family
        "thermo",
        ".columns.refined  3",
        ".solve            4",
    ]
    assert screen.aligned(table, 30).splitlines()[3:] == ["thermo.columns.refined  3", "thermo.solve            4"]


def test_a_passage_is_wrapped_and_set_in() -> None:
    passage = Passage((("", "one two three four"), ("lead:", "five six seven")), "to know")
    assert screen.passage(passage, 20).splitlines() == [
        "to know", "- one two three", "  four", "- lead: five six", "  seven",
    ]  # fmt: skip


@pytest.mark.parametrize("verb", sorted(set(COMMANDS) - {"curvature"}))
def test_every_help_has_examples_of_verbs_and_options_that_exist(verb: str) -> None:
    epilog = COMMANDS[verb].epilog or ""
    lines = [line.strip() for line in epilog.splitlines() if line.strip().startswith("costmodel ")]
    assert lines
    for line in lines:
        name, words, found = "costmodel", shlex.split(line.partition(" > ")[0])[1:], COMMANDS
        assert words[0] == verb, name
        options = {option for each in found[verb].params for option in each.opts}
        assert {word for word in words if word.startswith("--")} <= options


def test_the_version_is_printed() -> None:
    done = subprocess.run([sys.executable, "-m", "costmodel", "--version"], capture_output=True, check=True, text=True)
    assert re.fullmatch(r"costmodel \d+\.\d+\.\d+\n", done.stdout)
