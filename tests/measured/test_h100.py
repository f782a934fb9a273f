"""The H100 card: what the fit gives, from nothing that is held out, and as good as promised."""

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from costmodel.inputs.card_writer import dump
from costmodel.inputs.loading import load_digital
from costmodel.projection.predict import predict
from costmodel.quantities.estimate import Status
from tests.round_cards import assert_alike
from validation.cards import h100
from validation.heldout import held_out
from validation.measure import journal
from validation.measure.timings import Point
from validation.score.extrapolation import HALF, LARGEST, extrapolated
from validation.score.left_out import FACTORISATIONS, every_size
from validation.score.scoring import COVERAGE, Scored, intervals, score, score_steps, score_times, summaries
from validation.score.scoring import GPU_LIMITS as LIMITS
from validation.score.shipped import H100, SHIPPED

SHIPPED_H100 = next(each for each in SHIPPED if each.card == h100.NAME)


@pytest.fixture(scope="module")
def points() -> list[Scored]:
    card = load_digital(h100.NAME)
    calls = score(card, journal.read(SHIPPED_H100.file), 1)
    assert calls.fitted > 1000
    products = score_times(card, SHIPPED_H100.held_out_products())
    assert len(products) == 11  # n = 2048 and 8192 in tf32 and bfloat16, X^T X of 8192 columns in tf32
    rates = score_times(card, SHIPPED_H100.held_out_rates())
    return [*calls.points, *products, *rates, *score_steps(card, SHIPPED_H100.held_out_networks())]


@pytest.fixture
def fresh() -> Iterator[None]:
    """Nothing kept of fits before and after."""
    h100.calibration.cache_clear()
    h100.networks.cache_clear()
    yield
    h100.calibration.cache_clear()
    h100.networks.cache_clear()


def test_the_card_is_what_the_fit_gives() -> None:
    assert_alike(load_digital(h100.NAME), h100.card())


