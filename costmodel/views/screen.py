"""Tables and passages as plain text: fitted to a terminal with colour, or to a pipe in columns that are never cut.

On a terminal a table that is too wide has its texts wrapped inside their columns, at blanks and after dots and slashes,
so that no name is shortened. In a pipe tables keep one line a row, which other programs can take apart.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final

from costmodel.inputs.texts import printable
from costmodel.views.table import Block, Passage, Table

#: Between columns.
_GAP: Final = "  "
#: A column is made no narrower than this.
_NARROWEST: Final = 8

#: Where a text may go on in the next line.
_BREAKS: Final = re.compile(r"\s+|(?<=[./_])")

#: Where an interval may.
_ENDS: Final = re.compile(r"(?<= to) ")

_COLOURS: Final = {
    "yes": "32", "no": "31", "undecided": "33", "unknown": "33", "some layers": "33", "cannot run": "31",
    "assumed": "33", "extrapolated": "33",
}  # fmt: skip
_BOLD: Final = "1"
_DIM: Final = "2"

Paint = Callable[[str, str], str]


def terminal(blocks: Sequence[Block]) -> None:
    """Print blocks with blank lines between them."""
    screen = sys.stdout.isatty()
    columns = shutil.get_terminal_size().columns
    paint = _painted if screen and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" else _plain
    texts = [
        passage(block, columns, paint)
        if isinstance(block, Passage)
        else aligned(block, columns if screen or block.narrow else None, paint)
        for block in blocks
    ]
    print("\n\n".join(texts))


def _painted(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if code and text.strip() else text


def _plain(text: str, code: str) -> str:
    return text


def passage(block: Passage, columns: int, paint: Paint = _plain) -> str:
    """Paragraphs wrapped to a width; those under a title are set in."""
    lines = [paint(printable(block.title), _BOLD)] if block.title else []
    for lead, text in block.paragraphs:
        opening = f"{lead} " if lead else ""
        inset = "  " if block.title else ""
        wrapped = _wrap(printable(opening + text), max(columns, 20) - len(inset) - 2 * bool(inset))
        # The colour goes on after the wrapping, which would count its codes.
        if lead and wrapped[0].startswith(lead):
            colour = ";".join(filter(None, (_BOLD, _COLOURS.get(lead.rstrip(":.").lower(), ""))))
            wrapped[0] = paint(lead, colour) + wrapped[0][len(lead) :]
        marks = ["- ", "  "] if inset else ["", ""]
        lines += [f"{marks[min(index, 1)]}{line}" for index, line in enumerate(wrapped)]
    return "\n".join(lines)


def aligned(table: Table, columns: int | None = None, paint: Paint = _plain) -> str:
    """A table as plain text, two spaces between columns; its title keeps its lines.

    Args:
        table: The table.
        columns: The width it is fitted to; None for as wide as it is.
        paint: Puts colour on a text.

    >>> print(aligned(Table("sizes", ("layer", "n"), (("fc", "128"), ("head", "10")), right=(1,))))
    sizes
    layer    n
    fc     128
    head    10
    >>> print(aligned(Table("", ("method", "n"), (("kfac.cholesky", "1"),)), columns=12))
    method     n
    kfac.      1
    cholesky
    >>> rows = (("thermo.solve", "1"), ("thermo.columns", "2"))
    >>> print(aligned(Table("", ("method", "n"), rows, families=True), columns=12))
    method    n
    thermo
    .solve    1
    .columns  2
    """
    lines = [[printable(cell) for cell in line] for line in (table.columns, *table.rows)]
    widths = _widths(lines)
    if columns is not None:
        if table.families and sum(widths) + len(_GAP) * (len(widths) - 1) > columns:
            lines = [lines[0], *_folded(lines[1:])]
        widths = _fitted(lines, set(table.right), columns)
    texts = []
    for number, line in enumerate(lines):
        cells = [_wrap(cell, width) for cell, width in zip(line, widths, strict=True)]
        for row in range(max(map(len, cells))):
            parts = []
            for index, width in enumerate(widths):
                text = cells[index][row] if row < len(cells[index]) else ""
                padded = text.rjust(width) if index in table.right else text.ljust(width)
                parts.append(paint(padded, _DIM if number == 0 else _COLOURS.get(line[index].rstrip("*"), "")))
            texts.append(_GAP.join(parts).rstrip())
    head = [_title(table, columns, paint)] if table.title else []
    note = ["", *_wrap(printable(table.note), columns or 80)] if table.note else []
    return "\n".join([*head, *texts, *note])


def _widths(lines: list[list[str]]) -> list[int]:
    """Width of each column."""
    return [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]


def _folded(lines: list[list[str]]) -> list[list[str]]:
    """Lines in which names of one family, one below the other, say its name once, above them: the rest has its dot."""
    found = []
    for family, group in groupby(lines, key=lambda line: line[0].partition(".")[0]):
        members = list(group)
        if len(members) > 1 and all("." in line[0] for line in members):
            found.append([family, *[""] * (len(members[0]) - 1)])
            members = [[line[0].removeprefix(family), *line[1:]] for line in members]
        found += members
    return found


def _fitted(lines: list[list[str]], right: set[int], columns: int) -> list[int]:
    """Widths that fit, taken from the widest columns of text: first without breaking a word, then whatever it takes.

    Before any name is broken, intervals that are too wide go on in a second line after their "to".
    """
    widths = _widths(lines)
    whole = [max(len(part) for line in lines for part in _BREAKS.split(line[index])) for index in range(len(widths))]
    room = columns - len(_GAP) * (len(widths) - 1)
    for index in sorted(right, key=lambda index: -widths[index]):
        if sum(widths) > room:
            widths[index] = max(len(end) for line in lines for end in _ENDS.split(line[index]))
    for least in (whole, [_NARROWEST] * len(widths)):
        while sum(widths) > room:
            narrowable = [i for i, width in enumerate(widths) if i not in right and width > max(least[i], _NARROWEST)]
            if not narrowable:
                break
            widths[max(narrowable, key=lambda index: widths[index])] -= 1
    return widths


def _wrap(text: str, width: int) -> list[str]:
    """Lines of a text, broken at blanks, and in long words after dots, slashes and underscores."""
    if len(text) <= width:
        return [text]
    lines: list[str] = []
    for line in textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False):
        while len(line) > width:
            cut = max((line.rfind(mark, 0, width) for mark in "./_"), default=-1) + 1 or width
            lines.append(line[:cut])
            line = line[cut:]
        lines.append(line)
    return lines


def _title(table: Table, columns: int | None, paint: Paint) -> str:
    first, *more = (printable(line) for line in table.title.split("\n"))
    wrapped = [first] if columns is None else _wrap(first, columns)
    rest = [part for line in more for part in ([line] if columns is None else _hanging(line, columns))]
    return "\n".join([*(paint(line, _BOLD) for line in wrapped), *rest])


def _hanging(line: str, columns: int) -> list[str]:
    """A line that is set in, wrapped and set in further where it goes on."""
    inset = line[: len(line) - len(line.lstrip())]
    first, *more = _wrap(line.strip(), columns - len(inset) - 2)
    return [inset + first, *(f"{inset}  {each}" for each in more)]
