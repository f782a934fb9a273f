"""The calibration: a short run, its resumption after a kill, its statistics on known truths, and what is shipped."""

import io
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from solver import Regime
from validation.simulator import calibrate, spectra, trials
from validation.simulator.fitting import Points, fit
from validation.simulator.law_scores import fit_all, score_all
from validation.simulator.lines import append, read
from validation.simulator.scaling import settling_exponent

SHIPPED = Path(calibrate.__file__).parents[1] / "data" / "simulator"


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """One short calibration for all tests of this file."""
    out = tmp_path_factory.mktemp("calibration")
    stdout, stderr = io.StringIO(), io.StringIO()
    code = calibrate.main(["--out", str(out), "--short", "--threads", "1"], stdout=stdout, stderr=stderr)
    return out, code, stdout.getvalue(), stderr.getvalue()


def test_a_short_calibration_predicts_what_it_has_not_seen(short):
    """The issue's bounds hold for the pooled held-out trials; the seed is fixed, so this cannot flicker."""
    out, code, stdout, stderr = short
    report = json.loads((out / "fit.json").read_text())
    total = report["score"]["held_out"]["total"]
    # four of nine laws in two regimes, two of each of two further families of three
    assert total["trials"] == 2 * (9 * 4 + 3 * 2 * 2)
    assert total["median_error"] <= 0.05
    assert 0.85 <= total["coverage"] <= 0.97
    assert code == 0
    assert "passed" in stdout
    # twelve of six laws, six of each of three further families, two of each of two, of three laws; five of each of six
    # families and four more of four laws of a projection
    assert f"[{2 * (6 * 12 + 3 * (3 * 6 + 2 * 2) + 4 * (6 * 5 + 4))}/" in stderr


def test_laws_with_the_spectrum_need_no_correction(short):
    """Exponents of the derived laws are 1 within 4 standard errors, for the eighteen (law, regime) pairs."""
    report = json.loads((short[0] / "fit.json").read_text())
    forms = {key: f for key, f in report["fits"].items() if key.endswith("/spectral")}
    assert len(forms) == 18
    for key, f in forms.items():
        assert abs(f["exponent"] - 1) < 4 * math.hypot(f["exponent_se"], f["scatter"] / math.sqrt(f["trials"])), key


def test_records_say_where_they_come_from(short):
    for record in read(short[0] / "trials.jsonl"):
        assert {"schema", "version", "torch", "seed", "key", "repeats", "wall_s"} <= record.keys()


def test_finished_trials_are_not_run_again(short, monkeypatch):
    out, _, stdout, _ = short
    monkeypatch.setattr(calibrate, "run", lambda trial: pytest.fail(f"{trial.key} was run again"))
    again = io.StringIO()
    calibrate.main(["--out", str(out), "--short"], stdout=again, stderr=io.StringIO())
    assert again.getvalue() == stdout


def test_a_killed_calibration_loses_the_trial_in_flight_only(tmp_path):
    """SIGKILL once a few trials are on file: whole lines only, and the next run takes up from there."""
    command = [
        sys.executable,
        "-m",
        "validation.simulator.calibrate",
        "--out",
        str(tmp_path),
        "--short",
        "--threads",
        "1",
    ]
    root = str(Path(calibrate.__file__).parents[2])
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=root, env={**os.environ, "PYTHONPATH": root}
    )
    assert process.stderr is not None
    announced = 0
    while announced < 5:
        line = process.stderr.readline()
        assert line, "the calibration ended before it was killed"
        announced += line.startswith("[")
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = read(tmp_path / "trials.jsonl")
    assert len(kept) >= announced
    design = trials.design(8, 4, 0, small=True)
    some = [*design[: len(kept)], design[len(kept)]]
    progress = io.StringIO()
    records = calibrate.run_trials(some, tmp_path / "trials.jsonl", progress)
    assert f"{len(kept)} of {len(some)} trials are there already" in progress.getvalue()
    assert [r["key"] for r in records] == [t.key for t in some]


def test_a_torn_line_is_dropped_and_a_corrupt_one_is_reported(tmp_path):
    path = tmp_path / "records.jsonl"
    append(path, {"key": "a"})
    with path.open("a") as file:
        file.write('{"key": "b"')  # what a kill in the middle of a write leaves
    assert read(path) == [{"key": "a"}]
    append(path, {"key": "c"})
    assert read(path) == [{"key": "a"}, {"key": "c"}]
    path.write_text('{"key": \n{"key": "d"}\n')
    with pytest.raises(ValueError, match=r"records.jsonl:1: not a record"):
        read(path)


def synthetic(count, seed, scatter=0.05):
    source = np.random.default_rng(seed)
    law, n = np.exp(source.uniform(-3, 1, count)), source.choice([8, 32, 128], count)
    log_se = source.uniform(0.01, 0.1, count)
    log_value = 0.3 + 0.9 * np.log(law) - 1.5 / n + source.normal(0, scatter, count) + source.normal(0, log_se)
    return Points.of(list(np.exp(log_value)), list(law), list(n), list(log_se), repeats=1000)


