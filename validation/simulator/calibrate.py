"""Run the designed trials, fit the laws, score them on what was held out.

    python -m validation.simulator.calibrate --out DIRECTORY [--short] [--seed 0]

writes DIRECTORY/trials.jsonl (resumed when it exists: finished trials are not run again), DIRECTORY/fit.json and
DIRECTORY/solver.yaml, which a projection reads as costmodel/catalog/solver.yaml. It ends with 0 when the laws predict
the held-out trials well enough, 1 when they do not, 2 on bad arguments, broken trials or a folder it cannot write to.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TextIO

import torch

from costmodel.inputs.files import write_text
from costmodel.machines.solver import LawFactor, SolverLaw
from solver import Regime
from validation.simulator.catalog import solver_text
from validation.simulator.factors import fit_factors
from validation.simulator.fitting import LawFit
from validation.simulator.law_scores import fit_all, score_all
from validation.simulator.lines import BrokenTrialsError, Line, append
from validation.simulator.measure import run
from validation.simulator.outcome import REPEATS
from validation.simulator.projected import passed, pooled_coverage, score_factors
from validation.simulator.reached import reached
from validation.simulator.scaling import settling_exponent
from validation.simulator.trials import Trial, design, read_trials

SCHEMA = 1
_FULL, _SHORT = (40, 40), (8, 4)  # fitted and scored trials of every law in every regime


def main(argv: Sequence[str] | None = None, *, stdout: TextIO | None = None, stderr: TextIO | None = None) -> int:
    """Calibrate; the arguments are those of the command line, the result is its exit code."""
    parser = argparse.ArgumentParser(prog="calibrate --simulator", description="Calibrate against the simulator.")
    parser.add_argument("--out", type=Path, default=Path("calibration/simulator"), help="for trials and fit")
    parser.add_argument("--short", action="store_true", help="a seventh of the trials, small ones; for tests")
    parser.add_argument("--seed", type=int, default=0, help="of the design and of every trial")
    parser.add_argument("--threads", type=int, default=None, help="threads of torch")
    try:
        args = parser.parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    out, err = stdout or sys.stdout, stderr or sys.stderr
    trials = design(*(_SHORT if args.short else _FULL), args.seed, small=args.short)
    try:
        records = run_trials(trials, args.out / "trials.jsonl", err)
        factors = fit_factors(reached(records))
        report = evaluate(records, factors, args.seed)
        files = {
            "fit.json": json.dumps(report, indent=2, sort_keys=True) + "\n",
            "solver.yaml": solver_text(factors, sum(not each.held_out for each in reached(records))),
        }
        for name, text in files.items():
            write_text(args.out / name, text)
    except BrokenTrialsError as error:
        print(error, file=err)
        return 2
    except OSError as error:
        print(f"{error.filename or args.out}: {(error.strerror or str(error)).lower()}", file=err)
        return 2
    print(summary(report), file=out)
    return 0 if report["score"]["passed"] and report["projected"]["passed"] else 1


def run_trials(trials: Sequence[Trial], path: Path, progress: TextIO) -> list[Line]:
    """Run what the file does not hold yet, one flushed line a trial, and return the records of all trials."""
    found = {r["key"]: r for r in read_trials(path)}
    missing = [t for t in trials if t.key not in found]
    if len(missing) < len(trials):
        print(f"{path}: {len(trials) - len(missing)} of {len(trials)} trials are there already", file=progress)
    start = time.monotonic()
    for done, trial in enumerate(missing, 1):
        record = _record(trial)
        append(path, record)
        found[trial.key] = record
        left = (time.monotonic() - start) / done * (len(missing) - done)
        print(f"[{done}/{len(missing)}] {trial.key}  {record['wall_s']:.2f} s, about {left:.0f} s left", file=progress)
    return [found[t.key] for t in trials]


def _record(trial: Trial) -> Line:
    start = time.monotonic()
    outcome = run(trial)
    return {
        "schema": SCHEMA,
        **trial.describe(),
        **asdict(outcome),
        "repeats": REPEATS,
        "wall_s": round(time.monotonic() - start, 4),
        **versions(),
    }


def versions() -> dict[str, str]:
    """Of what produced a record."""
    try:
        own = version("costmodel")
    except PackageNotFoundError:
        own = "source"
    return {"version": own, "torch": torch.__version__}


def evaluate(records: Sequence[Line], factors: Mapping[SolverLaw, LawFactor], seed: int) -> dict[str, Any]:
    """Everything that goes into fit.json."""
    fits = fit_all(records)
    projected = score_factors(reached(records), factors)
    scored = score_all(fits, records)
    scored["laws"] = {key: asdict(value) for key, value in scored["laws"].items()}
    return {
        "schema": SCHEMA,
        "seed": seed,
        **versions(),
        "fits": {"/".join(key): {**asdict(value), **_readable(value)} for key, value in fits.items()},
        "score": scored,
        "projected": {
            "laws": {each.law.value: each.as_dict() for each in projected},
            "coverage": pooled_coverage(projected),
            "passed": passed(projected),
        },
        "settling_exponents": {str(regime): asdict(settling_exponent(regime, seed)) for regime in Regime},
    }


def _readable(fitted: LawFit) -> dict[str, float]:
    """Measured over law at the mean of the fitted trials and for large n, and standard errors."""
    return {
        "ratio_at_center": math.exp(fitted.log_constant - fitted.center),
        "ratio_se": fitted.covariance[0][0] ** 0.5,
        "exponent_se": fitted.covariance[1][1] ** 0.5,
    }


def summary(report: dict[str, Any]) -> str:
    """A table for people."""
    lines = [f"{'law':<36}{'measured / law':>18}{'exponent':>18}{'held-out median':>17}{'covered':>9}"]
    for key, f in report["fits"].items():
        s = report["score"]["laws"].get(key)
        held = "" if s is None else f"{s['median_error']:>16.1%} {s['coverage']:>8.0%}"
        ratio = f"{f['ratio_at_center']:.3f} ± {f['ratio_se'] * f['ratio_at_center']:.3f}"
        lines.append(f"{key:<36}{ratio:>18}{f['exponent']:>10.3f} ± {f['exponent_se']:.3f}{held}")
    for name, group in report["score"]["held_out"].items():
        lines.append(
            f"held out, {name}: {group['trials']} trials, median error {group['median_error']:.1%}, "
            f"90 % intervals cover {group['coverage']:.1%}"
        )
    for regime, e in report["settling_exponents"].items():
        lines.append(f"settling time ~ kappa^p, {regime}: p = {e['exponent']:.4f} ± {e['standard_error']:.4f}")
    for law, s in report["projected"]["laws"].items():
        lines.append(
            f"as projected, {law}: {s['trials']} held-out trials, median error {s['median_error']:.1%} (a factor "
            f"{s['off_by']:.2f}), 90 % intervals cover {s['coverage']:.1%}"
        )
    lines.append(f"as projected, total: 90 % intervals cover {report['projected']['coverage']:.1%}")
    lines.append("passed" if report["score"]["passed"] and report["projected"]["passed"] else "fell short")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
