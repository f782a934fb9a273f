"""Timings and card of a rented device, in one command and inside nine minutes.

    python -m validation.measure.device_card --device cuda --out h100

writes ``h100.jsonl`` and ``h100.yaml``, and prints how the card does on sizes held out of it. A second run takes the
first one's timings up. ``--budget`` shortens it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from costmodel.inputs.faults import InputError
from costmodel.inputs.files import write_text
from costmodel.inputs.loading import load_digital
from costmodel.views import screen
from validation.cards.fitted import card_text
from validation.fit.calibration import calibrate
from validation.measure import journal
from validation.measure.command import measure
from validation.score.command import tables_of
from validation.score.scoring import score

#: Fits, scores and start-up take what is left of nine minutes.
BUDGET = "8m"
_DTYPES = {"cpu": "float32,float64", "cuda": "float32,tf32,bfloat16"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, fit with held-out data left out, score, then fit again with all data for the card that is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=("cpu", "cuda"))
    parser.add_argument("--out", required=True, help="name of the card, and of both files with their endings")
    parser.add_argument("--budget", default=BUDGET, help="time to measure, like 90s or 8m")
    options = parser.parse_args(arguments)
    timings, card = Path(f"{options.out}.jsonl"), Path(f"{options.out}.yaml")
    try:
        measure(
            str(timings), options.device, "1", options.budget, _DTYPES[options.device], "",
            models=True, beyond=False, rounds=3, advise=False, quiet=False,
        )  # fmt: skip
        read = journal.read(timings)
        write_text(card, card_text(calibrate(read, hold_out=True), card.stem))
        screen.terminal(tables_of(str(card), score(load_digital(card), read, 1)))
        write_text(card, card_text(calibrate(read), card.stem))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{card}: fitted to all of {timings}; the scores above are of the same fit without held-out data")
    return 0


if __name__ == "__main__":
    sys.exit(main())
