"""``python -m paper_figures``: draw the figures; ``python -m paper_figures claims``: write the ledger."""

from __future__ import annotations

import argparse
import errno
import sys
from pathlib import Path

from paper_figures.catalog import FIGURES
from paper_figures.figure import FAST, FULL
from paper_figures.redraw import redraw


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0; 1 where a figure says what its data do not bear out; 2 where nothing can be written; 130 where it was stopped.
    """
    parser = argparse.ArgumentParser(prog="python -m paper_figures", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("figures", "claims", "readme"), default="figures")
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument("--fast", action="store_true", help="fewer points and draws")
    effort.add_argument("--full", action="store_true", help="every point; the default")
    parser.add_argument(
        "--only",
        action="append",
        choices=sorted(FIGURES),
        help="only this figure, or only claims that rest on it; repeatable",
    )
    parser.add_argument("--out", type=Path, help="folder of the figures (build/figures), or file of the ledger")
    given = parser.parse_args(arguments)
    if given.what == "readme" and given.only:
        parser.error("--only: readme is one picture; --only belongs to figures and claims")
    if given.what != "figures" and given.full:
        parser.error(f"--full: {given.what} rests on the points and draws of --fast")
    try:
        return _run(given)
    except KeyboardInterrupt:
        print("stopped; what is drawn is kept, the same command goes on from there", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"--out: {error.filename or given.out} cannot be written: {error.strerror}", file=sys.stderr)
        return 2


def _run(given: argparse.Namespace) -> int:
    if given.what != "figures" and given.out is not None and not given.out.parent.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "no such directory", str(given.out.parent))  # before the work
    if given.what == "claims":
        return _claims(given)
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


def _claims(given: argparse.Namespace) -> int:
    from paper_figures import ledger

    if given.only and given.out is None:  # a part must not take the place of the whole page
        print(ledger.sections(ledger.claims(only=given.only)))
        return 0
    print(f"wrote {ledger.write(given.out, given.only or ())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
