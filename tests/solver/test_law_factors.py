"""Factors on the laws of a projection: their fit, what is shipped, what a projection makes of them, broken trials."""

import dataclasses
import io
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import CATALOG, load_analog, load_solver, split_settings
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.machines.solver import LawFactor, SolverLaw, Span
from costmodel.projection.project import Projection, project
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import one
from tests.round_cards import exact
from tests.test_thermo_projection import ENERGIES, workload
from validation.simulator import calibrate
from validation.simulator.catalog import solver_text
from validation.simulator.factors import fit_factors
from validation.simulator.lines import BrokenTrialsError
from validation.simulator.projected import COVERAGE_WITHIN, pooled_coverage, score_factors
from validation.simulator.reached import Reached, law_times, projected_times, reached
from validation.simulator.trials import design, read_trials

TRIALS = Path(calibrate.__file__).parents[1] / "data" / "simulator" / "trials.jsonl"
ANY = Span(1, 10, 1000)


def factor(value: float, low: float | None = None, high: float | None = None) -> LawFactor:
    quantity = Quantity(value, low or value, high or value, one, Status.INTERPOLATED, "made up")
    return LawFactor(quantity, kappa=ANY, size=ANY)


def every(found: LawFactor) -> dict[SolverLaw, LawFactor]:
    return dict.fromkeys(SolverLaw, found)


@pytest.fixture(scope="module")
def shipped() -> list[Reached]:
    return reached(read_trials(TRIALS))


# --- what a projection makes of a factor ---------------------------------------------------------------------------

RUNS = {
    "thermo.inverse": ("settle", "sample"),
    "thermo.inverse.underdamped": ("settle", "sample"),
    "thermo.solve": ("settle", "average"),
    "thermo.solve.underdamped": ("settle", "average"),
}


def both(digital: DigitalCard, card: AnalogCard, found: LawFactor) -> tuple[Projection, Projection]:
    noisy = replace(card, **ENERGIES, noise_to_signal=exact(1e-6), oscillation_time=card.relaxation_time)
    return project(workload(), digital, noisy), project(workload(), digital, replace(noisy, solver=every(found)))


@pytest.mark.parametrize("method", RUNS)
def test_a_factor_scales_time_and_energy_of_runs_once_and_nothing_else(
    method: str, digital: DigitalCard, analog: AnalogCard
) -> None:
    worst, scaled = (each.methods[method] for each in both(digital, analog, factor(0.25)))
    for phase, time in worst.phases.items():
        share = 0.25 if phase in RUNS[method] else 1.0
        assert scaled.phases[phase].median == pytest.approx(share * time.median), phase
    for phase, energy in worst.phase_energy.items():
        share = 0.25 if phase in RUNS[method] else 1.0
        assert scaled.phase_energy[phase].median == pytest.approx(share * energy.median), phase


@pytest.mark.parametrize("method", ["thermo.solve", "thermo.solve.underdamped"])
def test_runs_of_block_elimination_are_scaled_its_conversions_and_messages_are_not(
    method: str, digital: DigitalCard, analog: AnalogCard
) -> None:
    tiled = replace(analog, cells=exact(16))
    half, whole = (both(digital, tiled, factor(value))[1].methods[method] for value in (0.5, 1.0))
    nothing = both(digital, tiled, factor(1e-9))[1].methods[method]
    eliminate = [each.phases["eliminate"].median for each in (nothing, half, whole)]
    assert 0 < eliminate[0] < eliminate[1] < eliminate[2]
    assert eliminate[1] - eliminate[0] == pytest.approx((eliminate[2] - eliminate[0]) / 2)


def test_a_factor_of_one_is_the_worst_case(digital: DigitalCard, analog: AnalogCard) -> None:
    worst, scaled = both(digital, analog, factor(1.0))
    for name, method in worst.methods.items():
        assert scaled.methods[name].step_time.median == pytest.approx(method.step_time.median, rel=1e-12)


def test_its_scatter_widens_the_interval_of_the_runs(digital: DigitalCard, analog: AnalogCard) -> None:
    sharp, wide = (both(digital, analog, found)[1] for found in (factor(0.5), factor(0.5, 0.2, 0.9)))
    narrow, broad = (each.methods["thermo.inverse"].phases["sample"] for each in (sharp, wide))
    assert narrow.p05 == pytest.approx(narrow.p95)  # every other input is exact
    # 5th and 95th percentile of 2000 draws: 4 of their standard errors, 7 % of a half-width of ln(2.5) and ln(1.8)
    assert broad.p05 / narrow.p05 == pytest.approx(0.4, rel=0.12)
    assert broad.p95 / narrow.p95 == pytest.approx(1.8, rel=0.12)


