"""Factors on the laws of a projection: their fit, what is shipped, what a projection makes of them, broken trials."""

import dataclasses
import io
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from costmodel.formulas import Formula
from costmodel.formulas.accuracy import chain, split
from costmodel.formulas.accuracy.moments import Moments
from costmodel.formulas.thermo.noise import solution_ratio
from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import CATALOG, load_analog, load_solver, split_settings
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.machines.solver import PREDICTIONS, LawFactor, SolverLaw, Span
from costmodel.methods import AnalogWork, Delivery, FactorConstruction
from costmodel.projection.project import Projection, project
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import one
from solver import Modes, Process, Regime
from solver.durations import relaxation
from solver.moments import response, variance
from tests.formulas import spectra
from tests.round_cards import exact
from tests.test_thermo_projection import ENERGIES, workload
from validation.simulator import calibrate
from validation.simulator.catalog import solver_text
from validation.simulator.factors import fit_factors, half_width
from validation.simulator.lines import BrokenTrialsError
from validation.simulator.outcome import last_above
from validation.simulator.projected import COVERAGE_WITHIN, pooled_coverage, score_factors
from validation.simulator.reached import PLAIN, Reached, law_times, reached
from validation.simulator.spectra import FAMILIES, spectrum_moments
from validation.simulator.trials import FACTORS, GRADIENTS, design, read_trials

TRIALS = Path(calibrate.__file__).parents[1] / "data" / "simulator" / "trials.jsonl"
ANY = Span(1, 1000)


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


def test_a_factor_of_one_is_the_formula_itself(digital: DigitalCard, analog: AnalogCard) -> None:
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


def all_measured(inputs: Any) -> Any:
    """Whatever there is besides the solver's factors, known."""
    found = {each.name: getattr(inputs, each.name) for each in dataclasses.fields(inputs)}
    measured = {
        name: replace(value, status=Status.MEASURED) for name, value in found.items() if isinstance(value, Quantity)
    }
    return replace(inputs, **measured)


@pytest.mark.parametrize(("size", "kappa", "status"), [(64, 10, "interpolated"), (64, 10, "extrapolated")])
def test_status_says_whether_the_trials_cover_a_factor(
    size: int, kappa: int, status: str, digital: DigitalCard, analog: AnalogCard
) -> None:
    inside = status == "interpolated"
    found = replace(factor(0.5), size=Span(8, size if inside else size - 1), kappa=Span(3, kappa))
    assert found.covers(size, kappa) is inside
    network = workload()
    network, card = replace(network, kfac=all_measured(network.kfac)), all_measured(analog)
    result = project(network, digital, replace(card, solver=every(found)))
    assert result.methods["thermo.inverse"].phases["settle"].status.value == status


def test_scenarios_take_the_end_that_hurts_or_helps(digital: DigitalCard, analog: AnalogCard) -> None:
    card = replace(analog, solver=every(factor(0.5, 0.25, 0.75)))
    hurt, help_ = (project(workload(), digital, card, scenario=name) for name in ("conservative", "optimistic"))
    settle = [each.methods["thermo.inverse"].phases["settle"].median for each in (hurt, help_)]
    assert settle[0] / settle[1] == pytest.approx(0.75 / 0.25)  # every other input is exact


# --- shipped, and set ----------------------------------------------------------------------------------------------


def test_every_analog_card_is_loaded_with_the_shipped_factors() -> None:
    card = load_analog("tngd-2024")
    assert set(card.solver) == set(SolverLaw)
    assert card.solver == load_solver()
    for law, each in card.solver.items():
        assert 0 < each.factor.low <= each.factor.value <= each.factor.high
        assert each.factor.high <= 1 or law in PREDICTIONS


def test_sampling_hardly_needs_a_factor() -> None:
    """What n, kappa and a spectrum's moments leave of it is a few per cent on overdamped cells."""
    found = load_solver()[SolverLaw.AVERAGE_COVARIANCE].factor
    assert found.value == pytest.approx(1, abs=0.1)
    assert found.high / found.low < 1.35


