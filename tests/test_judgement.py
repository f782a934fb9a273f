"""One rule for time, accuracy and energy, and how a speedup is put in words."""

from dataclasses import replace

import pytest

from costmodel import project
from costmodel.projection.project import Projection
from costmodel.quantities.estimate import Estimate, Status
from costmodel.questions.judgement import GAIN, Answer, Judgement, judgements, overall
from costmodel.views.numbers import speed, speed_range, speed_with_range
from costmodel.views.verdict import change, headline, warnings


def estimate(p05: float, median: float, p95: float) -> Estimate:
    return Estimate(median, p05, p95, Status.ASSUMED)


@pytest.fixture(scope="module")
def small() -> Projection:
    return project("mlp", draws=50)


@pytest.mark.parametrize(("p05", "p95", "answer"), [
    (1.01, 2.0, Answer.YES),  # the whole interval reaches the threshold
    (1.0099, 2.0, Answer.UNDECIDED),
    (0.5, 1.01, Answer.UNDECIDED),  # one end does
    (0.5, 1.0099, Answer.NO),
])  # fmt: skip
def test_the_interval_decides(p05: float, p95: float, answer: Answer) -> None:
    assert Judgement.of("time", estimate(p05, (p05 + p95) / 2, p95), GAIN).answer is answer


def test_without_a_number_the_answer_is_unknown() -> None:
    found = Judgement.of("energy", None, GAIN)
    assert found.as_dict() == {
        "question": "energy", "answer": "unknown", "threshold": 1.01,
        "median": None, "p05": None, "p95": None, "status": None,
    }  # fmt: skip


@pytest.mark.parametrize(("time", "accuracy", "energy", "answer"), [
    ("yes", "yes", "no", "yes"),
    ("yes", "no", "yes", "no"),
    ("no", "yes", "yes", "no"),
    ("yes", "undecided", "yes", "undecided"),
    ("undecided", "yes", "unknown", "undecided"),
])  # fmt: skip
def test_it_pays_off_where_it_is_faster_and_accurate(time: str, accuracy: str, energy: str, answer: str) -> None:
    asked = zip(("time", "accuracy", "energy"), (time, accuracy, energy), strict=True)
    assert overall(tuple(Judgement(question, Answer(each), None, 1.0) for question, each in asked)) == answer


@pytest.mark.parametrize(("limit", "key"), [
    ("input_rounding", "kfac.coupling_tolerance"),
    ("right_hand_sides", "kfac.reading_tolerance"),
    ("output_rounding", "kfac.reading_tolerance"),
    ("mismatch", "kfac.mismatch_tolerance"),
])  # fmt: skip
def test_a_machine_that_is_not_accurate_names_the_tolerance_of_its_flaw(
    limit: str, key: str, small: Projection
) -> None:
    name = small.best_thermodynamic
    found = replace(small.feasibility[name], limit=limit, share_reached=estimate(0.0, 0.0, 0.0))
    fast = {**small.speedup, name: {**small.speedup[name], "kfac.best": estimate(1.5, 2.0, 3.0)}}
    coarse = replace(small, speedup=fast, free_solver=estimate(2.0, 3.0, 4.0), feasibility={name: found})
    assert change(coarse).endswith(f", or where training tolerates more ({key}).")


def test_energy_is_judged_where_the_digital_card_has_a_power(small: Projection) -> None:
    without = project("mlp", "epyc-milan-1-thread", draws=50)
    assert [each.answer for each in judgements(without)][2] is Answer.UNKNOWN
    energy = judgements(small)[2].found
    assert energy == small.energy_gain[small.best_thermodynamic]
    assert energy is not None
    assert energy.p05 < energy.median < energy.p95


@pytest.mark.parametrize("seed", range(6))
def test_energy_of_one_draw_is_the_ratio_of_its_joules(seed: int) -> None:
    """The median of ratios is not the ratio of medians; of one draw there is one ratio, and no tolerance."""
    one = project("mlp", draws=1, seed=seed)
    found = judgements(one)[2].found
    digital, analog = (one.methods[each].energy for each in (one.best_digital, one.best_thermodynamic))
    assert found is not None
    assert digital is not None
    assert analog is not None
    assert found.median == pytest.approx(digital.median / analog.median, rel=1e-12)
    assert found.p05 == found.median == found.p95


