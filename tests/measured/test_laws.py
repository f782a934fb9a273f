"""Fitted laws and predictions by hand."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import load_digital
from costmodel.machines.curves import Curve
from costmodel.machines.laws import Context, FittedLaw, Work
from costmodel.machines.operations import OPERATIONS, Part
from costmodel.machines.sizes import ALIGNMENTS, Size
from costmodel.projection.predict import UnpredictableError, predict
from tests.measured.synthetic import full_file
from tests.test_cli import run
from validation.cards.fitted import card_text
from validation.fit.calibration import calibrate
from validation.measure.journal import read

LAW = FittedLaw(
    launch=1.0,
    item=0.5,
    element=0.01,
    work=Curve((10.0, 100.0), (0.002, 0.001), 0.0005),
    penalties={"odd": Curve((128.0, 1024.0), (0.0001, 0.0002), 0.0002)},
    domain=(10.0, 100.0),
    spread=0.1,
    growth=0.2,
)


@pytest.mark.parametrize(("n", "expected"), [
    # cholesky: n^3 / 3 FLOPs, 2 n^2 elements; launch 1, one matrix 0.5
    (10, 1.5 + 0.01 * 200 + 0.002 * 1000 / 3),
    (100, 1.5 + 0.01 * 20000 + 0.001 * 1e6 / 3),
    # an odd size pays 0.0001 a FLOP more below 128; beyond 100 the excess over 0.0005 halves at 200
    (101, 1.5 + 0.01 * 2 * 101**2 + (0.0005 + 0.0005 * 100 / 101 + 0.0001) * 101**3 / 3),
    (200, 1.5 + 0.01 * 80000 + 0.00075 * 8e6 / 3),
])  # fmt: skip
def test_time_by_hand(n: int, expected: float) -> None:
    assert LAW.seconds(OPERATIONS["cholesky"], Size(n, n)) == pytest.approx(expected, rel=1e-12)


def test_a_batch_pays_one_launch() -> None:
    one = LAW.seconds(OPERATIONS["inv_batched"], Size(20, 20, 1))
    assert LAW.seconds(OPERATIONS["inv_batched"], Size(20, 20, 5)) == pytest.approx(1 + 5 * (one - 1))


def test_many_sizes_at_once_are_each_by_itself() -> None:
    """Ranks differ from draw to draw: every penalty, odd rows and rows beside a stride, at 2 x 300 sizes."""
    flat = Curve((8.0, 512.0), (2.0, 1.0), limit=1.0)
    law = FittedLaw(0.0, 0.0, 0.0, flat, {name: flat.times(0.1 + at) for at, name in enumerate(ALIGNMENTS)})
    rows = np.stack([np.linspace(2.0, 1100.0, 300), np.repeat([1023.0, 1024.0, 4096.0], 100)])
    size = 3.0 / (2.0 / rows + 1.0 / 700.0)
    one = np.ones((1, 1))
    work = Work(OPERATIONS["gemm"], one, one, one, one, None, size, (rows, rows))
    context = Context({"scatter": np.ones(1)}, np.zeros(1), in_step=False)
    (term,) = law.terms(work, Part("gemm"), context)
    each = [
        [float(law.per_unit(s, round(n))) for s, n in zip(*both, strict=True)] for both in zip(size, rows, strict=True)
    ]
    assert term.seconds == pytest.approx(np.array(each), rel=1e-14)


def test_the_interval_widens_with_distance() -> None:
    assert LAW.deviation(50.0) == 0.1
    assert LAW.deviation(100.0 * math.e) == pytest.approx(math.hypot(0.1, 0.2))
    assert LAW.deviation(10.0 / math.e) == pytest.approx(math.hypot(0.1, 0.2))


@pytest.fixture(scope="module")
def card_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("card")
    timings = full_file(folder / "t.jsonl")
    card = folder / "mine.yaml"
    card.write_text(card_text(calibrate(read(timings)), "mine"))
    return card


def test_predict_contract(card_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "predict", "gemm", "--n", "800", "--card", str(card_file), "--format", "json")
    answer = json.loads(out)
    assert code == 0
    assert answer["schema"] == 2
    assert answer["status"] == "interpolated"
    time = answer["time_s"]
    # 3 us, 1.024e9 FLOPs at 1e-11 (1 + (100 / 800)^1.5)
    assert time["median"] == pytest.approx(3e-6 + 2 * 800**3 * 1e-11 * (1 + 0.125**1.5), rel=0.01)
    assert time["p05"] < time["median"] < time["p95"]


def test_predict_says_how_far_it_extrapolates(card_file: Path) -> None:
    card = load_digital(card_file)
    assert predict(card, "gemm", 3533).status == "extrapolated 2.3x"
    assert predict(card, "gemm", 3533).time.p95 / predict(card, "gemm", 3533).time.median > (
        predict(card, "gemm", 1400).time.p95 / predict(card, "gemm", 1400).time.median
    )


def test_spd_inverse_is_factor_and_inverse(card_file: Path) -> None:
    card = load_digital(card_file)
    parts = [predict(card, name, 500).time.median for name in ("cholesky", "cholesky_inverse")]
    assert predict(card, "spd_inverse", 500).time.median == pytest.approx(sum(parts))


@pytest.mark.parametrize(("arguments", "argument", "expected"), [
    (("gem", 10), "operation", "unknown operation 'gem'; did you mean 'gemm'?"),
    (("eigh", 10, 20), "m", "eigh is of square matrices; leave it out"),
    (("inv", 10, None, 5), "batch", "inv is of one matrix; use inv_batched"),
    (("inv", 10), "card", "has no law for inv; it has network, gemm, eigh, cholesky, cholesky_inverse, ema"),
    (("gemm", 10, None, 1, "float64"), "card",
     "has no law for gemm.float64; it has network, gemm, eigh, cholesky, cholesky_inverse, ema"),
])  # fmt: skip
def test_predict_faults(arguments: tuple[object, ...], argument: str, expected: str, card_file: Path) -> None:
    with pytest.raises(UnpredictableError) as error:
        predict(load_digital(card_file), *arguments)  # type: ignore[arg-type]
    assert error.value.faults == [(argument, expected)]


def test_the_command_line_names_the_option(card_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "predict", "eigh", "--n", "10", "--m", "20", "--card", str(card_file))
    assert (code, out, err) == (2, "", "--m: eigh is of square matrices; leave it out\n")


def test_in_a_step_a_call_takes_what_a_projection_counts() -> None:
    card = load_digital("epyc-milan-1-thread")
    step = card.laws["precondition"].in_step  # type: ignore[attr-defined]
    alone, inside = (predict(card, "precondition", 300, 200, in_step=each).time.median for each in (False, True))
    assert inside == pytest.approx(step.factor * alone + step.launch, rel=1e-9)


def test_cards_without_timings_predict_what_their_primitives_allow() -> None:
    # rtx-a6000: 296.7 us + 0.9872 ns n^2
    found = predict(load_digital("rtx-a6000"), "spd_inverse", 1000)
    assert found.time.median == pytest.approx(296.7e-6 + 0.9872e-3)
    assert found.status == "interpolated"
    assert predict(load_digital("rtx-a6000"), "spd_inverse", 9216).status == "extrapolated 2.0x"


def test_a_fitted_card_projects(card_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(
        capsys, "project", "mlp", "--digital", str(card_file), "--draws", "200", "--format", "json",
        "--set", "parameters.width=500", "--set", "parameters.depth=1", "--set", "kfac.refresh_interval=1",
    )  # fmt: skip
    assert (code, err) == (0, "")
    phases = json.loads(out)["methods"]["kfac.cholesky"]["phases"]
    card = load_digital(card_file)
    sizes = (785, 500, 501, 10)  # factors of 784 -> 500 -> 10, with biases
    expected = sum(predict(card, "spd_inverse", n).time.median for n in sizes)
    assert phases["inversion"]["median"] == pytest.approx(expected, rel=0.03)
    assert phases["inversion"]["status"] == "interpolated"


@pytest.mark.parametrize(("old", "new", "expected"), [
    ("values: [", "values: [1.0, ", "sizes but"),
    ("launch_s: ", "launch_s: -", "is not at least 0"),
    ("\n  gemm:\n    launch_s", "\n  gem:\n    launch_s",
     "operations.gem unknown operation 'gem'; did you mean 'gemm'?"),
    ("    element_s: ", "    rate: 1 TFLOP/s\n    element_s: ", "unknown key 'rate'"),
    ("domain: [", "domain: [1e9, ", "operations.gemm.domain"),
    ("spread: ", "spread: 1000", "is not at most 5"),
])  # fmt: skip
def test_card_faults(old: str, new: str, expected: str, card_file: Path, tmp_path: Path) -> None:
    changed = tmp_path / "c.yaml"
    changed.write_text(card_file.read_text().replace(old, new))
    with pytest.raises(InputError) as error:
        load_digital(changed)
    assert expected in str(error.value)