def test_factors_are_among_the_assumptions_and_can_be_set(digital: DigitalCard, analog: AnalogCard) -> None:
    settings = split_settings(["solver.settle_mean.factor=1", "average_covariance.factor=1.5"])["solver"]
    solver = load_solver(settings)
    for law, value in ((SolverLaw.SETTLE_MEAN, 1), (SolverLaw.AVERAGE_COVARIANCE, 1.5)):
        given = replace(exact(value), source="given without a source")
        assert solver[law].factor == given
    found = project(workload(), digital, replace(analog, solver=solver), draws=50).assumptions
    assert found["solver.settle_mean.factor"].value == 1
    assert found["solver.average_covariance.factor"].value == 1.5


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
        assert (found.kappa, found.size) == (fitted[law].kappa, fitted[law].size)
        ends = [(each.factor.value, each.factor.low, each.factor.high) for each in (found, fitted[law])]
        assert ends[0] == pytest.approx(ends[1], rel=1e-5), law


def test_what_is_written_is_read_back(shipped: list[Reached], tmp_path: Path) -> None:
    fitted = fit_factors(shipped)
    (tmp_path / "solver.yaml").write_text(solver_text(fitted, 576))
    assert (tmp_path / "solver.yaml").read_text() == solver_text(load_solver(file=tmp_path / "solver.yaml"), 576)


# --- held-out trials -----------------------------------------------------------------------------------------------


def test_intervals_as_projected_hold_trials_of_unseen_spectra_and_sizes(shipped: list[Reached]) -> None:
    scores = score_factors(shipped, load_solver())
    assert {each.law: each.trials for each in scores} == dict.fromkeys(SolverLaw, 60)
    assert all(each.passed for each in scores), [each.as_dict() for each in scores]
    low, high = COVERAGE_WITHIN
    assert low <= pooled_coverage(scores) <= high
    # hardly a run takes longer than its interval says: what misses is shorter
    assert np.mean([each.longer for each in scores]) < 0.02


def test_formulas_taken_as_they_are_miss_them(shipped: list[Reached]) -> None:
    """Without a factor there is no scatter either: only what a trial does not know of its own time is allowed."""
    assert pooled_coverage(score_factors(shipped, every(factor(1.0)))) < 0.25


def test_no_trial_takes_longer_than_a_bound(shipped: list[Reached]) -> None:
    """Beyond its own error: 792 trials, of which 4 standard errors leave 0.03."""
    bounded = [each for each in shipped if each.law not in PREDICTIONS]
    ratio = np.array([each.time for each in bounded]) / law_times(bounded)
    assert (ratio <= np.exp(4 * np.array([each.log_se for each in bounded])) * (1 + 1e-6)).all()


MEASURED = [each for layer in spectra.layers(largest=700) for each in layer.factors if each.kappa > 1.5]
#: Overdamped, underdamped: what two modes' autocorrelations integrate to.
SUMS = {
    SolverLaw.AVERAGE_COVARIANCE: spectra.overdamped,
    SolverLaw.UNDERDAMPED_AVERAGE_COVARIANCE: spectra.underdamped,
}


@pytest.mark.parametrize("law", SUMS)
def test_sampling_of_spectra_of_trained_networks_is_within_its_intervals(law: SolverLaw) -> None:
    """A hundred factors of nine networks that no trial is made of; their expected errors are exact sums over modes."""
    time = 1e4
    trials = []
    for each in MEASURED:
        error = math.sqrt(spectra.covariance_error(each, SUMS[law]) / time)
        trials.append(Reached(law, "", each.n, each.kappa, each.moments, error, time, 0.0, held_out=True))
    (score,) = score_factors(trials, load_solver())
    assert score.trials == 100
    assert score.coverage >= 0.85
    assert score.off_by < 1.12
    assert score.longer < 0.05


