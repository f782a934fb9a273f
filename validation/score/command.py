"""The verb ``validate``: every shipped card and law, on data no fit has read."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import load_digital, load_solver
from costmodel.views.table import Table
from validation.cards import h100
from validation.heldout import BEYOND
from validation.measure import journal
from validation.published import checks as published_checks
from validation.score.curvature import fresh_score
from validation.score.extrapolation import HALF, LARGEST, extrapolated
from validation.score.report import Check, ValidateReport
from validation.score.scoring import COVERAGE, GPU_LIMITS, Scores, intervals, score, score_steps, score_times
from validation.score.shipped import SHIPPED, ShippedCard


def validate(timings: str, card: str, *, points: bool) -> ValidateReport:
    """Score, and check the thresholds.

    Args:
        timings: A file to score ``card`` on; empty for everything shipped.
        card: A card by name or file.
        points: List every held-out point.

    Raises:
        InputError: A file cannot be read, or one of the two is missing.
    """
    if bool(timings) != bool(card):
        raise InputError.about("--card" if timings else "--timings", "--timings and --card go together")
    scored: dict[str, Scores] = {}
    checks: list[Check] = []
    if timings:
        scored[card] = _on_file(card, Path(timings))
    for each in () if timings else SHIPPED:
        scored[each.card] = _shipped(each)
    for name, found in scored.items():
        checks += _checks(name, found)
    curvature = None if timings else fresh_score()
    if not timings:
        checks += [*_extrapolated(), *_published(), *_simulator(), *(curvature.checks() if curvature else ())]
    return ValidateReport(scored, checks, points, curvature.as_dict() if curvature else None)


def _shipped(shipped: ShippedCard) -> Scores:
    """Scores of a card of the catalog on what its fit has not read."""
    card = load_digital(shipped.card)
    found = score(card, journal.read(shipped.file), shipped.threads)
    beside = score_times(card, shipped.held_out_products() | shipped.held_out_rates())
    return replace(found, points=(*found.points, *beside, *score_steps(card, shipped.held_out_networks())))


def _on_file(card: str, timings: Path) -> Scores:
    """Scores on somebody's own file; what the card was fitted to is no test of it."""
    read = journal.read(timings)
    counts = sorted({timing.point.threads for timing in read.timings})
    if not counts:
        raise InputError.about(str(timings), "holds no timings")
    found = score(load_digital(card), read, counts[0])
    if found.fitted:
        print(f"{timings}: {card} was fitted to {found.fitted} of its points, which are not scored", file=sys.stderr)
    if not found.points:
        raise InputError.about(str(timings), f"holds no point to score {card} on that it was not fitted to")
    return found


def tables_of(card: str, scored: Scores) -> list[Table]:
    """Thresholds and errors by operation of one card."""
    return ValidateReport({card: scored}, _checks(card, scored)).tables()


def _checks(card: str, scored: Scores) -> list[Check]:
    found = []
    for each in scored.summaries():
        tail = "worst" if each.limit.worst else "p90"
        found.append(
            Check(
                card,
                f"{each.title} ({each.points})",
                f"median {each.median:.1%}, {tail} {each.tail:.1%}",
                f"median {each.limit.median:.0%}, {tail} {each.limit.tail:.0%}",
                each.passed,
            )
        )
    low, high = COVERAGE
    for what, points in intervals(scored.points).items():
        share = float(np.mean([each.inside for each in points]))
        covered = f"{share:.1%} inside"
        wanted = f"{low:.0%} to {high:.0%}"
        found.append(Check(card, f"90 % intervals, {what} ({len(points)})", covered, wanted, low <= share <= high))
    return found


def _extrapolated() -> list[Check]:
    """Laws of the H100 fitted to smaller sizes than were timed."""
    limit = GPU_LIMITS[BEYOND]
    points = extrapolated(HALF, LARGEST)
    errors = np.abs([each.error for each in points])
    median, tail = float(np.median(errors)), float(np.quantile(errors, 0.9))
    what = f"sizes to {LARGEST} by laws of sizes to {HALF} ({len(points)})"
    wanted = f"median {limit.median:.0%}, p90 {limit.tail:.0%}"
    met = median <= limit.median and tail <= limit.tail
    low, high = COVERAGE
    share = float(np.mean([each.inside for each in points]))
    inside = f"{share:.1%} inside", f"{low:.0%} to {high:.0%}", low <= share <= high
    return [
        Check(h100.NAME, what, f"median {median:.1%}, p90 {tail:.1%}", wanted, met),
        Check(h100.NAME, f"90 % intervals of these ({len(points)})", *inside),
    ]