def test_powers_of_kappa_and_n_by_hand() -> None:
    # 0.8 (40 / 10)^-0.5 (160 / 10)^-0.25 = 0.8 / 2 / 2
    found = replace(factor(0.8), kappa_decay=exact(0.5), size_decay=exact(0.25))
    drawn = {name: np.array([quantity.value]) for name, quantity in found.quantities().items()}
    assert found.at(drawn, np.array([[160.0]]), np.array([[40.0]])) == pytest.approx(np.array([[0.2]]))
    # a law is an upper bound: small kappa does not lift the factor above it
    assert found.at(drawn, np.array([[1.0]]), np.array([[1.0]])) == pytest.approx(np.array([[1.0]]))


@pytest.mark.parametrize(("size", "kappa", "status"), [(64, 10, "interpolated"), (64, 10, "extrapolated")])
def test_status_says_whether_the_trials_cover_a_factor(
    size: int, kappa: int, status: str, digital: DigitalCard, analog: AnalogCard
) -> None:
    inside = status == "interpolated"
    found = replace(factor(0.5), size=Span(8, 8, size if inside else size - 1), kappa=Span(3, 10, kappa))
    assert found.covers(size, kappa) is inside
    card = replace(analog, solver=every(found))
    measured = dataclasses.replace(card, relaxation_time=replace(card.relaxation_time, status=Status.MEASURED))
    network = workload()
    known = {
        name: replace(getattr(network.kfac, name), status=Status.MEASURED)
        for name in ("relative_error", "condition_number")  # given outright: no curvature is drawn
    }
    network = replace(network, kfac=replace(network.kfac, **known))
    result = project(network, digital, measured)
    assert result.methods["thermo.inverse"].phases["settle"].status.value == status


def test_scenarios_take_the_end_that_hurts_or_helps(digital: DigitalCard, analog: AnalogCard) -> None:
    found = replace(factor(0.5, 0.25, 0.75), kappa_decay=Quantity(0.5, 0.1, 1.0, one, Status.INTERPOLATED, ""))
    card = replace(analog, solver=every(replace(found, kappa=Span(1, 1, 100))))
    hurt, help_ = (project(workload(), digital, card, scenario=name) for name in ("conservative", "optimistic"))
    settle = [each.methods["thermo.inverse"].phases["settle"].median for each in (hurt, help_)]
    # kappa = 10 above a center of 1; every other input is exact
    assert settle[0] / settle[1] == pytest.approx(0.75 * 10**-0.1 / (0.25 * 10**-1.0))


# --- shipped, and set ----------------------------------------------------------------------------------------------


def test_every_analog_card_is_loaded_with_the_shipped_factors() -> None:
    card = load_analog("tngd-2024")
    assert set(card.solver) == set(SolverLaw)
    assert card.solver == load_solver()
    assert all(0 < each.factor.low <= each.factor.value <= each.factor.high <= 1 for each in card.solver.values())