def test_no_fit_reads_held_out_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    before = dump(h100.card(), "")
    lines = []
    for line in gzip.decompress((H100 / "timings.jsonl.gz").read_bytes()).decode().splitlines():
        data = json.loads(line)
        if data["kind"] == "timing":
            point = Point(**{name: data[name] for name in ("op", "dtype", "threads", "n", "m", "batch", "model")})
            if held_out(point, "cuda"):
                data |= {name: data[name] * 100 for name in ("min_s", "q1_s", "median_s", "q3_s")}
        lines.append(json.dumps(data))
    (tmp_path / "timings.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    held = {each.model.model for each in SHIPPED_H100.held_out_networks()}
    _spoil(tmp_path, "kfac_steps.csv", lambda row: row["model"] in held or row["batch"] == "128")
    _spoil(tmp_path, "products_tf32_bf16.csv", lambda row: int(row["n"]) % 3 == 2)
    # There are no rates of n = 16 384 beside these files: none is read.
    monkeypatch.setattr(h100, "H100", tmp_path)
    h100.calibration.cache_clear()
    h100.networks.cache_clear()
    assert dump(h100.card(), "") == before


def _spoil(target: Path, name: str, chosen: object) -> None:
    """A copy in which the chosen rows take a hundred times as long."""
    with (H100 / name).open() as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        if chosen(row):  # type: ignore[operator]
            row["median_s"] = str(float(row["median_s"]) * 100)
    with (target / name).open("w") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_thresholds_are_those_promised() -> None:
    assert {key: (each.median, each.tail, each.worst) for key, each in LIMITS.items()} == {
        "between": (0.10, 0.25, False), "large": (0.10, 0.25, False), "beyond": (0.12, 0.25, False),
        "phase": (0.10, 0.25, False), "model": (0.10, 0.15, True),
    }  # fmt: skip


def test_thresholds_are_met_on_what_no_fit_has_read(points: list[Scored]) -> None:
    found = {each.title: each for each in summaries(points, LIMITS)}
    assert len(found) == 5
    assert all(each.passed for each in found.values()), found
    assert found["sizes between those fitted, from 1792"].points == 74
    assert found["sizes beyond those fitted"].points == 9
    for kind, each in intervals(points).items():
        assert COVERAGE[0] <= np.mean([point.inside for point in each]) <= COVERAGE[1], kind


def test_laws_of_half_the_sizes_predict_the_other_half() -> None:
    points = extrapolated(HALF, LARGEST)
    errors = np.abs([each.error for each in points])
    limit = LIMITS["beyond"]
    assert len(points) > 100
    assert np.median(errors) < limit.median
    assert np.quantile(errors, 0.9) < limit.tail
    assert COVERAGE[0] <= np.mean([each.inside for each in points]) <= COVERAGE[1]


def test_rates_at_16384_are_met_and_marked_as_beyond() -> None:
    card = load_digital(h100.NAME)
    rates = SHIPPED_H100.held_out_rates()
    assert {(point.op, point.n) for point in rates} == {(op, 16384) for op in ("gemm", "cholesky", "cholesky_inverse")}
    for point, seconds in rates.items():
        far, near = (predict(card, point.op, n) for n in (point.n, 6144))
        assert far.time.median == pytest.approx(seconds, rel=0.1)
        assert far.time.p05 < seconds < far.time.p95
        assert far.time.status is Status.EXTRAPOLATED
        assert far.excess == pytest.approx(16384 / 6144)
        assert near.time.status is Status.INTERPOLATED
        assert far.time.p95 / far.time.p05 > 1.15 * near.time.p95 / near.time.p05


def test_no_factorisation_runs_faster_than_products() -> None:
    """By what PyTorch has the GPU do: inverses are solved for the identity."""
    laws = load_digital(h100.NAME).laws
    done = {"cholesky": 1, "cholesky_inverse": 3, "cholesky_solve": 1, "triangular_solve": 1, "inv": 4 / 3, "eigh": 1}
    for dtype in ("", ".float64"):
        product = laws[f"gemm{dtype}"].work.limit
        for name, share in done.items():
            assert laws[name + dtype].work.limit >= share * product * (1 - 1e-6), name + dtype


def test_the_inverse_is_a_solve_for_the_identity() -> None:
    card = load_digital(h100.NAME)
    for n in (4096, 6144, 16384, 50000):
        inverse, solve = (predict(card, name, n).time.median for name in ("cholesky_inverse", "cholesky_solve"))
        assert inverse == pytest.approx(solve, rel=0.1)


@pytest.mark.slow
def test_every_large_size_left_out_once() -> None:
    found = every_size()
    assert {point.n for point in found} >= {1792, 2048, 2049, 3072, 4096, 5000, 6144, 8192, 16384}
    for points in (found, {point: each for point, each in found.items() if point.op in FACTORISATIONS}):
        errors = np.abs([each.error for each in points.values()])
        assert len(errors) > 100
        assert np.median(errors) < 0.1
        assert np.quantile(errors, 0.9) < 0.25
        assert np.mean([each.inside for each in points.values()]) >= COVERAGE[0]


@pytest.mark.parametrize(("operation", "n", "seconds"), [
    # The first is held out. Then rates seen beside the timings, two digits; no fit has the last three.
    ("eigh", 512, 14.9e-3), ("eigh", 640, 7e-3), ("eigh", 4096, 95e-3),
    ("gemm", 4096, 2 * 4096**3 / 50e12), ("cholesky", 4096, 4096**3 / 3 / 12e12),
    ("cholesky_inverse", 4096, 2 * 4096**3 / 3 / 7e12), ("cholesky", 16384, 16384**3 / 3 / 32e12),
    ("cholesky_inverse", 16384, 2 * 16384**3 / 3 / 14e12), ("gemm", 16384, 2 * 16384**3 / 50e12),
])  # fmt: skip
def test_calls_that_are_known_by_heart(operation: str, n: int, seconds: float) -> None:
    assert predict(load_digital(h100.NAME), operation, n).time.median == pytest.approx(seconds, rel=0.12)


@pytest.mark.parametrize(("dtype", "rate"), [("tf32", 360e12), ("bfloat16", 700e12)])
def test_products_of_other_precisions(dtype: str, rate: float) -> None:
    # n = 8192 is held out; the file has 3.06 ms and 1.68 ms.
    assert predict(load_digital(h100.NAME), "gemm", 8192, dtype=dtype).time.median == pytest.approx(
        2 * 8192**3 / rate, rel=0.12
    )


def test_forward_and_backward_in_three_precisions_are_ordered() -> None:
    card = load_digital(h100.NAME)
    times = [
        predict(card, "linear_pass", 1536, 25216, dtype=each).time.median for each in ("float32", "tf32", "bfloat16")
    ]
    # 512 images of ViT-S/16 took 381, 182 and 86 ms, element-wise work in them
    assert times[1] / times[0] == pytest.approx(182 / 381, rel=0.2)
    assert times[2] / times[0] == pytest.approx(86 / 381, rel=0.35)