def _published() -> list[Check]:
    """Leave-one-network-out errors of the cards fitted to somebody else's totals."""
    found = []
    for what, limit, cards in (
        ("inversion", published_checks.INVERSION, published_checks.inversion()),
        ("factor construction", published_checks.FACTORS, published_checks.factor_construction()),
    ):
        for card, errors in cards.items():
            worst = max(errors, key=lambda network: abs(errors[network]))
            found.append(
                Check(
                    card,
                    f"{what}, each network left out ({len(errors)})",
                    f"worst {errors[worst]:+.1%} ({worst})",
                    f"{limit:.0%}",
                    abs(errors[worst]) <= limit,
                )
            )
    inside, points = published_checks.intervals()
    low, high = COVERAGE
    met = low <= inside / points <= high
    what = f"90 % intervals, phases, law and scatter from the other networks ({points})"
    # Two networks behind each interval: the share is shown, and no more than that can be asked of it.
    found.append(Check("rtx-a6000", what, f"{inside / points:.0%} inside", f"{low:.0%} to {high:.0%}", met, False))
    for network, error in published_checks.hooks().items():
        what = f"factor phase by hooks, not fitted ({network})"
        limit = published_checks.FACTORS
        found.append(Check("rtx-a6000", what, f"{error:+.1%}", f"{limit:.0%}", abs(error) <= limit, required=False))
    error = published_checks.host_bound()
    text = "factor phase that is host code (1)"
    limit = published_checks.FACTORS
    found.append(
        Check("rtx-a6000", text, f"{error:+.1%} (mnist_mlp)", f"{limit:.0%}", abs(error) <= limit, required=False)
    )
    return found


def _simulator() -> list[Check]:
    """The laws of the simulated solver, on trials of sizes and spectra that no fit has seen.

    As a projection uses them, knowing n, kappa and moments of the spectrum; and with all of the spectrum known, which
    checks how they were derived.
    """
    data = Path(__file__).parents[1] / "data" / "simulator" / "trials.jsonl"
    if importlib.util.find_spec("validation.simulator.law_scores") is None or not data.exists():
        return []
    from validation.simulator.law_scores import COVERAGE_WITHIN, MEDIAN_AT_MOST, fit_all, score_all
    from validation.simulator.trials import read_trials

    records = read_trials(data)
    result = score_all(fit_all(records), records)
    total = result["held_out"]["total"]
    low, high = COVERAGE_WITHIN
    return [
        *_projected(records),
        Check(
            "simulator",
            f"laws that know the spectrum, new sizes and spectra ({total['trials']})",
            f"median {total['median_error']:.1%}, {total['coverage']:.1%} inside",
            f"median {MEDIAN_AT_MOST:.0%}, {low:.0%} to {high:.0%} inside",
            bool(result["passed"]),
        ),
    ]


def _projected(records: list[dict[str, Any]]) -> list[Check]:
    """Each law of a projection, with the factors that a projection draws, and all of them together."""
    from validation.simulator import projected
    from validation.simulator.reached import reached

    scores = projected.score_factors(reached(records), load_solver())
    checks = [
        Check(
            "solver",
            f"{each.law}, as projected ({each.trials})",
            f"median {each.median_error:.1%} (a factor {each.off_by:.2f}), {each.coverage:.1%} inside",
            f"a factor {projected.OFF_AT_MOST:g}, {projected.COVERAGE_AT_LEAST:.0%} inside",
            each.passed,
        )
        for each in scores
    ]
    share, (low, high) = projected.pooled_coverage(scores), projected.COVERAGE_WITHIN
    what = f"90 % intervals of all laws ({sum(each.trials for each in scores)})"
    return [*checks, Check("solver", what, f"{share:.1%} inside", f"{low:.0%} to {high:.0%}", low <= share <= high)]
