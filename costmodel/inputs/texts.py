"""Texts of a file made fit to be quoted: on one line, and not too long."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""The text with escapes for what no terminal should get: control characters, line breaks, lone surrogates.

    >>> printable("a\nb")
    'a\\nb'
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "backslashreplace").decode("ascii")
        for each in text
    )


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and end where it has more than ``most`` characters.

    >>> shortened("from the beginning to the end", 20)
    'from the ... the end'
    """
    if len(text) <= most:
        return text
    end = (most - 5) // 2
    return f"{text[: most - 5 - end]} ... {text[len(text) - end :]}"