#: What is left of a mode at a time after rest, in the mean and in the covariance.
LEFT = {
    SolverLaw.SETTLE_MEAN: (Regime.OVERDAMPED, response),
    SolverLaw.SETTLE_COVARIANCE: (Regime.OVERDAMPED, variance),
    SolverLaw.UNDERDAMPED_SETTLE_MEAN: (Regime.UNDERDAMPED, response),
    SolverLaw.UNDERDAMPED_SETTLE_COVARIANCE: (Regime.UNDERDAMPED, variance),
}


@pytest.mark.parametrize("error", [0.5, 0.1, 0.001])
@pytest.mark.parametrize("law", LEFT)
def test_settling_of_spectra_of_trained_networks_is_within_its_intervals(law: SolverLaw, error: float) -> None:
    """A third of those factors: times at which their gradients' modes lack as much."""
    regime, moment = LEFT[law]
    trials = []
    for each in MEASURED[::3]:
        scaled, weights = torch.tensor(each.damped / each.damped.max()), torch.tensor(each.weights)
        modes = Modes(scaled, torch.eye(1, dtype=torch.float64))
        process = Process(modes, regime, 1.0, 2 / math.sqrt(each.kappa))

        def left(t: float, process: Process = process, scaled: Tensor = scaled, weights: Tensor = weights) -> float:
            return float((weights * (1 - scaled * moment(process, t)) ** 2).sum()) ** 0.5

        time = last_above(left, error, relaxation(each.kappa, regime))
        trials.append(Reached(law, "", each.n, each.kappa, each.moments, error, time, 0.0, held_out=True))
    (score,) = score_factors(trials, load_solver())
    assert score.trials == 34
    assert score.coverage >= 0.75
    assert score.off_by < 1.25
    assert score.longer < 0.1


BUDGET = {"T_t": 0.75, "T_n": 0.2, "u_s": 0.25, "u_i": 0.25, "u_x": 0.25}
RATIOS = {Delivery.INVERSE: split.inverse_cost_ratio, Delivery.SOLUTION: split.solve_cost_ratio}


def evaluated(formula: Formula, values: dict[str, float]) -> float:
    return float(formula.evaluate(**{each.letter: values[each.letter] for each in formula.symbols}))


@pytest.mark.parametrize("law", SolverLaw)
def test_trials_are_scored_by_the_formulas_of_the_methods(law: SolverLaw) -> None:
    """A budget for the error of a gradient: a method's time at its own tolerance is a trial's that reached its share.

    One right-hand side on one array, times in units of tau; a trial is of one of two factors that are off as much.
    """
    (method, work), *_ = [
        (method, work)
        for method in (build(FactorConstruction.EXPAND) for build in PLAIN)
        for phase in method.phases
        for work in phase.works
        if isinstance(work, AnalogWork) and work.law is law and phase.part.name != "eliminate"
    ]
    factor = MEASURED[3]
    values = factor.values("n", "m", "kappa", "s_r", "d_e", "q", "mu_2", "s_x") | BUDGET
    values |= {"k": 1, "h": 1, "tau": 1, "tau_o": 1, "nu": 1e-4}
    values["nu"] = evaluated(solution_ratio(), values)
    values["c_r"] = evaluated(RATIOS[method.delivers](), values)
    if "settle" in law:
        epsilon = chain.missing().evaluate(epsilon_t=evaluated(split.settling(), values))
    else:
        epsilon = chain.independent().evaluate(epsilon_n=evaluated(split.sampled(), values))
    assert work.tolerance is not None
    expected = evaluated(work.time, values | {"epsilon": evaluated(work.tolerance, values)})
    trial = Reached(law, "", factor.n, factor.kappa, factor.moments, epsilon, 1.0, 0.0, held_out=True, noise=1e-4)
    assert law_times([trial]) == pytest.approx([expected], rel=1e-9)


MOMENTS = Moments(
    condition_number=10, stable_rank=2, effective_dimension=3, damping_share=0.6, squared_rank=2
)  # of any spectrum: times and errors below are made with the same ones