def test_fit_recovers_known_constants_within_their_errors():
    fitted = fit(synthetic(400, 1))
    truth = (0.3 + 0.9 * fitted.center, 0.9, -1.5)
    got = (fitted.log_constant, fitted.exponent, fitted.finite_size)
    for i in range(3):
        assert abs(got[i] - truth[i]) < 4 * math.sqrt(fitted.covariance[i][i])
    assert fitted.scatter == pytest.approx(0.05, rel=0.3)


def test_stated_errors_are_the_scatter_of_repeated_fits():
    """Standard error of the exponent over 200 data sets, known to 1 / sqrt(400) = 5 %: 4 of those."""
    fits = [fit(synthetic(60, seed)) for seed in range(200)]
    actual = np.std([f.exponent for f in fits])
    stated = np.sqrt(np.mean([f.covariance[1][1] for f in fits]))
    assert stated == pytest.approx(actual, rel=0.2)


def test_intervals_cover_what_they_say():
    """90 % intervals of a fit on 60 points, on 2000 new ones: 90 % within 4 sqrt(0.9 * 0.1 / 2000) = 2.7 %, and the
    fit's own error, which is common to all of them."""
    fresh = synthetic(2000, 7)
    _, low, high = fit(synthetic(60, 8)).predict(fresh)
    assert np.mean((fresh.value >= low) & (fresh.value <= high)) == pytest.approx(0.9, abs=0.045)


def test_fits_refuse_what_cannot_be_fitted():
    with pytest.raises(ValueError, match="at least 5 trials"):
        fit(Points.of([1.0], [1.0], [8.0], [0.1], 10))
    with pytest.raises(ValueError, match="do not vary"):
        fit(Points.of([1.0] * 6, [1.0] * 6, [8.0] * 6, [0.1] * 6, 10))


def test_held_out_trials_never_fit():
    design = trials.design(8, 8, 3)
    assert design == trials.design(8, 8, 3)
    # 16 of six laws in two regimes; 6 of each of three further families, 2 of each of two, of three laws; 5 of each of
    # six families and 4 times 3 of four laws of a projection
    assert len({t.key for t in design}) == len(design) == 2 * (6 * 16 + 3 * (3 * 6 + 2 * 2) + 4 * (6 * 5 + 4 * 3))
    kinds = {t.held_out for t in design}
    assert kinds == {(), ("n",), ("kappa",), ("spectrum",), ("n", "kappa", "spectrum")}


@pytest.mark.parametrize("family", spectra.FAMILIES)
def test_spectra_span_their_interval(family):
    spectrum = spectra.FAMILIES[family](20, 50.0)
    assert spectrum[0].item() == pytest.approx(1 / 50)
    assert spectrum[-1].item() == pytest.approx(1.0)
    assert (spectrum.diff() >= 0).all()
    A = spectra.matrices(spectrum, 2, seed=1)
    assert np.allclose(np.linalg.eigvalsh(A.numpy()), spectrum.numpy())


@pytest.mark.parametrize(("regime", "exponent"), [(Regime.OVERDAMPED, 1.0), (Regime.UNDERDAMPED, 0.5)])
def test_settling_exponents(regime, exponent):
    found = settling_exponent(regime, seed=1)
    assert abs(found.exponent - exponent) < 4 * found.standard_error
    assert found.standard_error < 0.005


def test_bad_arguments_end_with_2(tmp_path, capsys):
    assert calibrate.main(["--nonsense"]) == 2
    assert "--nonsense" in capsys.readouterr().err
    (tmp_path / "trials.jsonl").write_text('{"broken\n{}\n')
    stderr = io.StringIO()
    assert calibrate.main(["--out", str(tmp_path), "--short"], stderr=stderr) == 2
    assert "trials.jsonl:1" in stderr.getvalue()


def test_the_shipped_fit_is_that_of_the_shipped_trials():
    records = read(SHIPPED / "trials.jsonl")
    report = json.loads((SHIPPED / "fit.json").read_text())
    assert len(records) == 2352
    fits = fit_all(records)
    for key, fitted in fits.items():
        shipped = report["fits"]["/".join(key)]
        assert shipped["exponent"] == pytest.approx(fitted.exponent, rel=1e-5)
        assert np.allclose(shipped["covariance"], fitted.covariance, rtol=1e-3)
    scored = score_all(fits, records)
    assert scored["passed"]
    assert scored["held_out"]["total"]["trials"] == 960


def test_shipped_trials_can_be_repeated():
    """Three of the shipped trials without noise, run again from their seeds."""
    by_key = {r["key"]: r for r in read(SHIPPED / "trials.jsonl")}
    for trial in [t for t in trials.design(40, 40, 0) if t.law == "settling" and t.n == 8][:3]:
        assert calibrate.run(trial).value == pytest.approx(by_key[trial.key]["value"], rel=1e-6)
