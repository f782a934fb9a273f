"""What is held out, and that no fit reads it."""

import json
from pathlib import Path

import pytest

from costmodel.inputs.loading import load_digital
from tests.measured.synthetic import HEADER, SIZES, full_file, timing_line
from tests.round_cards import assert_alike
from validation.cards.fitted import card, card_text
from validation.fit.calibration import calibrate
from validation.heldout import HELD_OUT_MODELS, for_fitting, for_scoring, held_out
from validation.measure import journal
from validation.measure.timings import Point
from validation.score.scoring import COVERAGE, score, summaries
from validation.score.shipped import SHIPPED


@pytest.mark.parametrize(("point", "group"), [
    (Point("gemm", "float32", 1, n=512), "between"),  # 512 = 3 x 170 + 2
    (Point("gemm", "float32", 1, n=1025), "between"),
    (Point("gemm", "float32", 1, n=513), ""),
    (Point("gemm", "float32", 1, n=1665), "beyond"),
    (Point("eigh", "float32", 1, n=1153), "beyond"),
    (Point("inversion", "float32", 1, model="vit_deep"), "model"),
    (Point("inversion", "float32", 1, model="vit_small"), ""),
])  # fmt: skip
def test_the_rule(point: Point, group: str) -> None:
    assert held_out(point) == group


def test_thresholds_are_those_promised() -> None:
    from validation.score.scoring import LIMITS

    assert {key: (limit.median, limit.tail) for key, limit in LIMITS.items()} == {
        "between": (0.05, 0.15), "beyond": (0.12, 0.25), "model": (0.10, 0.25),
    }  # fmt: skip
    assert COVERAGE == (0.85, 0.97)


def spoiled(file: Path, target: Path) -> Path:
    """The file with every held-out time a hundred times longer."""
    lines = []
    for line in file.read_text().splitlines():
        data = json.loads(line)
        if data["kind"] == "timing":
            point = Point(**{name: data[name] for name in ("op", "dtype", "threads", "n", "m", "batch", "model")})
            if held_out(point):
                data |= {name: data[name] * 100 for name in ("min_s", "q1_s", "median_s", "q3_s", "cpu_s")}
        lines.append(json.dumps(data))
    target.write_text("\n".join(lines) + "\n")
    return target


def test_no_fit_reads_held_out_data(tmp_path: Path) -> None:
    file = full_file(tmp_path / "t.jsonl")
    changed = spoiled(file, tmp_path / "spoiled.jsonl")
    cards = [card_text(calibrate(journal.read(each), hold_out=True), "card") for each in (file, changed)]
    assert cards[0] == cards[1]
    assert file.read_text() != changed.read_text()


ON_PROCESSORS = [each for each in SHIPPED if not each.steps]


@pytest.mark.parametrize("shipped", ON_PROCESSORS, ids=lambda each: each.card)
def test_shipped_cards_are_what_their_timings_give_without_held_out_data(shipped: object, tmp_path: Path) -> None:
    changed = spoiled(shipped.file, tmp_path / "spoiled.jsonl")  # type: ignore[attr-defined]
    found = calibrate(journal.read(changed), threads=shipped.threads, hold_out=True)  # type: ignore[attr-defined]
    # Kernels of two processors round a fit at 1e-12, and the file has nine digits.
    assert_alike(load_digital(shipped.card), card(found, shipped.card))  # type: ignore[attr-defined]


def test_fitting_and_scoring_share_no_point(tmp_path: Path) -> None:
    timings = journal.read(full_file(tmp_path / "t.jsonl")).timings
    fitted, scored = ({t.point for t in part(timings)} for part in (for_fitting, for_scoring))
    assert not fitted & scored
    assert len(fitted) + len(scored) == 5 * len(SIZES)


def test_every_kind_of_network_is_fitted_and_held_out() -> None:
    pytest.importorskip("torch")
    from validation.measure.models import MODELS

    assert set(MODELS) >= HELD_OUT_MODELS
    kinds = {name.split("_")[0] for name in MODELS}
    assert kinds == {"mlp", "vit", "gpt", "gnn", "resnet"}
    for names in (HELD_OUT_MODELS, set(MODELS) - HELD_OUT_MODELS):
        assert {name.split("_")[0] for name in names} == kinds


def test_a_score_finds_what_is_wrong(tmp_path: Path) -> None:
    file = full_file(tmp_path / "t.jsonl")
    written = tmp_path / "card.yaml"
    written.write_text(card_text(calibrate(journal.read(file), hold_out=True), "card"))
    right = score(load_digital(written), journal.read(file), 1).points
    wrong = score(load_digital(written), journal.read(spoiled(file, tmp_path / "s.jsonl")), 1).points
    assert [summary.passed for summary in summaries(right)] == [True, True]
    assert [summary.passed for summary in summaries(wrong)] == [False, False]
    # A hundred times longer than predicted: 99 % too little.
    assert summaries(wrong)[0].median == pytest.approx(0.99, abs=0.005)
    assert not any(each.inside for each in wrong)


def test_whole_steps_are_scored_beside_their_phases(tmp_path: Path) -> None:
    lines = [{**HEADER}, timing_line("step", 0, 1.0, model="vit_deep")]
    file = tmp_path / "t.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert journal.read(file).timings[0].point.model == "vit_deep"
