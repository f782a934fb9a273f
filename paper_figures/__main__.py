"""``python -m paper_figures``: draw the figures; ``python -m paper_figures claims``: write the ledger."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from paper_figures.catalog import FIGURES
from paper_figures.figure import FAST, FULL
from paper_figures.redraw import redraw


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0, or 1 where a figure says what its data do not bear out.
    """
    parser = argparse.ArgumentParser(prog="python -m paper_figures", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("figures", "claims", "readme"), default="figures")
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument("--fast", action="store_true", help="fewer points and draws")
    effort.add_argument("--full", action="store_true", help="every point; the default")
    parser.add_argument("--only", action="append", choices=sorted(FIGURES), help="only this figure; repeatable")
    parser.add_argument("--out", type=Path, help="folder of the figures (build/figures), or file of the ledger")
    given = parser.parse_args(arguments)
    if given.what == "claims":
        from paper_figures.ledger import write

        print(f"wrote {write(given.out)}")
        return 0
    if given.what == "readme":
        from paper_figures.answer import write as write_answer

        print(f"wrote {write_answer(given.out)}")
        return 0
    figures = [FIGURES[name] for name in given.only or FIGURES]
    out = given.out or Path("build") / "figures"
    untrue = redraw(figures, out, FAST if given.fast else FULL, say=lambda text: print(text, flush=True))
    for each in untrue:
        print(f"not borne out by its data: {each}", file=sys.stderr)
    print(f"figures are in {out}")
    return 1 if untrue else 0


if __name__ == "__main__":
    sys.exit(main())
