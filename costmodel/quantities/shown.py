"""Many quantities at a glance: in a line, and as the HTML table that a notebook shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from costmodel.quantities.estimate import Quantity, Status

_COLUMNS = ("path", "value", "5 %", "95 %", "unit", "status", "source")


def census(quantities: Mapping[str, Quantity]) -> str:
    """How many there are, and how far they can be trusted: ``14 values, 6 sourced and 8 assumed``."""
    counts = Counter(quantity.status for quantity in quantities.values())
    statuses = [f"{counts[status]} {status}" for status in Status if counts[status]]
    listed = " and ".join(filter(None, (", ".join(statuses[:-1]), *statuses[-1:])))
    return f"{len(quantities)} values, {listed}" if listed else "no values"


def quantities_html(quantities: Mapping[str, Quantity]) -> str:
    """A row for each: path, value, range, unit, status and source."""
    rows = [
        (path, f"{each.value:.4g}", f"{each.low:.4g}", f"{each.high:.4g}", each.unit.name, each.status, each.source)
        for path, each in quantities.items()
    ]
    return html_table(_COLUMNS, rows)


def html_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Texts as an HTML table; none of them is taken for markup.

    >>> html_table(["n"], [["<8"]])
    '<table><thead><tr><th>n</th></tr></thead><tbody><tr><td>&lt;8</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