def synthetic(deviation: float, families: int, seed: int, scatter: float = 0.05) -> list[Reached]:
    """Trials of families whose factor is 0.3 within exp(deviation), drawn anew for each."""
    source = np.random.default_rng(seed)
    found = []
    for family in range(families):
        level = math.log(0.3) + source.normal(0, deviation)
        for n, kappa in [(n, k) for n in (8, 16, 64) for k in (10.0, 100.0)]:
            for law in SolverLaw:
                bare = Reached(law, f"f{family}", n, kappa, MOMENTS, 0.1, 1.0, 0.0, held_out=False)
                log_time = math.log(law_times([bare])[0]) + level + source.normal(0, scatter)
                found.append(replace(bare, time=math.exp(log_time)))
    return found


def test_the_fit_recovers_a_known_factor() -> None:
    """20 families, 0.3 apart: their mean logarithm is known to 0.3 / sqrt(20) = 0.07, of which 4 are allowed."""
    for found in fit_factors(synthetic(0.3, 20, 1)).values():
        assert math.log(found.factor.value / 0.3) == pytest.approx(0, abs=4 * 0.07)
        assert found.factor.low < 0.3 < found.factor.high


@pytest.mark.parametrize(("law", "most"), [(SolverLaw.SETTLE_MEAN, 1.0), (SolverLaw.AVERAGE_COVARIANCE, 3.0)])
def test_only_a_bound_keeps_a_factor_from_exceeding_1(law: SolverLaw, most: float) -> None:
    longer = [replace(each, time=10 * each.time) for each in synthetic(0.01, 20, 1)]
    found = fit_factors(longer)[law].factor
    assert found.value == pytest.approx(most, rel=0.05)
    assert found.high == pytest.approx(most, rel=0.15)


@pytest.mark.parametrize(("deviation", "scatter"), [(0.4, 0.05), (0.05, 0.2)])
def test_a_range_is_that_of_a_new_family(deviation: float, scatter: float) -> None:
    """Fits on six families, scored on one more, 40 times: 90 % of 40 x 8 laws; laws of one fit differ in their draws.

    The 320 are independent but for rounding, so 4 standard errors are 7 %. Families may part more than trials of one,
    or less.
    """
    inside = []
    for seed in range(40):
        trials = synthetic(deviation, 7, 100 + seed, scatter)
        factors = fit_factors([each for each in trials if each.family != "f6"])
        new = [each for each in trials if each.family == "f6" and (each.n, each.kappa) == (16, 100.0)]
        inside += [covered for score in score_factors(new, factors, held_out=False) for covered in score.inside]
    assert len(inside) == 320
    assert np.mean(inside) == pytest.approx(0.9, abs=0.07)


def test_tails_are_those_of_the_part_that_decides() -> None:
    # 5 and 66 degrees of freedom: Student's 2.015 and 1.668
    assert half_width([(0.04, 5)]) == pytest.approx(0.2 * 2.015, rel=1e-3)
    assert half_width([(0.04, 66), (0.0, 5)]) == pytest.approx(0.2 * 1.668, rel=1e-3)
    # equal halves: (2 v)^2 / (v^2 / 5 + v^2 / 66) = 18.6 degrees, 1.731
    assert half_width([(0.02, 5), (0.02, 66)]) == pytest.approx(0.2 * 1.731, rel=2e-3)
    assert half_width([(0.0, 5)]) == 0


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
        (json.dumps(GOOD | {"law": "gradient_averaging"}), "missing or wrong: swing"),
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


@pytest.mark.parametrize("law", GRADIENTS)
def test_trials_of_gradients_are_of_spectra_like_those_of_networks(law: str) -> None:
    trials = [trial for trial in design(40, 40, 0) if trial.law == law]
    assert {trial.spectrum for trial in trials if not trial.held_out} == set(FACTORS[False])
    assert {trial.spectrum for trial in trials if "spectrum" in trial.held_out} == set(FACTORS[True])
    for trial in trials:
        known = spectrum_moments(FAMILIES[trial.spectrum](trial.n, trial.kappa))
        assert known.condition_number == pytest.approx(trial.kappa)
        assert known.damping_share >= 0.3
        assert known.effective_dimension <= 0.6 * trial.n
