"""What a verb shows: one result in the three forms that the command line prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from costmodel.views.table import Block

Record = Mapping[str, object]


class Report(Protocol):
    """A result that can be printed. Each form is built when it is asked for; a view has one module a verb.

    Numbers are finite in every form; :mod:`costmodel.views.finite` says which are not.
    """

    def as_dict(self) -> dict[str, Any]:
        """For ``--format json``: the contract of docs/json.md."""
        ...

    def tables(self) -> Sequence[Block]:
        """For ``--format table`` and ``markdown``: texts for people, numbers rounded."""
        ...

    def records(self) -> Sequence[Record]:
        """For ``--format csv``: one kind of row, numbers with all their digits."""
        ...
