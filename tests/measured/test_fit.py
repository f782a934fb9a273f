"""Laws fitted to timings whose truth is known: recovered inside, right beyond, unmoved by stalls."""

import numpy as np
import pytest

from costmodel.machines.operations import OPERATIONS
from costmodel.machines.sizes import Size
from tests.measured.synthetic import SIZES, saturating, timed
from validation.fit.selection import FAMILIES, Data, errors_of, fit
from validation.fit.solve import solve

LARGER = (2000, 3001, 4000)


def worst(found: object, data: Data) -> float:
    return float(np.max(np.abs(errors_of(found.law, data))))  # type: ignore[attr-defined]


@pytest.mark.parametrize("family", FAMILIES[:3])
def test_a_cubic_law_with_a_launch_is_found_by_every_family(family: str) -> None:
    truth = timed("gemm", SIZES, lambda n: 1e-11)
    found = fit(truth, families=(family,))
    assert worst(found, truth) < 1e-6
    assert worst(found, timed("gemm", LARGER, lambda n: 1e-11)) < 1e-6
    assert found.law.launch == pytest.approx(3e-6, rel=1e-6)


def test_a_saturating_rate_is_told_from_a_polynomial_and_goes_on_beyond_the_data() -> None:
    found = fit(timed("gemm", SIZES, saturating))
    # Nothing else comes near on exact times, so it wins against the spline's head start.
    assert found.candidate.family == "saturating"
    assert found.candidate.power == 1.5
    assert worst(found, timed("gemm", LARGER, saturating)) < 1e-3


def test_alignment_is_a_regime_of_its_own() -> None:
    def per_flop(n: int) -> float:
        return saturating(n) * 1.0 + (3e-12 if n % 8 else 0.0) + (2e-12 if n % 512 == 0 else 0.0)

    found = fit(timed("inv", SIZES, per_flop))
    assert found.candidate.misaligned
    fresh = timed("inv", (705, 712, 1337, 1336, 2048), per_flop)
    assert worst(found, fresh) < 0.03


def test_a_penalty_that_is_not_in_the_data_is_not_in_the_law() -> None:
    found = fit(timed("gemm", SIZES, saturating))
    assert not found.candidate.misaligned
    assert not found.candidate.strided


def test_a_switch_of_algorithm_is_placed_at_the_roundest_size() -> None:
    def per_flop(n: int) -> float:
        return (3e-11 if n <= 128 else 1e-11) + 1e-10 / n

    sizes = tuple(n for n in SIZES if n != 128)
    found = fit(timed("cholesky", (*sizes, 112), per_flop))
    assert found.candidate.switch == 128
    assert worst(found, timed("cholesky", (120, 128, 130, 144), per_flop)) < 0.05


def test_stalls_do_not_move_a_law() -> None:
    truth = timed("gemm", SIZES, saturating)
    stalled = truth.seconds.copy()
    stalled[[5, 14, 22]] *= [30.0, 4.0, 10.0]
    found = fit(Data(truth.operation, truth.sizes, stalled))
    assert float(np.median(np.abs(errors_of(found.law, truth)))) < 0.01
    assert worst(found, truth) < 0.1


def test_noise_gives_intervals_that_cover_as_much_as_they_say() -> None:
    covered = []
    for seed in range(6):
        noise = np.random.default_rng(seed)
        truth = timed("eigh", SIZES, saturating)
        noisy = Data(truth.operation, truth.sizes, truth.seconds * np.exp(noise.normal(0, 0.04, len(SIZES))))
        law = fit(noisy).law
        fresh = timed("eigh", tuple(range(40, 1500, 35)), saturating)
        measured = fresh.seconds * np.exp(noise.normal(0, 0.04, len(fresh.seconds)))
        errors = np.log([law.seconds(fresh.operation, size) for size in fresh.sizes]) - np.log(measured)
        covered.append(np.mean(np.abs(errors) < 1.645 * law.spread))
    assert 0.8 < np.mean(covered) < 1.0


def test_no_tail_goes_below_its_floor() -> None:
    data = timed("cholesky", tuple(n for n in SIZES if n <= 600), lambda n: 1e-11 + 3e-9 / n)
    found = fit(data, families=("spline",), floor=2e-11)
    law = found.law
    rate = law.seconds(OPERATIONS["cholesky"], Size(10**5, 10**5)) / OPERATIONS["cholesky"].flops(10**5, 10**5)
    assert rate >= min(2e-11, law.work.values[-1]) * 0.999


def test_memory_bound_work_may_rise_where_it_leaves_a_cache() -> None:
    def per_element(n: int) -> float:
        return 1e-10 if n <= 700 else 3e-10

    found = fit(timed("ema", SIZES, per_element))
    assert worst(found, timed("ema", (100, 500, 1200), per_element)) < 0.1


def test_covariance_is_that_of_least_squares() -> None:
    # y = 2 x with 10 % noise of either sign: the relative slope has variance scale^2 / N.
    x = np.arange(1.0, 101.0)
    y = 2 * x * np.where(np.arange(100) % 2, 1.1, 1 / 1.1)
    found = solve(x[:, None], y)
    deviation = float(found.covariance[0, 0]) ** 0.5 / float(found.coefficients[0])
    assert deviation == pytest.approx(0.1 * 1.4826 / 10, rel=0.2)
