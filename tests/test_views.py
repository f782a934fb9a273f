"""What is printed: no NaN, no markup out of a name, one Report a verb."""

import io
import math
from collections.abc import Callable

import pytest

from costmodel.inputs.faults import InputError
from costmodel.quantities.estimate import Estimate, Status
from costmodel.quantities.units import second
from costmodel.views import numbers, screen, table
from costmodel.views.finite import NotFiniteError, check_finite
from costmodel.views.table import Table


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "write",
    [
        lambda value: numbers.scaled(value, "s"),
        numbers.significant,
        numbers.percent,
        lambda value: numbers.in_unit(value, second),
        lambda value: numbers.seconds(Estimate(1.0, 1.0, value, Status.ASSUMED)),
        lambda value: numbers.speed_with_range(Estimate(1.0, value, 1.0, Status.ASSUMED)),
        lambda value: table.comma_separated([{"seconds": value}]),
    ],
)
def test_what_is_no_number_is_not_written(write: Callable[[float], str], value: float) -> None:
    with pytest.raises(NotFiniteError) as error:
        write(value)
    assert str(error.value) == f"{value:g} is not a finite number"


def test_numbers_that_are_not_finite_are_named_by_their_path() -> None:
    result = {"schema": 1, "methods": {"adam": {"step": math.inf}}, "layers": [{"rows": 1.0}, {"rows": math.nan}]}
    with pytest.raises(InputError) as error:
        check_finite(result)
    assert str(error.value).splitlines() == [
        "result: not all numbers are finite: a value of the model or of a card is out of all proportion",
        "result: layers.1.rows is nan, not a finite number",
        "result: methods.adam.step is inf, not a finite number",
    ]
    many = {"draws": [math.nan] * 7}
    with pytest.raises(InputError) as error:
        check_finite(many)
    assert len(str(error.value).splitlines()) == 6
    assert "not all numbers are finite (with 2 more): " in str(error.value)
    check_finite({"schema": 1, "text": "nan", "none": None, "numbers": [0.0, 1]})


def test_markdown_shows_a_text_as_it_is_written() -> None:
    shown = table.markdown(
        [
            Table(
                "a|b\n  = 2*x",
                ("`n`",),
                (("<b>one</b> & two",), ("up\ndown",), ("[x](http://y) a_b _c_ \\ ~",)),
                note="*!*",
            )
        ]
    )
    assert shown.split("\n") == [
        r"**a\|b**" + "\\",
        r"= 2\*x",
        "",
        r"| \`n\` |",
        "| --- |",
        "| &lt;b&gt;one&lt;/b&gt; &amp; two |",
        r"| up\\ndown |",
        r"| [x]\(http://y) a_b \_c\_ \\ \~ |",
        "",
        r"\*!\*",
    ]


def test_a_name_cannot_forge_a_line_or_move_the_cursor() -> None:
    shown = screen.aligned(Table("t\x1b[2J", ("name", "n"), (("a\nb\x1b[1A", "1"),), right=(1,), note="x\ty"))
    assert shown.split("\n") == [r"t\x1b[2J", "name         n", r"a\nb\x1b[1A  1", "", r"x\ty"]


def test_brackets_are_no_markup_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    screen.terminal([Table("time [s]", ("[b]size[/b]",), (("[red]x",),), note="[i]so[/i]")])
    for text in ("time [s]", "[b]size[/b]", "[red]x", "[i]so[/i]"):
        assert text in out.getvalue()


def test_csv_has_every_key_of_every_record() -> None:
    assert table.comma_separated([{"a": 1, "b": 0.1}, {"a": None, "c": "x,y"}]) == 'a,b,c\n1,0.1,\n,,"x,y"'
    assert table.comma_separated([]) == ""
