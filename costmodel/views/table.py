"""A table of texts, and the ways to print it."""

from __future__ import annotations

import csv
import io
import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from costmodel.inputs.texts import printable
from costmodel.views.finite import NotFiniteError


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts under a title.

    Attributes:
        title: Shown above it.
        columns: Column heads.
        rows: One text a column.
        right: Columns whose texts are set flush right, by index.
        note: A paragraph below it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[int, ...] = ()
    note: str = ""


def markdown(tables: Sequence[Table]) -> str:
    """Tables in GitHub's Markdown; no text of a cell or a title is taken for markup."""
    blocks = []
    for table in tables:
        title, *more = table.title.split("\n")
        rules = ["--:" if index in table.right else "---" for index in range(len(table.columns))]
        cells = [_row_of_texts(table.columns), _pipe(rules), *(_row_of_texts(row) for row in table.rows)]
        # A backslash at its end keeps a line of the title a line.
        head = "\\\n".join([f"**{escaped(title)}**", *(escaped(line.strip()) for line in more)])
        blocks.append("\n".join([head, "", *cells]))
        if table.note:
            blocks.append(escaped(table.note))
    return "\n\n".join(blocks)


def _row_of_texts(cells: Sequence[str]) -> str:
    return _pipe([escaped(cell) for cell in cells])


def _pipe(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


#: What Markdown would take for code, emphasis, a link or the end of a cell; an underscore only at the end of a word.
_MARKUP: Final = re.compile(r"[\\`*|~]|(?<!\w)_|_(?!\w)|(?<=\])(?=\()")
_ENTITIES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escaped(text: str) -> str:
    """A text on one line of Markdown that shows as it is written."""
    return _MARKUP.sub(lambda found: "\\" + found[0], printable(text)).translate(_ENTITIES)


def comma_separated(records: Sequence[Mapping[str, object]]) -> str:
    """Records as CSV under a head of all their keys; numbers keep all their digits, None is an empty field.

    Raises:
        NotFiniteError: A number is a NaN or infinite.
    """
    columns = list(dict.fromkeys(key for record in records for key in record))
    if not columns:
        return ""
    for value in (value for record in records for value in record.values()):
        if isinstance(value, float) and not math.isfinite(value):
            raise NotFiniteError(value)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return buffer.getvalue().rstrip("\n")


def terminal(tables: Sequence[Table]) -> None:
    """Print tables: fitted to a terminal, or to a pipe in aligned columns that are never cut or wrapped."""
    if not sys.stdout.isatty():
        print("\n\n".join(aligned(table) for table in tables))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console(highlight=False)
    for table in tables:
        rich_table = RichTable(title=Text(_title(table)), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for index, column in enumerate(table.columns):
            rich_table.add_column(Text(column), justify="right" if index in table.right else "left")
        for row in table.rows:
            rich_table.add_row(*(Text(printable(cell)) for cell in row))
        console.print(rich_table)
        if table.note:
            console.print(Text(printable(table.note)), soft_wrap=True)


def aligned(table: Table) -> str:
    """A table as plain text, two spaces between columns; its title keeps its lines.

    >>> print(aligned(Table("sizes", ("layer", "n"), (("fc", "128"), ("head", "10")), right=(1,))))
    sizes
    layer    n
    fc     128
    head    10
    """
    lines = [[printable(cell) for cell in line] for line in (table.columns, *table.rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(table.columns))]
    texts = []
    for line in lines:
        padded = (
            cell.rjust(width) if index in table.right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        texts.append("  ".join(padded).rstrip())
    note = ["", printable(table.note)] if table.note else []
    return "\n".join([_title(table), *texts, *note])


def _title(table: Table) -> str:
    return "\n".join(printable(line) for line in table.title.split("\n"))
