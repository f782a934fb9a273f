"""Prints the tables of methodology.md, or puts them between its markers.

    python -m validation.study.report [validation/data/study] [--write]

A table called NAME stands between `<!-- table: NAME -->` and `<!-- end of table -->`; the prose about it is written by
hand.
"""

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from costmodel.inputs.files import write_text
from validation.study.tables import TABLES, Report

FOLDER: Final = Path(__file__).parents[1] / "data" / "study"
_BLOCK: Final = re.compile(r"(<!-- table: (.*?) -->\n).*?(\n<!-- end of table -->)", re.DOTALL)


def filled(text: str, report: Report) -> str:
    """The text with every table between its markers made anew.

    Raises:
        ValueError: A table has no place in the text, more than one, or is not known.
    """
    places = [name for _, name, _ in _BLOCK.findall(text)]
    if sorted(places) != sorted(TABLES):
        raise ValueError(f"places for {sorted(places)}, tables {sorted(TABLES)}")
    return _BLOCK.sub(lambda block: f"{block[1]}\n{TABLES[block[2]](report)}\n{block[3]}", text)


def main(argv: Sequence[str] | None = None) -> None:
    """Print all tables, or write them."""
    parser = argparse.ArgumentParser(description="Tables of the study.")
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--write", action="store_true", help="put them into methodology.md of the folder")
    args = parser.parse_args(argv)
    report = json.loads((args.folder / "analysis.json").read_text(encoding="utf-8"))
    if args.write:
        page = args.folder / "methodology.md"
        write_text(page, filled(page.read_text(encoding="utf-8"), report))
    else:
        print("\n\n".join(f"{name}\n\n{table(report)}" for name, table in TABLES.items()))


if __name__ == "__main__":
    main()