def test_factors_are_among_the_assumptions_and_can_be_set(digital: DigitalCard, analog: AnalogCard) -> None:
    settings = split_settings(["solver.settle_mean.factor=1", "average_mean.kappa_decay=2"])["solver"]
    solver = load_solver(settings)
    for law, name, value in ((SolverLaw.SETTLE_MEAN, "factor", 1), (SolverLaw.AVERAGE_MEAN, "kappa_decay", 2)):
        given = replace(exact(value), source="given without a source")
        assert solver[law].quantities()[name] == given
    found = project(workload(), digital, replace(analog, solver=solver), draws=50).assumptions
    assert found["solver.settle_mean.factor"].value == 1
    assert found["solver.average_mean.kappa_decay"].value == 2


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("settle_mean.factor=1.5", "--set: settle_mean.factor 1.5 is above 1, which the law itself is"),
        ("settle_mean.factor=-1", "--set: settle_mean.factor -1 is not above 0"),
        ("settle_mean.factor=3 us", "--set: settle_mean.factor '3 us' is not in 1; write it like '1.5'"),
        ("settle_mean.kappa.low=200", "--set: settle_mean.kappa low 200 is above high 100"),
        ("settle_mean.facto=1", "--set: settle_mean.facto unknown key 'facto'; did you mean 'factor'?"),
    ],
)
def test_bad_settings_say_what_is_wrong(setting: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        load_solver([setting])
    assert str(error.value).startswith(message)


def test_a_broken_solver_file_has_a_line_a_fault(tmp_path: Path) -> None:
    text = (CATALOG / "solver.yaml").read_text().replace("settle_mean:", "settle_men:", 1)
    file = tmp_path / "solver.yaml"
    file.write_text(text.replace("status: interpolated", "status: certain", 1))
    with pytest.raises(InputError) as error:
        load_solver(file=file)
    messages = [(fault.path, fault.message) for fault in error.value.faults]
    assert ("settle_mean", "is missing") in messages
    assert ("settle_men", "unknown key 'settle_men'; did you mean 'settle_mean'?") in messages


def test_shipped_factors_are_those_of_the_shipped_trials(shipped: list[Reached]) -> None:
    """The file has nine digits; least squares on other processors may lose four of them."""
    fitted, stored = fit_factors(shipped), load_solver()
    assert set(fitted) == set(stored) == set(SolverLaw)
    for law, found in stored.items():
        assert found.quantities().keys() == fitted[law].quantities().keys()
        assert (found.kappa, found.size) == (fitted[law].kappa, fitted[law].size)
        for name, quantity in found.quantities().items():
            other = fitted[law].quantities()[name]
            ends = [(each.value, each.low, each.high) for each in (quantity, other)]
            assert ends[0] == pytest.approx(ends[1], rel=1e-5), (law, name)


def test_what_is_written_is_read_back(shipped: list[Reached], tmp_path: Path) -> None:
    fitted = fit_factors(shipped)
    (tmp_path / "solver.yaml").write_text(solver_text(fitted, 608))
    assert (tmp_path / "solver.yaml").read_text() == solver_text(load_solver(file=tmp_path / "solver.yaml"), 608)


# --- held-out trials -----------------------------------------------------------------------------------------------


def test_intervals_as_projected_hold_trials_of_unseen_spectra_and_sizes(shipped: list[Reached]) -> None:
    scores = score_factors(shipped, load_solver())
    assert {each.law: each.trials for each in scores} == dict.fromkeys(SolverLaw, 60)
    assert all(each.passed for each in scores), [each.as_dict() for each in scores]
    low, high = COVERAGE_WITHIN
    assert low <= pooled_coverage(scores) <= high
    # hardly a run takes longer than its interval says: what misses is shorter
    assert np.mean([each.longer for each in scores]) < 0.02


def test_the_worst_case_taken_as_it_is_misses_them(shipped: list[Reached]) -> None:
    scores = score_factors(shipped, every(factor(1.0)))
    assert pooled_coverage(scores) < 0.2
    assert not any(each.passed for each in scores if "average" in each.law)


def test_no_trial_takes_longer_than_the_worst_case(shipped: list[Reached]) -> None:
    """Beyond its own error: 1088 trials, of which 4 standard errors leave 0.03; sampling in steps of half a relaxation
    takes coth(1/2) / 2 = 1.08 times a correlator's time, and its underdamped sum over lags 1.01 times.
    """
    ratio = np.array([each.time for each in shipped]) / law_times(shipped)
    steps = np.array([1.083 if "average_covariance" in each.law else 1.0 for each in shipped])
    assert (ratio <= steps * np.exp(4 * np.array([each.log_se for each in shipped])) * (1 + 1e-6)).all()


def test_trials_are_scored_by_the_formula_of_the_projection(digital: DigitalCard, analog: AnalogCard) -> None:
    """One factor A = G = 64 with kappa = 10: the settling of a projection is that of two factors, every tenth step."""
    card = replace(analog, solver=load_solver())
    phase = project(workload(), digital, card).methods["thermo.inverse"].phases["settle"]
    trial = Reached(SolverLaw.SETTLE_COVARIANCE, "", 64, 10, 0.1, 1.0, 0.0, held_out=True)
    times = projected_times([trial], load_solver())[0] * card.relaxation_time.value
    assert phase.median == pytest.approx(2 * np.median(times) / 10)
    assert phase.p95 == pytest.approx(2 * np.quantile(times, 0.95) / 10)


def synthetic(deviation: float, families: int, seed: int) -> list[Reached]:
    """Trials of families whose factor is 0.01 kappa^-1 within exp(deviation), drawn anew for each."""
    source = np.random.default_rng(seed)
    found = []
    for family in range(families):
        level = math.log(0.01) + source.normal(0, deviation)
        for n, kappa in [(n, k) for n in (8, 32) for k in (3.0, 30.0, 100.0)]:
            for law in SolverLaw:
                bare = Reached(law, f"f{family}", n, kappa, 0.1, 1.0, 0.0, held_out=False)
                log_time = math.log(law_times([bare])[0]) + level - math.log(kappa) + source.normal(0, 0.05)
                found.append(replace(bare, time=math.exp(log_time)))
    return found


def test_the_fit_recovers_a_known_power() -> None:
    """20 families, 0.3 apart: the mean of their logarithms is known to 0.3 / sqrt(20) = 0.07, of which 4 are allowed.

    The power is common to all, but lines through six points scattered by 0.05 have slopes wrong by 0.014; the least of
    20, which is taken, is low by 1.9 of those, give or take 0.5.
    """
    for found in fit_factors(synthetic(0.3, 20, 1)).values():
        assert found.kappa_decay is not None
        assert found.kappa_decay.value == pytest.approx(1 - 1.9 * 0.014, abs=4 * 0.5 * 0.014)
        assert found.kappa_decay.low < 1 < found.kappa_decay.high
        assert found.size_decay is None
        at_center = found.factor.value * found.kappa.center**found.kappa_decay.value
        assert math.log(at_center) == pytest.approx(math.log(0.01), abs=0.3)


def test_a_range_is_that_of_a_new_family() -> None:
    """Fits on six families, scored on one more, 40 times: 90 % of 40 x 8 laws; laws of one fit differ in their draws.

    The 320 are independent but for rounding, so 4 standard errors are 7 %.
    """
    inside = []
    for seed in range(40):
        trials = synthetic(0.4, 7, 100 + seed)
        factors = fit_factors([each for each in trials if each.family != "f6"])
        new = [each for each in trials if each.family == "f6" and (each.n, each.kappa) == (8, 30.0)]
        inside += [covered for score in score_factors(new, factors, held_out=False) for covered in score.inside]
    assert len(inside) == 320
    assert np.mean(inside) == pytest.approx(0.9, abs=0.07)


def test_too_few_families_cannot_say_how_families_differ() -> None:
    with pytest.raises(BrokenTrialsError, match=r"settle_mean: 2 families with 5 trials or more, at least 3 needed"):
        fit_factors(synthetic(0.3, 2, 1))


# --- broken trials -------------------------------------------------------------------------------------------------

GOOD = json.loads(TRIALS.read_text().splitlines()[0])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1, 2]", "not a record: list in place of an object"),
        ("3", "not a record: int in place of an object"),
        ("{}", "missing or wrong: key, law, regime, spectrum, held_out, n, seed, repeats, kappa, knob, value, log_se, "
               "spectral, worst"),
        (json.dumps(GOOD | {"value": float("nan")}), "missing or wrong: value"),
        (json.dumps(GOOD | {"value": "fast", "n": 8.5}), "missing or wrong: n, value"),
        (json.dumps(GOOD | {"value": -1.0, "log_se": -1}), "out of range: value, log_se"),
        (json.dumps(GOOD).replace('"knob": 0.1', '"knob": 1e999'), "missing or wrong: knob"),
        (json.dumps(GOOD | {"law": "ohm"}), "unknown law or regime: ohm, overdamped"),
        ("[" * 100_000, "not a record: "),
        ('{"key": ', "not a record: Expecting value"),
    ],
)  # fmt: skip
def test_broken_trials_end_with_2_and_a_line_a_fault(line: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "trials.jsonl"
    file.write_text(f"{line}\n{json.dumps(GOOD)}\n{line}\n{json.dumps(GOOD)}\n")
    errors = io.StringIO()
    assert calibrate.main(["--out", str(tmp_path), "--short"], stderr=errors) == 2
    told = errors.getvalue().splitlines()
    assert [each.split(": ")[0] for each in told] == [f"{file}:1", f"{file}:3"]
    assert told[0].startswith(f"{file}:1: {message}")
    assert file.read_text().count("\n") == 4  # nothing is lost


def test_trials_that_cannot_be_read_or_written_end_with_2(tmp_path: Path) -> None:
    (tmp_path / "a" / "trials.jsonl").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "trials.jsonl").write_bytes(b"\xff\xfe\n")
    (tmp_path / "c").write_text("a file in place of the folder")
    said = {
        "a": "a/trials.jsonl: no file of trials, or one of more than 200 MB",
        "b": "b/trials.jsonl: not UTF-8 text",
        "c": "c: file exists",
    }
    for folder, message in said.items():
        errors = io.StringIO()
        assert calibrate.main(["--out", str(tmp_path / folder), "--short"], stderr=errors) == 2
        assert errors.getvalue().count("\n") == 1
        assert message in errors.getvalue()


def test_the_projected_laws_have_trials_of_further_families() -> None:
    spectra = {trial.spectrum for trial in design(40, 40, 0) if trial.law == "burn_in" and not trial.held_out}
    assert spectra == {"logarithmic", "linear", "spiked", "damped", "clusters", "quadratic"}
