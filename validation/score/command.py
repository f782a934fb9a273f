"""The verb ``validate``: every shipped card, the published ones and the simulator's fit, on data no fit has read."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import load_digital, load_solver
from costmodel.views.table import Table
from validation.heldout import MODEL
from validation.measure import journal
from validation.published import checks as published_checks
from validation.score.scoring import COVERAGE, Scores, by_operation, intervals, score, summaries
from validation.score.shipped import SHIPPED

Printed = tuple[Callable[[], list[dict[str, Any]]], Callable[[], dict[str, Any]], Callable[[], list[Table]], bool]


@dataclass(frozen=True, slots=True)
class Check:
    """One threshold.

    Attributes:
        card: What is scored.
        what: Which data, and how many points.
        found: Errors as text.
        threshold: As text.
        passed: Whether it is met.
        required: Whether a miss fails the run; where published data cannot tell, a miss is shown and stands.
    """

    card: str
    what: str
    found: str
    threshold: str
    passed: bool
    required: bool = True


def validate(timings: str, card: str, *, points: bool) -> Printed:
    """Score and collect what is printed.

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
        scored[each.card] = score(load_digital(each.card), journal.read(each.file), each.threads)
    for name, found in scored.items():
        checks += _checks(name, found)
    if not timings:
        checks += [*_published(), *_simulator()]
    passed = all(check.passed for check in checks if check.required)
    return (
        lambda: _records(scored),
        lambda: {"schema": 1, "passed": passed, "checks": [_check_record(each) for each in checks],
                 "points": _records(scored)},
        lambda: [_check_table(checks), *_detail(scored), *(_point_table(scored) if points else [])],
        passed,
    )  # fmt: skip


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
    return [_check_table(_checks(card, scored)), *_detail({card: scored})]


def _checks(card: str, scored: Scores) -> list[Check]:
    found = []
    for each in summaries(scored.points):
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

    As a projection uses them, knowing n and kappa; and with the spectrum known, which checks how they were derived.
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
            f"a factor {projected.OFF_AT_MOST[each.law]:g}, {projected.COVERAGE_AT_LEAST:.0%} inside",
            each.passed,
        )
        for each in scores
    ]
    share, (low, high) = projected.pooled_coverage(scores), projected.COVERAGE_WITHIN
    what = f"90 % intervals of all laws ({sum(each.trials for each in scores)})"
    return [*checks, Check("solver", what, f"{share:.1%} inside", f"{low:.0%} to {high:.0%}", low <= share <= high)]


def _check_table(checks: Sequence[Check]) -> Table:
    verdict = {(True, True): "met", (True, False): "met", (False, True): "MISSED", (False, False): "missed, known"}
    rows = tuple(
        (each.card, each.what, each.found, each.threshold, verdict[each.passed, each.required]) for each in checks
    )
    return Table("held-out data against thresholds", ("card", "data", "error", "threshold", ""), rows)


def _detail(scored: dict[str, Scores]) -> list[Table]:
    tables = []
    for card, found in scored.items():
        rows = []
        for (group, what), each in by_operation(found.points).items():
            errors = np.array([abs(one.error) for one in each])
            worst = max(each, key=lambda one: abs(one.error))
            label = worst.what.split(" ")[0] if group == MODEL else worst.size
            rows.append(
                (
                    group,
                    what,
                    str(len(each)),
                    f"{np.median(errors):.1%}",
                    f"{np.quantile(errors, 0.9):.1%}",
                    f"{worst.error:+.1%} ({label})",
                    f"{np.mean([one.inside for one in each]):.0%}",
                )
            )
        columns = ("held out", "operation or phase", "points", "median", "p90", "worst", "inside")
        tables.append(Table(f"{card}, by operation", columns, tuple(rows), right=(2, 3, 4, 5, 6)))
    return tables


def _point_table(scored: dict[str, Scores]) -> list[Table]:
    columns = ("held out", "what", "size", "reference", "model", "error", "inside")
    return [
        Table(
            f"{card}, every held-out point",
            columns,
            tuple(
                (e.group, e.what, e.size, f"{e.reference:.4g} s", f"{e.model:.4g} s", f"{e.error:+.1%}", str(e.inside))
                for e in found.points
            ),
            right=(3, 4, 5),
        )
        for card, found in scored.items()
    ]


def _records(scored: dict[str, Scores]) -> list[dict[str, Any]]:
    return [
        {
            "card": card,
            "group": each.group,
            "what": each.what,
            "size": each.size,
            "reference_s": each.reference,
            "model_s": each.model,
            "error": each.error,
            "inside": each.inside,
        }
        for card, found in scored.items()
        for each in found.points
    ]


def _check_record(check: Check) -> dict[str, Any]:
    return {
        "card": check.card,
        "data": check.what,
        "found": check.found,
        "threshold": check.threshold,
        "passed": check.passed,
        "required": check.required,
    }