def test_ratios_of_energy_are_taken_draw_by_draw(small: Projection) -> None:
    """What a ratio's two sides share cancels: of a method and itself nothing is left, however wide its interval."""
    joules = small.methods[small.best_digital].energy
    assert joules is not None
    assert joules.p95 > 1.2 * joules.p05
    itself = small.energy_gain[small.best_digital]
    assert (itself.p05, itself.median, itself.p95) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(("ratio", "words"), [
    (16.0, "16x faster"), (1 / 16, "16x slower"),  # one number, said one way
    (1.1, "1.1x faster"), (1.05, "5% faster"), (1 / 1.05, "5% slower"), (1.0004, "equal"), (1 / 1.0004, "equal"),
    (0.9991, "0.09% slower"),
])  # fmt: skip
def test_a_speedup_in_words(ratio: float, words: str) -> None:
    assert speed(ratio) == words


def test_an_interval_of_a_speedup_in_words() -> None:
    assert speed_range(estimate(0.25, 0.5, 0.8)) == "4x to 1.25x slower"
    assert speed_range(estimate(0.5, 1.0, 2.0)) == "2x slower to 2x faster"
    assert speed_with_range(estimate(2.0, 2.0, 2.0)) == "2x faster"
    assert speed_with_range(estimate(0.5, 1.5, 2.0)) == "1.5x faster (2x slower to 2x faster)"


def test_the_headline_follows_the_answer(small: Projection) -> None:
    name = small.best_thermodynamic
    faster = {**small.speedup, name: {**small.speedup[name], "kfac.best": estimate(1.5, 2.0, 2.5)}}
    accurate = replace(small.feasibility[name], share_reached=estimate(1.0, 1.0, 1.0))
    poor = replace(small.feasibility[name], share_reached=estimate(0.0, 0.5, 0.9))
    for feasibility, opening, ending in (
        (accurate, "Yes: tngd-2024 pays off for ", "h100-sxm."),
        (poor, "No: tngd-2024 does not pay off for ", "h100-sxm, but is not accurate enough."),
    ):
        told = headline(replace(small, speedup=faster, feasibility={**small.feasibility, name: feasibility}))
        assert told.startswith(opening)
        assert told.endswith(ending)
        assert " is 2x faster (1.5x to 2.5x faster) than the best digital K-FAC step" in told


def test_warnings_come_and_go_with_their_cause(small: Projection) -> None:
    told = "\n".join(warnings(small))
    for cause in ("The network runs in float32.", "values of tngd-2024 are assumed", "Curvature, which decides"):
        assert cause in told
    half = project("mlp", draws=20, set={"precision": "bfloat16"})
    assert not [each for each in warnings(half) if each.startswith("The network runs in float32.")]


def _short_wait() -> Projection:
    found = project("imagenet_vit", draws=20)
    return replace(found, digital=replace(found.digital, idle_power=None))


def test_energy_tells_of_the_wait_it_leaves_out_where_that_may_change_it(small: Projection) -> None:
    assert not [each for each in warnings(small) if each.startswith("Energy leaves out")]  # the card says at what power
    small = replace(small, digital=replace(small.digital, idle_power=None))
    found = small.methods[small.best_thermodynamic]
    waits = sum(found.phases[each].median for each in ("upload", "start", "settle", "average", "readout"))
    told = [each for each in warnings(small) if each.startswith("Energy leaves out")]
    assert told == [
        "Energy leaves out what h100-sxm draws while it waits for the machine, "
        f"{waits / found.step_time.median:.1%} of the step. At the power it works with, energy would be in the ratio "
        "of the times."
    ]
    for silent in (replace(small, energy_gain={}), _short_wait()):  # no power; 0.4 % of a step
        assert not [each for each in warnings(silent) if each.startswith("Energy leaves out")]
