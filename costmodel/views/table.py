"""Tables and passages of text, and the ways to print them; costmodel/views/screen.py lays them out on a screen."""

from __future__ import annotations

import csv
import io
import math
import re
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
        narrow: Whether it is fitted to the width of the screen in a pipe, too.
        families: Whether its first column holds dotted names, which say what they share once where it is too wide.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[int, ...] = ()
    note: str = ""
    narrow: bool = False
    families: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """Paragraphs, wrapped where they are printed and never cut.

    Attributes:
        paragraphs: Each with the words it opens with, set apart; empty for none.
        title: Shown above them; what has one is a list.
    """

    paragraphs: tuple[tuple[str, str], ...]
    title: str = ""


Block = Table | Passage


def markdown(tables: Sequence[Block]) -> str:
    """Tables in GitHub's Markdown; no text of a cell or a title is taken for markup."""
    blocks = []
    for table in tables:
        if isinstance(table, Passage):
            blocks.append(_passage(table))
            continue
        title, *more = table.title.split("\n")
        rules = ["--:" if index in table.right else "---" for index in range(len(table.columns))]
        cells = [_row_of_texts(table.columns), _pipe(rules), *(_row_of_texts(row) for row in table.rows)]
        # A backslash at its end keeps a line of the title a line.
        head = "\\\n".join([f"**{escaped(title)}**", *(escaped(line.strip()) for line in more)])
        blocks.append("\n".join([head, "", *cells] if table.title else cells))
        if table.note:
            blocks.append(escaped(table.note))
    return "\n\n".join(blocks)


def _passage(passage: Passage) -> str:
    texts = [
        f"**{escaped(lead)}** {escaped(text)}".strip() if lead else escaped(text) for lead, text in passage.paragraphs
    ]
    if not passage.title:
        return "\n\n".join(texts)
    return "\n".join([f"**{escaped(passage.title)}**", "", *(f"- {text}" for text in texts)])


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
