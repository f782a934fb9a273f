"""A table of texts, and the ways to print it."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts under a title.

    Attributes:
        title: Shown above it.
        columns: Column heads.
        rows: One text a column.
        right: Columns whose texts are set flush right, by index.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[int, ...] = ()


def markdown(tables: Sequence[Table]) -> str:
    """Tables in GitHub's Markdown."""
    blocks = []
    for table in tables:
        rules = ["--:" if index in table.right else "---" for index in range(len(table.columns))]
        lines = [_pipe(table.columns), _pipe(rules), *(_pipe(row) for row in table.rows)]
        blocks.append("\n".join([f"**{table.title}**", "", *lines]))
    return "\n\n".join(blocks)


def _pipe(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def comma_separated(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as CSV with a head; numbers keep all their digits."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
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
        rich_table = RichTable(title=table.title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for index, column in enumerate(table.columns):
            rich_table.add_column(column, justify="right" if index in table.right else "left")
        for row in table.rows:
            rich_table.add_row(*(Text(cell) for cell in row))
        console.print(rich_table)


def aligned(table: Table) -> str:
    """A table as plain text, two spaces between columns.

    >>> print(aligned(Table("sizes", ("layer", "n"), (("fc", "128"), ("head", "10")), right=(1,))))
    sizes
    layer    n
    fc     128
    head    10
    """
    lines = [table.columns, *table.rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(table.columns))]
    texts = []
    for line in lines:
        padded = (
            cell.rjust(width) if index in table.right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        texts.append("  ".join(padded).rstrip())
    return "\n".join([table.title, *texts])
